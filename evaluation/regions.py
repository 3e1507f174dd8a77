"""Regions of a frame, from its skeleton: person, face, hands, mouth.

A number over the whole frame is mostly background. The regions are made from the pose alone, so
that every renderer is measured on the same pixels without a segmentation network; they are
generous where a pose says little (hair, clothes) and empty where it says nothing.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..keypoints import layout

REGIONS = ("person", "face", "hands", "mouth")
SEEN = 0.3  # Confidence from which a point counts as seen.
_TORSO = (layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER, layout.RIGHT_HIP, layout.LEFT_HIP)
_ARM_BONES = (
    (layout.LEFT_SHOULDER, layout.LEFT_ELBOW),
    (layout.LEFT_ELBOW, layout.LEFT_WRIST),
    (layout.RIGHT_SHOULDER, layout.RIGHT_ELBOW),
    (layout.RIGHT_ELBOW, layout.RIGHT_WRIST),
)


def _seen(points: np.ndarray) -> np.ndarray:
    """The seen ones of [N, 3], as [M, 2]."""
    return points[points[:, 2] >= SEEN, :2]


def _hull(size: tuple[int, int], points: np.ndarray, grow: float) -> np.ndarray:
    """The convex hull of [N, 2] grown by so many pixels, [H, W] bool; empty below 3 points."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    if len(points) >= 3:
        hull = cv2.convexHull(np.round(points).astype(np.int32))
        cv2.fillConvexPoly(mask, hull, [1])
        cv2.polylines(mask, [hull], True, [1], thickness=max(1, round(2 * grow)))
    return mask.astype(bool)


def face_region(pose: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The face from chin to forehead. pose: [133, 3], in pixels of a picture of `size` (width,
    height). Returns [H, W] bool."""
    points = _seen(pose[layout.FACE])
    if len(points) < 3:
        return _hull(size, points, 0)
    # The 68 points end at the brows: the forehead above them is about half as high as the rest.
    chin, top = points[:, 1].max(), points[:, 1].min()
    forehead = points[points[:, 1] < (chin + top) / 2] - [0, 0.4 * (chin - top)]
    return _hull(size, np.concatenate([points, forehead]), 0.03 * (chin - top))


def mouth_region(pose: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The lips and a rim of a fifth of their width. Arguments as for `face_region`."""
    lips = _seen(pose[layout.FACE][layout.FACE_OUTER_LIPS])
    return _hull(size, lips, 0.2 * np.ptp(lips[:, 0]) if len(lips) else 0)


def hands_region(pose: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Both hands, each with a rim of a tenth of its length. Arguments as for `face_region`."""
    mask = np.zeros((size[1], size[0]), bool)
    for part in (layout.LEFT_HAND, layout.RIGHT_HAND):
        points = _seen(pose[part])
        # Some points of a hand that is half hidden say little of where it ends.
        if len(points) > 10:
            mask |= _hull(size, points, 0.1 * float(np.ptp(points, axis=0).max()))
    return mask


def person_region(pose: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Head with hair, torso, arms and hands. Hips that are not seen lie below the picture, as in
    a half-body portrait. Arguments as for `face_region`."""
    mask = face_region(pose, size) | hands_region(pose, size)
    left, right = pose[layout.LEFT_SHOULDER], pose[layout.RIGHT_SHOULDER]
    if min(left[2], right[2]) < SEEN:
        return mask
    width = float(np.hypot(*(left[:2] - right[:2])))
    torso = pose[list(_TORSO)].copy()
    for hip, shoulder in ((2, 1), (3, 0)):
        if torso[hip, 2] < SEEN:
            torso[hip, :2] = torso[shoulder, :2] + [0, 1.6 * width]
    mask |= _hull(size, torso[:, :2], 0.12 * width)
    # Neck: from the face down to the inner half of the line between the shoulders.
    inner = torso[:2, :2].mean(axis=0) + 0.5 * (torso[:2, :2] - torso[:2, :2].mean(axis=0))
    neck = np.concatenate([_seen(pose[layout.FACE]), inner])
    mask |= _hull(size, neck, 0.05 * width)
    arms = np.zeros(mask.shape, np.uint8)
    for a, b in _ARM_BONES:
        if min(pose[a, 2], pose[b, 2]) >= SEEN:
            ends = np.round(pose[[a, b], :2]).astype(int).tolist()
            cv2.line(arms, ends[0], ends[1], [1], thickness=max(1, round(0.28 * width)))
    return mask | arms.astype(bool)


def regions(pose: np.ndarray, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """Every region of `REGIONS` by its name, [H, W] bool each.

    pose: [133, 3] x, y in pixels of a picture of `size` (width, height), confidence.
    """
    return {
        "person": person_region(pose, size),
        "face": face_region(pose, size),
        "hands": hands_region(pose, size),
        "mouth": mouth_region(pose, size),
    }
