"""Poses: whole-body skeletons over time, with the picture size and frame rate they belong to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..atomic import complete_or_nothing
from ..errors import InputError
from .layout import NUM_POINTS


@dataclass(frozen=True)
class Poses:
    """Whole-body skeletons of one person over time.

    points: [T, 133, 3] float32; x, y in pixels of a picture of ``size`` (pixel centres at whole
        numbers), confidence in 0..1. A point that was not seen has confidence 0.
    size: (width, height) of that picture, in pixels.
    fps: frames per second.
    """

    points: np.ndarray
    size: tuple[int, int]
    fps: float = 25.0

    def __post_init__(self) -> None:
        points = np.asarray(self.points, dtype=np.float32)
        if points.ndim != 3 or points.shape[1:] != (NUM_POINTS, 3):
            raise ValueError(f"poses need the shape [T, {NUM_POINTS}, 3], got {list(points.shape)}")
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "size", (int(self.size[0]), int(self.size[1])))

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, frames: slice | np.ndarray) -> Poses:
        """The poses of a span of frames, or of those a [T] bool mask picks."""
        return replace(self, points=self.points[frames])

    @property
    def xy(self) -> np.ndarray:
        """[T, 133, 2], in pixels."""
        return self.points[..., :2]

    @property
    def confidence(self) -> np.ndarray:
        """[T, 133], in 0..1."""
        return self.points[..., 2]

    def scaled(self, size: tuple[int, int]) -> Poses:
        """The same poses in a picture of another size (width, height)."""
        factor = np.array([size[0] / self.size[0], size[1] / self.size[1]], np.float32)
        points = self.points.copy()
        points[..., :2] = (points[..., :2] + 0.5) * factor - 0.5
        return Poses(points, size, self.fps)

    def save(self, path: str | Path) -> None:
        """Write an ``.npz`` file: points, size, fps."""
        with complete_or_nothing(path) as part, open(part, "wb") as file:
            np.savez_compressed(file, points=self.points, size=np.array(self.size), fps=self.fps)

    @classmethod
    def load(cls, path: str | Path) -> Poses:
        """Read what `save` wrote.

        Raises: InputError where the file is missing or is no pose file.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                size = file["size"]
                return cls(file["points"], (int(size[0]), int(size[1])), float(file["fps"]))
        except FileNotFoundError:
            raise InputError(f"No pose file at {path}.") from None
        except Exception as error:
            raise InputError(
                f"{path} is no pose file ({error}). Expected the .npz that --save-poses writes: "
                f"points [T, {NUM_POINTS}, 3], size [2], fps."
            ) from error
