"""Where arms and hands are in a picture, as thick lines along their bones."""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from ...keypoints import layout

# Thickness in shoulder widths: sleeves and all, and of what is surely limb.
UPPER_ARM, FOREARM, FINGERS = 0.30, 0.24, 0.16
_SURE_FINGERS, _SURE_ARM = 0.55, 0.8
SIDES = (
    (layout.LEFT_SHOULDER, layout.LEFT_ELBOW, layout.LEFT_WRIST, layout.LEFT_HAND),
    (layout.RIGHT_SHOULDER, layout.RIGHT_ELBOW, layout.RIGHT_WRIST, layout.RIGHT_HAND),
)


def bones() -> list[tuple[int, int, float]]:
    """(first point, last point, thickness) of every bone of both arms and hands."""
    found = []
    for shoulder, elbow, wrist, hand in SIDES:
        found += [(shoulder, elbow, UPPER_ARM), (elbow, wrist, FOREARM)]
        root = hand.start
        for finger in range(5):
            chain = [root, *range(root + 1 + 4 * finger, root + 5 + 4 * finger)]
            found += [(a, b, FINGERS) for a, b in itertools.pairwise(chain)]
        palm = [root + 5, root + 9, root + 13, root + 17, root]
        found += [(a, b, FINGERS) for a, b in itertools.pairwise(palm)]
        found.append((wrist, root, FINGERS))
    return found


BONES = bones()


def limbs(
    shape: tuple[int, ...],
    points: np.ndarray,
    width: float,
    strength: np.ndarray | None = None,
    *,
    sure: bool = False,
    upper: bool = False,
) -> np.ndarray:
    """[H, W] float32 in 0..1.

    shape: of the picture. points: [133, 3] in its pixels; bones with an unseen end are left out.
    width: of the shoulders in pixels. strength: [133] in 0..1 how much the bones at a point count;
    1 where None. sure: only the core of each limb. upper: only the upper arms.
    """
    covered = np.zeros(shape[:2], np.float32)
    for a, b, thick in BONES:
        if points[a, 2] <= 0 or points[b, 2] <= 0 or (upper and thick != UPPER_ARM):
            continue
        count = 1.0 if strength is None else float(max(strength[a], strength[b]))
        if count <= 0:
            continue
        line = np.zeros(covered.shape, np.uint8)
        ends = [tuple(int(v) for v in np.clip(np.rint(points[i, :2]), -9999, 9999)) for i in (a, b)]
        core = _SURE_FINGERS if thick == FINGERS else _SURE_ARM
        thickness = max(1, round(thick * width * (core if sure else 1.0)))
        cv2.line(line, ends[0], ends[1], 1, thickness)
        np.maximum(covered, count * line, out=covered)
    return covered
