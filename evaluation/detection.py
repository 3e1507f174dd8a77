"""Detection rates: in how many frames was each part of the person seen?

A part counts as seen in a frame where at least half of its points have a confidence of 0.3 or
more, the threshold above which DWPose (Yang et al., ICCV Workshops 2023) draws a point. The body
is its upper half (nose to wrists): in a talking shot the legs lie outside the picture.
"""

from __future__ import annotations

import numpy as np

from ..keypoints import layout
from ..keypoints.poses import Poses

SEEN = 0.3
_PARTS: dict[str, slice] = {
    "body": slice(layout.NOSE, layout.RIGHT_WRIST + 1),
    "face": layout.FACE,
    "left_hand": layout.LEFT_HAND,
    "right_hand": layout.RIGHT_HAND,
}


def seen_parts(poses: Poses) -> dict[str, np.ndarray]:
    """For body, face, left_hand, right_hand: [T] bool, seen in that frame."""
    seen = poses.confidence >= SEEN
    return {name: seen[:, part].mean(axis=1) >= 0.5 for name, part in _PARTS.items()}


def detection_rates(poses: Poses) -> dict[str, float]:
    """For body, face, left_hand, right_hand, any_hand: the share of frames it was seen in."""
    seen = seen_parts(poses)
    seen["any_hand"] = seen["left_hand"] | seen["right_hand"]
    return {name: float(frames.mean()) for name, frames in seen.items()}
