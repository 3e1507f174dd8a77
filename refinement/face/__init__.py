"""The face's own refiner: mouth and eyes drawn by small networks, each at its own resolution."""
