"""A video of two people, taken apart into its left and its right half."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from ..errors import InputError
from ..keypoints import layout
from ..keypoints.poses import Poses

SIDES = ("left", "right")
# Both must be seen in this share of the sampled frames.
_SEEN_TOGETHER = 0.5


class Detector(Protocol):
    """What is needed of a pose estimator."""

    def detect(self, frame: np.ndarray) -> np.ndarray: ...


def find_divide(detector: Detector, frames: list[np.ndarray]) -> int:
    """The column between two people who sit or stand beside each other.

    frames: sampled ones, [H, W, 3] uint8 RGB. The two largest faces count.
    Raises: InputError where two people are seen in less than half of the frames.
    """
    middles = []
    for frame in frames:
        persons = detector.detect(frame)
        faces = [person[layout.FACE] for person in persons if (person[layout.FACE, 2] > 0).any()]
        if len(faces) >= 2:
            edges = sorted(
                (face[face[:, 2] > 0, 0].min(), face[face[:, 2] > 0, 0].max()) for face in faces[:2]
            )
            middles.append((edges[0][1] + edges[1][0]) / 2)
    if len(middles) < _SEEN_TOGETHER * len(frames) or not middles:
        raise InputError(
            f"Two people were asked for, and seen in {len(middles)} of {len(frames)} frames. Leave "
            "the video out, or build it without --persons 2."
        )
    return round(float(np.median(middles)))


def halves(frames: Iterable[np.ndarray], side: str, divide: int) -> Iterator[np.ndarray]:
    """Of each frame what lies on one side of the column."""
    columns = slice(0, divide) if side == "left" else slice(divide, None)
    for frame in frames:
        yield np.ascontiguousarray(frame[:, columns])


def put_back(poses: Poses, side: str, divide: int, size: tuple[int, int]) -> Poses:
    """Poses found in a half, in the pixels of the whole picture of ``size`` (width, height)."""
    points = poses.points.copy()
    if side == "right":
        points[..., 0] += np.where(points[..., 2] > 0, divide, 0)
    return Poses(points, size, poses.fps)
