"""Motion on the skeleton of a photo, asking the photo only for what it can show.

The first frame is the photo's own pose and the motion takes over from there within a second. The
head turns, nods and leans within what one picture of a face can be bent to; lips and lids do what
the motion does, measured in the photo's own mouth and eyes. Arms keep the photo's posture and do
the motion's strokes about it: a person with folded hands does not get other arms. Legs and hips
stay; points that the photo does not show stay unseen. All limits are soft.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from ..errors import InputError
from . import layout
from .limits import ease_out, limit_length
from .motion import Motion
from .person import Person, from_motion, head_points
from .poses import Poses
from .retarget_arms import retarget_arms
from .retarget_head import retarget_head

_Sequence = TypeVar("_Sequence", Poses, Motion)
# How far the shoulders leave the photo's, in shoulder widths. The torso below has no pixels for
# more.
SHOULDER_SWAY = 0.07
_SHOULDER_EASE = 0.8


def retarget(motion: Motion, photo_pose: Poses) -> Poses:
    """The motion as the person in the photo can do it, in the photo's pixels.

    photo_pose: one frame. Returns len(motion) frames; the first is the photo's pose. Confidences
    are the photo's, in every frame.

    Raises: InputError where the photo's pose has no face.
    """
    if len(photo_pose) != 1:
        raise InputError(
            f"Retargeting needs the pose of one photo, got {len(photo_pose)} frames. Pass one."
        )
    person = Person.measure(photo_pose)
    target = from_motion(motion, person, photo_pose.size)
    photo = photo_pose.points[0].astype(np.float64)
    points = np.tile(photo, (len(motion), 1, 1))
    if not len(motion):
        return Poses(points, photo_pose.size, motion.fps)

    sway = _shoulder_sway(target, photo, person)
    points[:, [layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER], :2] += sway
    points[..., :2] += retarget_arms(target, photo, person, sway)
    head = retarget_head(motion, photo_pose, person, sway.mean(axis=1))
    points[:, layout.FACE, :2] = head.face
    points[:, [layout.LEFT_EAR, layout.RIGHT_EAR], :2] = head.ears
    body_head = slice(layout.NOSE, layout.LEFT_EAR)
    moved = head_points(points[:, layout.FACE])[..., :2]
    points[:, body_head, :2] += moved - moved[:1]
    points[:, photo[:, 2] == 0] = photo[photo[:, 2] == 0]
    points[0] = photo
    return Poses(points, photo_pose.size, motion.fps)


def resample(sequence: _Sequence, fps: float, num_frames: int) -> _Sequence:
    """Poses or motion at another frame rate, with exactly so many frames.

    Cubic in time (Catmull-Rom) where the four frames around are seen, else from the nearer of
    the seen ones. The first frame stays; after the last one the last is held.
    """
    if not len(sequence):
        raise InputError("There is no frame to resample. Pass at least one.")
    at = np.clip(np.arange(num_frames) * (sequence.fps / fps), 0, len(sequence) - 1)
    if isinstance(sequence, Motion):
        xy, confidence = _resampled(sequence.points, sequence.confidence, at)
        return Motion(xy, confidence, fps)
    xy, confidence = _resampled(sequence.xy, sequence.confidence, at)
    points = np.concatenate([xy, confidence[..., None]], axis=-1)
    return replace(sequence, points=points, fps=fps)


def _resampled(
    xy: np.ndarray, confidence: np.ndarray, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """[T, N, 2] and [T, N] at fractional frames [M]."""
    before = np.floor(at).astype(int)
    share = (at - before).astype(np.float32)[:, None]
    last = len(xy) - 1
    around = [np.clip(before + k, 0, last) for k in (-1, 0, 1, 2)]
    seen = [confidence[i] > 0 for i in around]
    u = share[..., None]
    a, b, c, d = (xy[i] for i in around)
    cubic = b + 0.5 * u * (c - a + u * (2 * a - 5 * b + 4 * c - d + u * (3 * (b - c) + d - a)))
    linear = b + u * (c - b)
    nearest = np.where((share < 0.5)[..., None], b, c)
    alone = np.where(seen[1][..., None] & ~seen[2][..., None], b, c)
    both = (seen[1] & seen[2])[..., None]
    all_four = both & (seen[0] & seen[3])[..., None]
    one = (seen[1] | seen[2])[..., None]
    out = np.where(all_four, cubic, np.where(both, linear, np.where(one, alone, nearest)))
    left, right = confidence[around[1]], confidence[around[2]]
    return out.astype(np.float32), left + share * (right - left)


def _shoulder_sway(target: Poses, photo: np.ndarray, person: Person) -> np.ndarray:
    """[T, 2 (side), 2] how far the shoulders move from the photo's, in pixels."""
    pair = [layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]
    shift = (target.xy[:, pair] - photo[pair, :2]) * (target.confidence[:, pair, None] > 0)
    if not person.shoulders_seen:
        shift = np.zeros_like(shift)
    shift = limit_length(shift.astype(np.float64), SHOULDER_SWAY * person.width)
    return shift - shift[:1] * ease_out(len(target), target.fps, _SHOULDER_EASE)[:, None, None]
