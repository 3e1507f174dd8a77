"""Motion as joint positions, the form in which papers measure it.

`Motion` has face points relative to the nose and hand points relative to the wrists. Metrics of
positions and speeds want all of them in one frame: relative to the neck, in shoulder widths of the
canonical person, y down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..keypoints import layout
from ..keypoints.motion import Motion

SEEN = 0.3  # Confidence from which a point counts as seen.
FPS = 25.0  # At which motions are compared; others are resampled.

_ARM = layout.MOTION_ARMS.start - layout.LEFT_SHOULDER
LEFT_WRIST, RIGHT_WRIST = _ARM + layout.LEFT_WRIST, _ARM + layout.RIGHT_WRIST
# The names that results are told by, and the motion points they hold.
PARTS: dict[str, slice] = {
    "all": slice(0, layout.NUM_MOTION_POINTS),
    "face": layout.MOTION_FACE,
    "body": layout.MOTION_BODY,
}


@dataclass(frozen=True)
class Joints:
    """points: [T, K, 2] in shoulder widths from the neck. seen: [T, K] bool. fps: their rate."""

    points: np.ndarray
    seen: np.ndarray
    fps: float

    def __len__(self) -> int:
        return len(self.points)

    @classmethod
    def of(cls, motion: Motion, part: slice = PARTS["all"]) -> Joints:
        """The joints of a part of a motion, float64."""
        points = motion.points.astype(np.float64)
        seen = motion.confidence >= SEEN
        nose = points[:, layout.FACE_NOSE_TIP].copy()
        points[:, layout.MOTION_FACE] += nose[:, None]
        points[:, layout.FACE_NOSE_TIP] = nose
        hands = (layout.MOTION_LEFT_HAND, layout.MOTION_RIGHT_HAND)
        for wrist, hand in zip((LEFT_WRIST, RIGHT_WRIST), hands, strict=True):
            points[:, hand] += points[:, wrist, None]
            seen[:, hand] &= seen[:, wrist, None]
        return cls(points[:, part], seen[:, part], motion.fps)

    def speed(self) -> np.ndarray:
        """[T - 1, K]: shoulder widths a second from each frame to the next, NaN where one of the
        two did not see the point."""
        steps = np.linalg.norm(np.diff(self.points, axis=0), axis=-1) * self.fps
        return np.where(self.seen[1:] & self.seen[:-1], steps, np.nan)


def same_frames(real: Joints, generated: Joints) -> np.ndarray:
    """[T, K] bool: what the real motion shows. A made motion has every point that it was asked
    for, so the truth alone decides what can be compared.

    Raises: ValueError where the two differ in length, points or rate.
    """
    if real.points.shape != generated.points.shape or real.fps != generated.fps:
        raise ValueError(
            f"real {list(real.points.shape)} at {real.fps:g} fps and generated "
            f"{list(generated.points.shape)} at {generated.fps:g} fps do not belong together"
        )
    return real.seen


def at_rate(motion: Motion, fps: float = FPS) -> Motion:
    """A motion at another frame rate, between frames by straight lines; itself at its own."""
    if motion.fps == fps or not len(motion):
        return motion
    count = max(1, round(len(motion) * fps / motion.fps))
    place = np.minimum(np.arange(count) * motion.fps / fps, len(motion) - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, len(motion) - 1)
    share = (place - low)[:, None]
    points = motion.points[low] + share[..., None] * (motion.points[high] - motion.points[low])
    confidence = np.minimum(motion.confidence[low], motion.confidence[high])
    return Motion(points, confidence, fps)
