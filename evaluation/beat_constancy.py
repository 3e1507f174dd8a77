"""BC: beat constancy (also "beat consistency" and "beat align"), two variants that do not compare.

Both are after Li et al., "AI Choreographer", ICCV 2021: exp(-d^2 / (2 sigma^2)) of the distance d
from every beat of the sound to the nearest motion beat, averaged over the beats of the sound.

- `joint_beat_constancy`: Liu et al., "BEAT", ECCV 2022, and "EMAGE", CVPR 2024, what Contextual
  Gesture's table of SMPL-X models has. Every joint has motion beats of its own: local minima of its
  speed (central differences) within 7 frames to both sides (of 30 a second) that are faster than a
  share of its mean speed (0.30 in the first program, 0.10 in emage_evaltools); sigma 0.3 s; the
  first and last two seconds of motion and sound are left out; a joint without beats scores 0; the
  mean over joints. Of a set, the mean weighs clips by their length.
- `angle_beat_constancy`: Liu et al., "HA2G", CVPR 2022, and Zhu et al., "DiffGesture", CVPR 2023.
  One train of motion beats: local minima of the mean change of the joints' angles, each angle's
  change divided by its mean, that lie a threshold deep on one side at least (0.03 HA2G, 0.001
  DiffGesture); sigma 0.1 s. Of a set, the mean weighs clips by their sound beats. Theirs are angles
  in 3D at 15 frames a second, ours in the picture.
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
    speed = _central_speed(Joints.of(motion))[:, UPPER_JOINTS]
    seen = np.isfinite(speed).any(axis=0)
    length = len(motion) / motion.fps
    cut = min(cut, length / 5)
    sound = sound[(sound >= cut) & (sound <= length - cut)]
    if not len(sound) or not seen.any():
        return float("nan")
    order = max(1, round(_REACH * motion.fps))
    first = round(cut * motion.fps)
    scores = []
    for joint in np.flatnonzero(seen):
        frames = np.flatnonzero(np.isfinite(speed[:, joint]))
        own = np.interp(np.arange(len(speed)), frames, speed[frames, joint])
        mean = float(own.mean()) if mean_speed is None else float(mean_speed[joint])
        own = own[first : len(own) - first]
        lowest = argrelextrema(own, np.less, order=order)[0]
        beats = (first + lowest[own[lowest] > threshold * mean]) / motion.fps
        scores.append(closeness(sound, beats, tolerance).mean())
    return float(np.mean(scores))


def _central_speed(joints: Joints) -> np.ndarray:
    """[T, K] shoulder widths a second at each frame, from the frame before to the one behind; NaN
    where one of the two did not see the point."""
    if len(joints) < 2:
        return np.full(joints.seen.shape, np.nan)
    points = np.where(joints.seen[..., None], joints.points, np.nan)
    return np.linalg.norm(np.gradient(points, axis=0), axis=-1) * joints.fps


def angle_beat_constancy(
    motion: Motion,
    sound: np.ndarray,
    threshold: float = 0.03,
    tolerance: float = ANGLE_TOLERANCE,
    mean_change: np.ndarray | None = None,
) -> float:
    """HA2G's and DiffGesture's, 0..1, of the angles at shoulders, elbows and wrists.

    sound: [N] seconds. threshold: how deep a minimum must be, in mean changes. mean_change: [6]
    radians a frame of a whole data set; None takes the clip's own. NaN without sound beats, and
    where no angle is seen.
    """
    if not len(sound) or not np.isfinite(_changes(motion)).any():
        return float("nan")
    return float(closeness(sound, angle_beats(motion, threshold, mean_change), tolerance).mean())


def angle_beats(
    motion: Motion, threshold: float = 0.03, mean_change: np.ndarray | None = None
) -> np.ndarray:
    """[N] seconds. Arguments as for `angle_beat_constancy`. Angles count where they are seen; where
    none is, there is no beat."""
    change = _changes(motion)
    mean = _known_mean(change, axis=0) if mean_change is None else np.asarray(mean_change, float)
    moving = mean > 1e-9
    if len(change) < 3 or not moving.any():
        return np.zeros(0)
    course = _known_mean(change[:, moving] / mean[moving], axis=1)
    before, here, after = course[:-2], course[1:-1], course[2:]
    lowest = (here < before) & (here < after)
    deep = np.maximum(before - here, after - here) >= threshold
    return (np.flatnonzero(lowest & deep) + 1.5) / motion.fps


def _changes(motion: Motion) -> np.ndarray:
    """[T - 1, 6] radians by which the angles between bones that meet change from frame to frame,
    NaN where one of their points was not seen."""
    joints = Joints.of(motion)
    points = np.where(joints.seen[..., None], joints.points, np.nan)
    angles = []
    for chain in _CHAINS:
        bones = np.diff(points[:, chain], axis=1)
        angles.append(np.diff(np.arctan2(bones[..., 1], bones[..., 0]), axis=1))
    change = np.mod(np.abs(np.diff(np.concatenate(angles, axis=1), axis=0)), 2 * np.pi)
    return np.minimum(change, 2 * np.pi - change)


def _known_mean(values: np.ndarray, axis: int) -> np.ndarray:
    """The mean of what is a number; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    return np.where(known, values, 0).sum(axis=axis) / np.where(count, count, np.nan)
