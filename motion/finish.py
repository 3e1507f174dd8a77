"""From decoded motion to finished motion: smooth, scaled, gated, and beginning at the reference."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from ..keypoints.face import CANONICAL_FACE
from ..keypoints.layout import FACE_NOSE_TIP, MOTION_BODY, MOTION_FACE
from ..keypoints.motion import Motion
from .blinks import add_blinks, closure
from .lips import articulate, gate, opening, set_opening

# Standard deviations of the smoothing, in seconds: lips and lids close within 80 ms and get next
# to none. Head and hands then move about as fast as people's on 14 training clips (head 0.14
# shoulder widths a second, real 0.11; fingers 0.20, real 0.21).
FACE_SMOOTHING, HEAD_SMOOTHING, BODY_SMOOTHING = 0.03, 0.15, 0.06
# The way from the photo's pose to the generated one takes so long.
EASE_SECONDS = {"face": 0.4, "body": 1.2, "lips": 0.2}
# Face points whose form is calmed, and how much of it is kept.
MOUTH_AND_JAW = [*range(3, 14), *range(48, 68)]
MOUTH_SHARE = 0.5
# Hands go to rest when nobody has spoken for so long, and take so long for it.
PATIENCE_SECONDS, REST_SECONDS = 1.5, 0.4


def finish(
    motion: Motion,
    expected: np.ndarray,
    voice: np.ndarray,
    reference: Motion,
    seed: int,
    expressiveness: float,
) -> Motion:
    """What the generator decoded, made ready for a renderer.

    motion: as decoded. expected: [T], lip opening that speech lets expect, in shoulder widths.
    voice: [T] voice activity. reference: one frame. expressiveness: factor on the head's and
    body's way from the rest pose.
    """
    motion = smooth(motion)
    motion = rest_hands(motion, voice, reference)
    drawn = opening(motion)
    motion = begin_at(calm_mouth(motion), reference)
    motion = scale(motion, reference, expressiveness)
    wanted = articulate(drawn, expected, gate(voice, motion.fps))
    fade = fade_out(len(motion), EASE_SECONDS["lips"], motion.fps)
    motion = set_opening(motion, wanted + fade * (max(opening(reference)[0], 0) - wanted))
    rng = np.random.default_rng(seed)
    motion = add_blinks(motion, closure(len(motion), motion.fps, rng))
    points = motion.points.copy()
    points[0] = reference.points[0]
    return Motion(points, motion.confidence, motion.fps)


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


def smooth(motion: Motion) -> Motion:
    """Take the tokens' jitter out: much on head and body, hardly any on the expression."""
    points = motion.points.astype(np.float64)
    head, expression, nose = split_face(points)

    def low_pass(values: np.ndarray, seconds: float) -> np.ndarray:
        return gaussian_filter1d(values, seconds * motion.fps, axis=0, mode="nearest")

    join_face(
        points,
        low_pass(head, HEAD_SMOOTHING),
        low_pass(expression, FACE_SMOOTHING),
        low_pass(nose, HEAD_SMOOTHING),
    )
    points[:, MOTION_BODY] = low_pass(points[:, MOTION_BODY], BODY_SMOOTHING)
    return Motion(points, motion.confidence, motion.fps)


def calm_mouth(motion: Motion) -> Motion:
    """The mouth and jaw half as far from neutral as decoded; the opening is set later.

    Drawn tokens change the mouth's form too much: on 14 training clips the standard deviation of
    its width was 0.12 eye distances, of the real one 0.05.
    """
    points = motion.points.astype(np.float64)
    head, expression, nose = split_face(points)
    expression[:, MOUTH_AND_JAW] *= MOUTH_SHARE
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


def fade_out(count: int, seconds: float, fps: float) -> np.ndarray:
    """From 1 in the first frame to 0 after some seconds along a raised cosine, [count]."""
    return 0.5 * (1 + np.cos(np.pi * np.clip(np.arange(count) / fps / seconds, 0, 1)))


def scale(motion: Motion, reference: Motion, expressiveness: float) -> Motion:
    """Head and body displacement from the reference times a factor; the expression stays."""
    if expressiveness == 1:
        return motion
    points = motion.points.astype(np.float64)
    start = reference.points.astype(np.float64)
    head, expression, nose = split_face(points)
    own_head, _, own_nose = split_face(start)
    join_face(
        points,
        own_head + expressiveness * (head - own_head),
        expression,
        own_nose + expressiveness * (nose - own_nose),
    )
    body = points[:, MOTION_BODY]
    points[:, MOTION_BODY] = start[:, MOTION_BODY] + expressiveness * (body - start[:, MOTION_BODY])
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
