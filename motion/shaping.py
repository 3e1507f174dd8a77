"""The single steps of finishing: each takes a motion and gives it changed in one respect."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from ..keypoints.face import CANONICAL_FACE
from ..keypoints.layout import (
    FACE_NOSE_TIP,
    MOTION_ARMS,
    MOTION_BODY,
    MOTION_FACE,
    MOTION_LEFT_HAND,
    MOTION_RIGHT_HAND,
)
from ..keypoints.limits import limit, limit_length
from ..keypoints.motion import Motion

# The way from the photo's pose to the generated one takes so long.
EASE_SECONDS = {"face": 0.4, "body": 1.2, "lips": 0.2}
# Face points whose form is calmed.
MOUTH_AND_JAW = [*range(3, 14), *range(48, 68)]
# ARMS: elbows and wrists, and how slow a change of theirs is one of posture: a standard deviation.
SHOULDERS = slice(MOTION_ARMS.start, MOTION_ARMS.start + 2)
ARMS = slice(MOTION_ARMS.start + 2, MOTION_ARMS.stop)
POSTURE_SECONDS = 2.0
# How far a hand's points may be from where they began, of what arms may; as decoded they are 0.4
# shoulder widths away, and those of training clips 0.09.
HAND_SHARE = 0.4
# Hands go to rest when nobody has spoken for so long, and take so long for it.
PATIENCE_SECONDS, REST_SECONDS = 1.5, 0.4


def split_face(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Motion points [T, 116, 2] -> head [T, 2, 3], expression [T, 68, 2], nose [T, 2]."""
    face = points[:, MOTION_FACE].astype(np.float64)
    nose = face[:, FACE_NOSE_TIP].copy()
    face[:, FACE_NOSE_TIP] = 0
    return (*CANONICAL_FACE.split(face), nose)


def join_face(
    points: np.ndarray, head: np.ndarray, expression: np.ndarray, nose: np.ndarray
) -> None:
    """The inverse of `split_face`, written into ``points``."""
    face = CANONICAL_FACE.join(head, expression)
    face[:, FACE_NOSE_TIP] = nose
    points[:, MOTION_FACE] = face


def smooth(motion: Motion, face_seconds: float, head_seconds: float, body_seconds: float) -> Motion:
    """Take the jitter out by a Gaussian in time.

    face_seconds, head_seconds, body_seconds: its standard deviations for the expression, for head
    and shoulders, and for elbows, wrists and hands; 0 is none.

    Shoulders move as slowly as the head: with the arms' smoothing they trembled at 0.36 shoulder
    widths a second, with the head's they move at 0.15, and those of training clips at 0.13.
    """
    points = motion.points.astype(np.float64)
    head, expression, nose = split_face(points)

    def low_pass(values: np.ndarray, seconds: float) -> np.ndarray:
        if seconds == 0:
            return values
        return gaussian_filter1d(values, seconds * motion.fps, axis=0, mode="nearest")

    join_face(
        points,
        low_pass(head, head_seconds),
        low_pass(expression, face_seconds),
        low_pass(nose, head_seconds),
    )
    shoulders = low_pass(points[:, SHOULDERS], head_seconds)
    points[:, MOTION_BODY] = low_pass(points[:, MOTION_BODY], body_seconds)
    points[:, SHOULDERS] = shoulders
    return Motion(points, motion.confidence, motion.fps)


def calm_mouth(motion: Motion, share: float) -> Motion:
    """The mouth and jaw so much as far from neutral as decoded; the opening is set later."""
    points = motion.points.astype(np.float64)
    head, expression, nose = split_face(points)
    expression[:, MOUTH_AND_JAW] *= share
    join_face(points, head, expression, nose)
    return Motion(points, motion.confidence, motion.fps)


