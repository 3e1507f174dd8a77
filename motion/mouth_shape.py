"""A photo's mouth, moved as the speech says, on a head that moves as it may."""

from __future__ import annotations

import numpy as np

from ..keypoints.layout import MOTION_FACE
from ..keypoints.motion import Motion
from ..keypoints.mouth import (
    LEFT_CORNER,
    LEFT_EYE,
    RIGHT_CORNER,
    RIGHT_EYE,
    face_down,
    measure_mouth,
)
from .lip_network import JAW, LOWER_LIP, OPENING, WIDTH
from .lips import CHIN, CHIN_SHARE, LOWER_SHARE, set_opening
from .shaping import MOUTH_AND_JAW, join_face, split_face

MOUTH = slice(48, 68)
# The outer points of the lower lip, and how much of its thickness each has.
LOWER_LIP_POINTS, LOWER_LIP_SHARE = [55, 56, 57, 58, 59], np.array([0.5, 1, 1, 1, 0.5])
# In widths of the mouth: what no training face did. A network may say more to a strange sound.
WIDEST_OPENING, HIGHEST_JAW, WIDEST_JAW, MOST_LIP = 0.9, -0.05, 0.6, 0.1
NARROWEST, BROADEST = -0.35, 0.25


def shape_mouth(
    motion: Motion, reference: Motion, lips: np.ndarray, share: np.ndarray, fade: np.ndarray
) -> Motion:
    """The motion with the reference's mouth, which opens and spreads as told.

    lips: [T, 4] of `LipNetwork`, in widths of the mouth: the size of all is the reference's own.
    share: [T] in 0..1, 0 where the mouth rests: closed, and otherwise as in the reference. fade:
    [T] in 0..1, 1 where the mouth is the reference's altogether, open if that is.
    """
    own = measure_mouth(reference.points[:, MOTION_FACE])
    motion = _with_mouth_of(motion, reference)
    face = motion.points[:, MOTION_FACE]
    eyes = np.linalg.norm(face[:, LEFT_EYE] - face[:, RIGHT_EYE], axis=1)
    unit = own.width[0] * eyes
    told = np.asarray(lips, dtype=np.float64) * (share * (1 - fade))[:, None]
    _widen(face, np.clip(told[:, WIDTH], NARROWEST, BROADEST))
    down = face_down(face)[:, None]
    lip = unit * np.clip(told[:, LOWER_LIP], -MOST_LIP, MOST_LIP)
    face[:, LOWER_LIP_POINTS] += (lip[:, None] * LOWER_LIP_SHARE)[..., None] * down
    opened = np.clip(told[:, OPENING], 0, WIDEST_OPENING) * unit
    # `set_opening` lets the chin go with the lower lip; the jaw adds what it does otherwise.
    with_lip = LOWER_SHARE * CHIN_SHARE.max() * opened
    jaw = np.clip(told[:, JAW], HIGHEST_JAW, WIDEST_JAW) * unit - with_lip
    motion = set_opening(motion, opened + fade * np.maximum(own.opening, 0) * eyes)
    chin = CHIN_SHARE / CHIN_SHARE.max()
    motion.points[:, MOTION_FACE][:, CHIN] += (jaw[:, None] * chin)[..., None] * down
    return motion


def _with_mouth_of(motion: Motion, reference: Motion) -> Motion:
    """The reference's mouth and jaw on the motion's head."""
    points = motion.points.astype(np.float64)
    head, expression, nose = split_face(points)
    _, own, _ = split_face(reference.points.astype(np.float64))
    expression[:, MOUTH_AND_JAW] = own[:, MOUTH_AND_JAW]
    join_face(points, head, expression, nose)
    return Motion(points, motion.confidence, motion.fps)


def _widen(face: np.ndarray, more: np.ndarray) -> None:
    """Move the mouth's points, [T, 68, 2], along its own line: [T], 0 leaves its width."""
    mouth = face[:, MOUTH]
    line = face[:, LEFT_CORNER] - face[:, RIGHT_CORNER]
    line = line / np.maximum(np.linalg.norm(line, axis=1, keepdims=True), 1e-9)
    middle = (face[:, LEFT_CORNER] + face[:, RIGHT_CORNER]) / 2
    along = np.einsum("tpc,tc->tp", mouth - middle[:, None], line)
    mouth += (more[:, None] * along)[..., None] * line[:, None]
