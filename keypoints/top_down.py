"""Following one person through a video with an estimator that looks into boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from . import layout
from .crops import picture_size
from .frames import one_size
from .poses import Poses

# Seconds between looks for persons in the whole frame: in between, the box comes from the last
# pose, which cannot take in a limb that was outside of it.
_LOOK_AGAIN = 1.0
# Points below this confidence do not count for the box; a body below it on average is lost.
_SEEN, _LOST = 0.3, 0.3
# What is added around the points on each side, as a share of the box.
_MARGIN = 0.1
# Two boxes that overlap by less (intersection over union) are of two persons.
_SAME_PERSON = 0.3
_UPPER_BODY = [layout.NOSE, layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]


def track_top_down(
    frames: Iterable[np.ndarray],
    fps: float,
    detect: Callable[[np.ndarray], np.ndarray],
    poses_in: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Poses:
    """The person with the largest face, followed over a video.

    frames: [H, W, 3] uint8 RGB. detect: frame -> [P, 133, 3], largest face first. poses_in: frame
    and [B, 4] boxes in pixels -> [B, 133, 3].
    Raises: InputError where there is no frame, or frames differ in size.
    """
    every = max(round(_LOOK_AGAIN * fps), 1)
    rows, size = [], (0, 0)
    last: np.ndarray | None = None
    seen = False
    for index, frame in enumerate(one_size(frames)):
        size = picture_size(frame)
        person = None
        if seen and last is not None and index % every:
            person = poses_in(frame, box_of(last, size)[None])[0]
        if person is None or person[_UPPER_BODY, 2].mean() < _LOST:
            person = _same_or_largest(detect(frame), last, size)
        seen = person is not None
        last = last if person is None else person
        rows.append(np.zeros((layout.NUM_POINTS, 3), np.float32) if person is None else person)
    return Poses(np.stack(rows), size, fps)


def box_of(person: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """[133, 3] -> [4] left, top, right, bottom around its points, within (width, height)."""
    seen = person[person[:, 2] > _SEEN, :2]
    if not len(seen):
        return np.array([0, 0, *size], np.float32)
    low, high = seen.min(axis=0), seen.max(axis=0)
    margin = _MARGIN * (high - low)
    edges = np.concatenate([np.maximum(low - margin, 0), np.minimum(high + margin, size)])
    return edges.astype(np.float32)


def _same_or_largest(
    persons: np.ndarray, last: np.ndarray | None, size: tuple[int, int]
) -> np.ndarray | None:
    """The person of [P, 133, 3] that was followed; else the first; None where there is none."""
    if not len(persons):
        return None
    if last is None:
        return persons[0]
    overlaps = [_overlap(box_of(person, size), box_of(last, size)) for person in persons]
    best = int(np.argmax(overlaps))
    return persons[best if overlaps[best] > _SAME_PERSON else 0]


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two [4] boxes."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    common = float(np.prod(np.maximum(sides, 0)))
    union = float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2])) - common
    return common / max(union, 1e-6)
