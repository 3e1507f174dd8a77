"""How much a person gestures: amplitude and speed.

Read beside the same numbers of real motion: less is stiff, more is nervous. All in shoulder
widths, so that people near and far compare.
"""

from __future__ import annotations

import numpy as np

from ..keypoints import layout
from ..keypoints.motion import Motion

SEEN = 0.3  # Confidence from which a point counts as seen.

# Parts of the 116 motion points. Hands are relative to their wrist there: their entry is the
# motion of the fingers. "head" is the slot of the nose tip, the only face point on the body.
_ARM = layout.MOTION_ARMS.start - layout.LEFT_SHOULDER
GESTURE_PARTS: dict[str, list[int]] = {
    "head": [layout.FACE_NOSE_TIP],
    "wrists": [_ARM + layout.LEFT_WRIST, _ARM + layout.RIGHT_WRIST],
    "fingers": [*range(layout.MOTION_LEFT_HAND.start, layout.MOTION_RIGHT_HAND.stop)],
}


def amplitude(motion: Motion, part: str) -> float:
    """Root of the mean squared distance of a part's points from their mean place, in shoulder
    widths; each point over the frames it was seen in. NaN where it never was.

    part: a name of `GESTURE_PARTS`.
    """
    points, seen = _part(motion, part)
    points = np.where(seen[..., None], points, np.nan)
    kept = points[:, seen.sum(axis=0) >= 2]
    if not kept.size:
        return float("nan")
    return float(np.sqrt(np.nanmean(((kept - np.nanmean(kept, axis=0)) ** 2).sum(axis=-1))))


def speed(motion: Motion, part: str) -> float:
    """Mean speed of a part's points in shoulder widths per second, over the steps whose two
    frames saw the point. NaN where there is none."""
    points, seen = _part(motion, part)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=-1)[seen[1:] & seen[:-1]]
    return float(steps.mean() * motion.fps) if steps.size else float("nan")


def _part(motion: Motion, part: str) -> tuple[np.ndarray, np.ndarray]:
    """[T, P, 2] points and [T, P] bool seen."""
    index = GESTURE_PARTS[part]
    return motion.points[:, index].astype(np.float64), motion.confidence[:, index] >= SEEN