def begin_at(motion: Motion, reference: Motion) -> Motion:
    """The motion led out of the reference: the gap at the first frame is closed and then eased in.

    The offset of the first frame fades along a raised cosine, so that velocity has no step.
    """
    points = motion.points.copy()
    gap = reference.points[0] - points[0]
    for part, seconds in ((MOTION_FACE, EASE_SECONDS["face"]), (MOTION_BODY, EASE_SECONDS["body"])):
        share = fade_out(len(motion), seconds, motion.fps)
        points[:, part] += share[:, None, None] * gap[part]
    return Motion(points, motion.confidence, motion.fps)


def stay_near(motion: Motion, reference: Motion, distance: float) -> Motion:
    """The slow part of elbows, wrists and hands kept near the reference's, with strokes about it.

    A long motion has nothing else that holds it: each window goes on from the one before. distance:
    of elbows and wrists; the hands' form and turn about the wrist stay within `HAND_SHARE` of it.
    Points that the reference does not show stay as they are, and tell nothing of the others.
    """
    points = motion.points.astype(np.float64)
    gesturing = slice(ARMS.start, MOTION_BODY.stop)
    slow = gaussian_filter1d(
        points[:, gesturing], POSTURE_SECONDS * motion.fps, axis=0, mode="nearest"
    )
    away = np.zeros_like(points)
    seen = reference.confidence[0] > 0
    away[:, gesturing] = (slow - reference.points[:, gesturing]) * seen[gesturing, None]
    points[:, ARMS] += limit_length(away[:, ARMS], distance) - away[:, ARMS]
    for hand in (MOTION_LEFT_HAND, MOTION_RIGHT_HAND):
        far = np.sqrt(np.square(away[:, hand]).sum(axis=(1, 2)) / max(seen[hand].sum(), 1)) + 1e-9
        kept = limit(far, HAND_SHARE * distance) / far
        points[:, hand] -= (1 - kept)[:, None, None] * away[:, hand]
    return Motion(points, motion.confidence, motion.fps)


def fade_out(count: int, seconds: float, fps: float) -> np.ndarray:
    """From 1 in the first frame to 0 after some seconds along a raised cosine, [count]."""
    return 0.5 * (1 + np.cos(np.pi * np.clip(np.arange(count) / fps / seconds, 0, 1)))


def scale(motion: Motion, reference: Motion, expressiveness: float) -> Motion:
    """Head and body displacement from the reference times a factor; the expression stays."""
    head_scaled = scale_head(motion, reference, expressiveness)
    return scale_body(head_scaled, reference, expressiveness)


def scale_head(motion: Motion, reference: Motion, factor: float) -> Motion:
    """The head's displacement from the reference times a factor; the expression stays."""
    if factor == 1:
        return motion
    points = motion.points.astype(np.float64)
    head, expression, nose = split_face(points)
    own_head, _, own_nose = split_face(reference.points.astype(np.float64))
    moved = own_head + factor * (head - own_head)
    join_face(points, moved, expression, own_nose + factor * (nose - own_nose))
    return Motion(points, motion.confidence, motion.fps)


def scale_body(
    motion: Motion, reference: Motion, factor: float, part: slice = MOTION_BODY
) -> Motion:
    """The displacement of arms and hands, or a part of them, from the reference times a factor."""
    if factor == 1:
        return motion
    points = motion.points.copy()
    rest = reference.points[:, part]
    points[:, part] = rest + factor * (points[:, part] - rest)
    return Motion(points, motion.confidence, motion.fps)


def rest_hands(motion: Motion, voice: np.ndarray, reference: Motion) -> Motion:
    """Where nobody has spoken for `PATIENCE_SECONDS`, the body goes back to the reference."""
    reach = 2 * round(PATIENCE_SECONDS * motion.fps) + 1
    busy = maximum_filter1d((np.asarray(voice) >= 0.5).astype(np.float64), reach)
    busy = gaussian_filter1d(busy, REST_SECONDS * motion.fps, mode="nearest")
    points = motion.points.copy()
    body, rest = points[:, MOTION_BODY], reference.points[:, MOTION_BODY]
    points[:, MOTION_BODY] = rest + busy[:, None, None] * (body - rest)
    return Motion(points, motion.confidence, motion.fps)
