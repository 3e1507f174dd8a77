"""What the page's controls say, checked again here: a client can send anything."""

from __future__ import annotations

import math
from typing import Any

from ..errors import UsageError
from ..pipelines.gesture_video import EXPRESSIVENESS, MAX_FPS, MIN_FPS
from ..pipelines.materials import style_names
from ..pipelines.options import Settings
from ..pipelines.portrait import MAX_SIZE, MIN_SIZE
from .engine import check_preset

MAX_SEED = 2**31 - 1
AS_MADE = "as made"


def number(value: Any, name: str, low: float, high: float) -> float:
    """Raises: UsageError for what is no number, or is out of range."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not good or not math.isfinite(value) or not low <= value <= high:
        raise UsageError(f"The {name} is {value!r}. Expected a number from {low:g} to {high:g}.")
    return float(value)


def whole(value: Any, name: str, low: int, high: int) -> int:
    """As `number`, without a fraction."""
    found = number(value, name, low, high)
    if found != int(found):
        raise UsageError(f"The {name} is {value!r}. Expected a whole number.")
    return int(found)


def one_of(value: Any, name: str, known: Any) -> str:
    """Raises: UsageError for what is none of the known values."""
    if not isinstance(value, str) or value not in known:
        raise UsageError(f"The {name} is {value!r}. Expected one of {', '.join(known)}.")
    return value


def size_wish(value: Any) -> int | None:
    """Pixels of the longer side; None for the photo's own, where the field is empty or 0."""
    return None if value in (None, "", 0) else whole(value, "size", MIN_SIZE, MAX_SIZE)


def style_wish(value: Any) -> str | None:
    """A style by name; a file's name is none."""
    return None if value in (None, "", AS_MADE) else one_of(value, "style", style_names())


def point_wish(value: Any) -> tuple[float, float] | None:
    """A place in a picture, as shares of its width and height."""
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise UsageError(f"The place in the photo is {value!r}. Expected two numbers.")
    x, y = (number(v, "place in the photo", 0, 1) for v in value)
    return x, y


def settings_wish(
    preset: Any, expressiveness: Any, rate: Any, amplitude: Any, style: Any, seed: Any, fps: Any,
    size: Any,
) -> Settings:  # fmt: skip
    """The controls of the main job. Raises: UsageError that names the value."""
    level = one_of(expressiveness, "expressiveness", EXPRESSIVENESS)
    wished = Settings(
        preset=check_preset(preset),
        seed=whole(seed, "seed", 0, MAX_SEED),
        fps=number(fps, "frame rate", MIN_FPS, MAX_FPS),
        size=size_wish(size),
        expressiveness=level,  # type: ignore[arg-type]  # one of them, as was checked
        gesture_rate=number(rate, "gesture rate", 0, 1.5),
        gesture_amplitude=number(amplitude, "gesture amplitude", 0, 2),
        style=style_wish(style),
    )
    wished.manner()
    return wished
