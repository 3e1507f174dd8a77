"""BC: beat constancy (also "beat consistency" and "beat align"), two variants that do not compare.

Both are after Li et al., "AI Choreographer", ICCV 2021: exp(-d^2 / (2 sigma^2)) of the distance d
from every beat of the sound to the nearest motion beat, averaged over the beats of the sound.

- `joint_beat_constancy`: Liu et al., "BEAT", ECCV 2022, and "EMAGE", CVPR 2024, what Contextual
  Gesture's table of SMPL-X models has. Every joint has motion beats of its own: local minima of its
  speed within 7 frames to both sides (of 30 a second) that are faster than a share of its mean
  speed (0.30 in the first program, 0.10 in emage_evaltools); sigma 0.3 s; the first and last two
  seconds are left out; a joint without beats scores 0; the mean over joints.
- `angle_beat_constancy`: Liu et al., "HA2G", CVPR 2022, and Zhu et al., "DiffGesture", CVPR 2023.
  One train of motion beats: local minima of the mean change of the joints' angles, each angle's
  change divided by its mean, that lie a threshold deep on one side at least (0.03 HA2G, 0.001
  DiffGesture); sigma 0.1 s. Theirs are angles in 3D at 15 frames a second, ours in the picture.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import argrelextrema

from ..keypoints import layout
from ..keypoints.motion import Motion
from .beats import closeness
from .joints import LEFT_WRIST, RIGHT_WRIST, Joints

JOINT_TOLERANCE, ANGLE_TOLERANCE = 0.3, 0.1  # Seconds.
_REACH = 7 / 30
_CUT = 2.0

_ARM = layout.MOTION_ARMS.start - layout.LEFT_SHOULDER
_HANDS = (layout.MOTION_LEFT_HAND, layout.MOTION_RIGHT_HAND)
# Upper body as in BEAT: head, shoulders, elbows, wrists. Fingers would be most of all points.
UPPER_JOINTS = [layout.FACE_NOSE_TIP, *range(layout.MOTION_ARMS.start, layout.MOTION_ARMS.stop)]
_SHOULDERS = (_ARM + layout.LEFT_SHOULDER, _ARM + layout.RIGHT_SHOULDER)
_ELBOWS = (_ARM + layout.LEFT_ELBOW, _ARM + layout.RIGHT_ELBOW)
# Other shoulder, shoulder, elbow, wrist, root of the middle finger: four bones, three angles.
_CHAINS = [
    [_SHOULDERS[1 - side], _SHOULDERS[side], _ELBOWS[side], wrist, _HANDS[side].start + 9]
    for side, wrist in enumerate((LEFT_WRIST, RIGHT_WRIST))
]


def joint_beat_constancy(
    motion: Motion,
    sound: np.ndarray,
    threshold: float = 0.30,
    tolerance: float = JOINT_TOLERANCE,
    mean_speed: np.ndarray | None = None,
    cut: float = _CUT,
) -> float:
    """BEAT's and EMAGE's, 0..1. Joints: `UPPER_JOINTS`; those that are seen in no frame are out.

    sound: [N] seconds. threshold: share of the mean speed that a beat must have. mean_speed:
    [7] shoulder widths a second of a whole data set, for the threshold (theirs come in a file);
    None takes the clip's own. cut: seconds left out at both ends, less in clips under five times
    as long. NaN without sound beats or joints.
    """
    joints = Joints.of(motion)
    speed = joints.speed()[:, UPPER_JOINTS]
    seen = np.isfinite(speed).any(axis=0)
    length = len(motion) / motion.fps
    cut = min(cut, length / 5)
    sound = sound[(sound >= cut) & (sound <= length - cut)]
    if not len(sound) or not seen.any():
        return float("nan")
    order = max(1, round(_REACH * motion.fps))
    scores = []
    for joint in np.flatnonzero(seen):
        frames = np.flatnonzero(np.isfinite(speed[:, joint]))
        own = np.interp(np.arange(len(speed)), frames, speed[frames, joint])
        mean = float(own.mean()) if mean_speed is None else float(mean_speed[joint])
        lowest = argrelextrema(own, np.less, order=order)[0]
        beats = (lowest[own[lowest] > threshold * mean] + 0.5) / motion.fps
        scores.append(closeness(sound, beats, tolerance).mean())
    return float(np.mean(scores))


def angle_beat_constancy(
    motion: Motion,
    sound: np.ndarray,
    threshold: float = 0.03,
    tolerance: float = ANGLE_TOLERANCE,
    mean_change: np.ndarray | None = None,
) -> float:
    """HA2G's and DiffGesture's, 0..1, of the angles at shoulders, elbows and wrists.

    sound: [N] seconds. threshold: how deep a minimum must be, in mean changes. mean_change: [6]
    radians a frame of a whole data set; None takes the clip's own. NaN without sound beats.
    """
    if not len(sound):
        return float("nan")
    return float(closeness(sound, angle_beats(motion, threshold, mean_change), tolerance).mean())


def angle_beats(
    motion: Motion, threshold: float = 0.03, mean_change: np.ndarray | None = None
) -> np.ndarray:
    """[N] seconds. Arguments as for `angle_beat_constancy`."""
    joints = Joints.of(motion)
    change = np.abs(np.diff(_angles(joints.points), axis=0))
    change = np.minimum(change, 2 * np.pi - change)
    mean = change.mean(axis=0) if mean_change is None else np.asarray(mean_change, float)
    moving = mean > 1e-9
    if len(change) < 3 or not moving.any():
        return np.zeros(0)
    course = (change[:, moving] / mean[moving]).mean(axis=1)
    before, here, after = course[:-2], course[1:-1], course[2:]
    lowest = (here < before) & (here < after)
    deep = np.maximum(before - here, after - here) >= threshold
    return (np.flatnonzero(lowest & deep) + 1.5) / motion.fps


def _angles(points: np.ndarray) -> np.ndarray:
    """[T, 116, 2] -> [T, 6] radians between bones that meet."""
    found = []
    for chain in _CHAINS:
        bones = np.diff(points[:, chain], axis=1)
        heading = np.arctan2(bones[..., 1], bones[..., 0])
        found.append(np.diff(heading, axis=1))
    return np.mod(np.concatenate(found, axis=1), 2 * np.pi)
