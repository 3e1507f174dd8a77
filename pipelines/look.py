"""A look at a photo before the work: who is in it, what of them can move, what is in doubt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..keypoints import layout
from ..keypoints.poses import Poses
from .check import PartCheck, check, drawn
from .log import collected_warnings
from .portrait import Portrait, prepare
from .stages import PoseEstimator

# A point of this confidence is seen.
_SEEN = 0.3


@dataclass(frozen=True)
class Look:
    """What was seen.

    picture: [H, W, 3] uint8 RGB, the photo with the skeleton of whom is moved drawn over it, and
    its parts in the colours of what they can do. portrait: the photo and the pose as the pipeline
    would use them. parts: what each can do, and why not more. notes: warnings.
    """

    picture: np.ndarray
    portrait: Portrait
    parts: tuple[PartCheck, ...]
    notes: tuple[str, ...]


class PersonAt:
    """A pose estimator that sees only the person nearest to a point of the picture."""

    def __init__(self, estimator: PoseEstimator, at: tuple[float, float]) -> None:
        """at: x and y as shares of the picture's width and height, 0 to 1."""
        self.estimator, self.at = estimator, at
        self.name = estimator.name

    def detect(self, frame: np.ndarray) -> np.ndarray:
        """As `PoseEstimator.detect`, at most one person."""
        persons = np.asarray(self.estimator.detect(frame), np.float32)
        if len(persons) < 2:
            return persons
        point = np.array(self.at) * (frame.shape[1], frame.shape[0])
        return persons[[int(np.argmin([_distance(person, point) for person in persons]))]]

    def track(self, frames: Iterable[np.ndarray], fps: float) -> Poses:
        """As the estimator itself: a point says nothing of a video."""
        return self.estimator.track(frames, fps)


def _distance(person: np.ndarray, point: np.ndarray) -> float:
    """From a point to the box about head and shoulders, 0 within it; pixels."""
    shown = person[[*range(layout.FACE.start, layout.FACE.stop), *layout.ARMS]]
    shown = shown[shown[:, 2] >= _SEEN][:, :2]
    if not len(shown):
        return float("inf")
    low, high = shown.min(axis=0), shown.max(axis=0)
    off = np.maximum(np.maximum(low - point, point - high), 0)
    middle = np.linalg.norm((low + high) / 2 - point)
    # Boxes of people side by side overlap: within several, the nearer middle counts.
    return float(np.hypot(*off) + 1e-3 * middle)


def look(photo: str | Path | np.ndarray, estimator: PoseEstimator, size: int | None = None) -> Look:
    """Look at a photo. photo, size: as `GestureVideoPipeline`.

    Raises: InputError where nobody in it can be moved; UsageError for a size out of range.
    """
    from ..keypoints.drawing import draw
    from ..video.photo import read_photo

    with collected_warnings() as notes:
        picture = photo if isinstance(photo, np.ndarray) else read_photo(photo)
        portrait = prepare(picture, estimator, size, 25.0)
        parts = check(portrait)
    picture = draw(portrait.pose.points[0], background=drawn(portrait, parts))
    return Look(picture, portrait, parts, tuple(notes))
