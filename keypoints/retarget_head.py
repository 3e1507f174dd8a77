"""The photo's head under a motion: turning, leaning, lips, lids and brows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from . import canonical, layout
from .face import (
    CANONICAL_FACE,
    CANONICAL_OPENING,
    LOWER_INNER_LIP,
    LOWER_LIDS,
    UPPER_INNER_LIP,
    UPPER_LIDS,
    eye_opening,
)
from .limits import ease_out, limit, limit_angle, limit_length, smooth_step
from .motion import Motion
from .person import Person, complete_faces
from .poses import Poses

# What one picture of a face can be bent to: yaw and pitch uncover cheeks and chin that it does
# not show, roll and size only need a neck that follows.
_YAW, _PITCH, _ROLL = np.radians([20.0, 14.0, 16.0])
_SIZE = 0.10
# What of yaw and pitch is left for a face in profile.
_LEAST_FRONTAL = 0.35
# What is left of a fitted head pose that is no rotation: error of the assumed depth.
_SHEAR = 0.05
# The nose's way relative to the shoulders', in shoulder widths.
_HEAD_SHIFT = 0.10
# How far a point of the face goes from its neutral place, in distances of the outer eye corners:
# an open mouth takes lips and chin far, the rest of a face hardly moves.
_EXPRESSION: np.ndarray = np.full((68, 1), 0.05)
_EXPRESSION[17:27] = 0.15
_EXPRESSION[36:48] = 0.12
_EXPRESSION[4:13] = 0.25
_EXPRESSION[48:68] = 0.40
# Inner lips below this distance are closed: a detector's lips never quite meet.
_CLOSED_LIPS = 0.012
# Lids that the detector sees at 0.35 of their opening are closed; from 0.75 on they are open.
_LIDS_CLOSED, _LIDS_OPEN, _LIDS_EXTRA = 0.35, 0.75, 0.35
# Seconds until the motion has taken over from the photo.
_HEAD_EASE, _EXPRESSION_EASE = 0.8, 0.32


@dataclass(frozen=True)
class HeadPoints:
    """face: [T, 68, 2], ears: [T, 2, 2] (left, right), in pixels."""

    face: np.ndarray
    ears: np.ndarray


def retarget_head(
    motion: Motion, photo_pose: Poses, person: Person, sway: np.ndarray
) -> HeadPoints:
    """The photo's face and ears under the motion.

    sway: [T, 2] the movement of the neck in pixels, which carries the head. Where the motion's
    face was not seen the head keeps the photo's pose.
    """
    photo_face = complete_faces(photo_pose)
    nose = photo_face[:, layout.FACE_NOSE_TIP]
    photo_head, photo_expression = person.face.split(photo_face - nose[:, None])

    face = motion.points[:, layout.MOTION_FACE].astype(np.float64)
    seen = (motion.confidence[:, layout.FACE_NOSE_TIP] > 0)[:, None]
    shift = np.where(seen, face[:, layout.FACE_NOSE_TIP] - canonical.NOSE, 0)
    face[:, layout.FACE_NOSE_TIP] = 0
    head, expression = CANONICAL_FACE.split(face)
    head = np.where(seen[..., None], head, np.eye(2, 3))
    expression = np.where(seen[..., None], expression, 0)

    later = ease_out(len(motion), motion.fps, _HEAD_EASE)[:, None, None]
    turned = photo_head + _limited_turn(head, _frontal(person))
    turned -= (turned[:1] - photo_head) * later
    shift = limit_length(shift * person.width - sway, _HEAD_SHIFT * person.width)
    shift = sway + shift - (sway + shift)[:1] * later[:, 0]

    expression = _rolled(expression, -_roll(head))
    expression = limit(_closed_lips(_closed_lids(expression)), _EXPRESSION)
    expression = _rolled(expression @ person.face.view[:, :2].T, _roll(turned))
    later = ease_out(len(motion), motion.fps, _EXPRESSION_EASE)[:, None, None]
    expression = expression + (photo_expression - expression[:1]) * later

    face = person.face.join(turned, expression) + (nose + shift)[:, None]
    return HeadPoints(face, _ears(photo_pose, person, nose[0], photo_head, turned, shift))


def _frontal(person: Person) -> float:
    """1 for a face seen from the front, less for one that is turned, which shows one side only."""
    turned = float(np.linalg.norm(person.face.view[:, 2]))
    return float(1 - (1 - _LEAST_FRONTAL) * smooth_step((turned - 0.2) / 0.6))


def _limited_turn(head: np.ndarray, share: float) -> np.ndarray:
    """[T, 2, 3] head poses -> their difference from no turn, within a share of the limits."""
    size = np.maximum((head[:, 0, 0] + head[:, 1, 1]) / 2, 0.2)
    # A rotation by small angles about x, y, z has the rows [1 -z y] and [z 1 -x].
    roll = _roll(head)
    yaw = np.arcsin(np.clip(head[:, 0, 2], -0.95, 0.95))
    pitch = np.arcsin(np.clip(-head[:, 1, 2], -0.95, 0.95))
    free = _turn(pitch, yaw, roll, size)
    size = np.exp(limit(np.log(size), _SIZE))
    kept = _turn(
        limit(pitch, share * _PITCH), limit(yaw, share * _YAW), limit_angle(roll, _ROLL), size
    )
    return kept + limit(head - free, _SHEAR) - np.eye(2, 3)


def _roll(head: np.ndarray) -> np.ndarray:
    """[T, 2, 3] -> [T] radians."""
    return np.arctan2(head[:, 1, 0] - head[:, 0, 1], head[:, 0, 0] + head[:, 1, 1])


def _rolled(expression: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """[T, 68, 2] turned in the picture by [T] radians: a mouth opens along its face."""
    cos, sin = np.cos(roll), np.sin(roll)
    turn = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], axis=1)
    return np.einsum("tij,tpj->tpi", turn, expression)


def _turn(pitch: np.ndarray, yaw: np.ndarray, roll: np.ndarray, size: np.ndarray) -> np.ndarray:
    """[T] each, radians -> [T, 2, 3] scaled orthographic views of a head turned so."""
    rotation = Rotation.from_rotvec(np.stack([pitch, yaw, roll], axis=-1)).as_matrix()
    return rotation[:, :2] * size[:, None, None]


def _closed_lips(expression: np.ndarray) -> np.ndarray:
    """Lips that nearly touch meet, and none pass through each other. [T, 68, 2]."""
    upper, lower = expression[:, UPPER_INNER_LIP], expression[:, LOWER_INNER_LIP]
    gap = (lower - upper)[..., 1]
    kept = np.where(gap > 0, gap * (1 - np.exp(-((gap / _CLOSED_LIPS) ** 2))), 0)
    expression = expression.copy()
    expression[:, UPPER_INNER_LIP, 1] += (gap - kept) / 2
    expression[:, LOWER_INNER_LIP, 1] -= (gap - kept) / 2
    return expression


def _closed_lids(expression: np.ndarray) -> np.ndarray:
    """Lids close all the way in a blink, which a detector sees as a narrow slit. [T, 68, 2]."""
    neutral = CANONICAL_FACE.shape[:, :2] / CANONICAL_FACE.scale
    share = eye_opening(neutral + expression) / CANONICAL_OPENING
    closing = smooth_step((_LIDS_OPEN - share) / (_LIDS_OPEN - _LIDS_CLOSED))
    less = (_LIDS_EXTRA * CANONICAL_OPENING * closing)[:, None] / 2
    expression = expression.copy()
    expression[:, UPPER_LIDS, 1] += less
    expression[:, LOWER_LIDS, 1] -= less
    return expression


def _ears(
    photo_pose: Poses,
    person: Person,
    nose: np.ndarray,
    photo_head: np.ndarray,
    turned: np.ndarray,
    shift: np.ndarray,
) -> np.ndarray:
    """[T, 2, 2] the ears turn with the head, at the depth of the jaw's ends."""
    ears = photo_pose.xy[0, [layout.LEFT_EAR, layout.RIGHT_EAR]].astype(np.float64)
    depth = person.face.shape[[layout.FACE_JAW.stop - 1, layout.FACE_JAW.start], 2]
    across = (ears - nose - depth[:, None] * photo_head[0, :, 2]) @ np.linalg.inv(
        photo_head[0, :, :2]
    ).T
    turn = np.einsum("tij,ej->tei", turned, np.column_stack([across, depth]))
    return turn + (nose + shift)[:, None]
