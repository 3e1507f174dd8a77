"""Motion: the 116 moving points in the person-independent frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .layout import NUM_MOTION_POINTS


@dataclass(frozen=True)
class Motion:
    """How a person moves, free of who they are and where they stand in the picture.

    points: [T, 116, 2] float32 in shoulder widths, y down. The origin is the neck (the middle of
        the shoulders) of the clip's reference and stays put, so that sway is kept. Arm points are
        relative to the origin; face points to the nose tip, whose own slot holds the nose tip
        relative to the origin; hand points to the body's wrist of that side. Proportions are the
        canonical person's (canonical.py): `person.to_motion` takes out who somebody is.
    confidence: [T, 116] float32 in 0..1.
    fps: frames per second.
    """

    points: np.ndarray
    confidence: np.ndarray
    fps: float = 25.0

    def __post_init__(self) -> None:
        for name, tail in (
            ("points", (NUM_MOTION_POINTS, 2)),
            ("confidence", (NUM_MOTION_POINTS,)),
        ):
            value = np.asarray(getattr(self, name), dtype=np.float32)
            if value.shape[1:] != tail:
                raise ValueError(
                    f"motion {name} need the shape [T, {', '.join(map(str, tail))}], "
                    f"got {list(value.shape)}"
                )
            object.__setattr__(self, name, value)
        if len(self.points) != len(self.confidence):
            raise ValueError(
                f"motion has {len(self.points)} frames of points, "
                f"but {len(self.confidence)} of confidence"
            )

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, frames: slice) -> Motion:
        """The motion of a span of frames."""
        return replace(self, points=self.points[frames], confidence=self.confidence[frames])
