"""A listener: lips closed, hands at rest, a calmer head, and a nod where the partner pauses."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, label, maximum_filter1d
from scipy.spatial.transform import Rotation

from ...keypoints.canonical import EYE_DISTANCE
from ...keypoints.layout import MOTION_BODY
from ...keypoints.limits import limit, limit_length
from ...keypoints.motion import Motion
from ..lips import opening, set_opening
from ..seeds import draws
from ..shaping import fade_out, join_face, split_face

# Who has not spoken for so long, while the partner does, listens; and still does in the partner's
# pauses up to so long.
YIELD_SECONDS, HOLD_SECONDS = 0.5, 1.5
# Standard deviation of the way into listening and out of it.
TURN_SECONDS = 0.2
# A listener's head goes this much of the way that the generator made up for it, and no further than
# so many degrees and shoulder widths. In four times 30 s the masked generator turned heads by up to
# 33 degrees in silence (15 in speech), and not to anybody.
HEAD_SHARE, HEAD_DEGREES, HEAD_SHIFT = 0.6, 7.0, 0.06
# Backchannels come after at least 0.7 s of speech and 0.8 s after the last one (Ward & Tsukahara,
# "Prosodic features which cue back-channel responses in English and Japanese", Journal of
# Pragmatics 32, 2000). Nods go on longer than an "mhm", hence the longer distance.
PHRASE_SECONDS, BETWEEN_SECONDS = 0.7, 1.6
# A pause this long ends a phrase; the nod begins within so long of its beginning.
PAUSE_SECONDS, LATENCY_SECONDS = 0.2, 0.4
# Not every phrase is nodded at; in one that goes on for so long, there is a nod in between.
CHANCE, LONG_SECONDS = 0.75, 4.0
# One nod, its depth in degrees, and what the next one of the same row has of it. Listeners' nods
# have 1 to 4 Hz (Hadar, Steiner & Rose, "Head movement during listening turns in conversation",
# Journal of Nonverbal Behavior 9, 1985).
NOD_SECONDS, NOD_DEGREES, NEXT_NOD = (0.4, 0.55), (3.5, 6.5), 0.6
# What a head turns about, from the nose tip: the joint at the top of the neck lies behind it and a
# little below, in distances of the outer eye corners.
PIVOT = np.array([0.0, 0.4, 1.2])


def attention(own: np.ndarray, partner: np.ndarray, fps: float) -> np.ndarray:
    """How much somebody listens, [T] in 0..1.

    own, partner: [T] voice activity of both.
    """

    def around(voice: np.ndarray, seconds: float) -> np.ndarray:
        reach = 2 * round(seconds * fps) + 1
        return maximum_filter1d((np.asarray(voice) >= 0.5).astype(np.float64), reach)

    listens = around(partner, HOLD_SECONDS) * (1 - around(own, YIELD_SECONDS))
    return np.clip(gaussian_filter1d(listens, TURN_SECONDS * fps, mode="nearest"), 0, 1)


def listen(
    motion: Motion,
    own: np.ndarray,
    partner: np.ndarray,
    reference: Motion,
    seed: int,
    expressiveness: float = 1.0,
) -> Motion:
    """A motion whose person listens while only the partner speaks.

    own, partner: [T] voice activity of both. reference: one frame, the rest pose. seed: the
    run's, of the nods here. Where the person speaks, and where nobody does, the motion stays.
    """
    share = attention(own, partner, motion.fps)
    if not share.any():
        return motion
    # The first frame is the photo's.
    share = share * (1 - fade_out(len(motion), 0.4, motion.fps))
    points = motion.points.astype(np.float64)
    rest = reference.points[0].astype(np.float64)
    body = points[:, MOTION_BODY]
    points[:, MOTION_BODY] = body + share[:, None, None] * (rest[MOTION_BODY] - body)
    points = _nodding(
        points,
        rest,
        share,
        expressiveness * share * nods(own, partner, motion.fps, draws(seed, "nods")),
    )
    moved = Motion(points, motion.confidence, motion.fps)
    closed = set_opening(moved, np.maximum(opening(moved), 0) * (1 - share)).points
    listens = (share > 0)[:, None, None]
    return Motion(np.where(listens, closed, motion.points), motion.confidence, motion.fps)


def _nodding(
    points: np.ndarray, rest: np.ndarray, share: np.ndarray, pitch: np.ndarray
) -> np.ndarray:
    """Points [T, 116, 2] with a calmer head that is pitched down by [T] degrees."""
    head, expression, nose = split_face(points)
    own_head, _, own_nose = split_face(rest[None])
    furthest = np.sin(np.radians(HEAD_DEGREES))
    calm_head = own_head + limit(HEAD_SHARE * (head - own_head), furthest)
    calm_nose = own_nose + limit_length(HEAD_SHARE * (nose - own_nose), HEAD_SHIFT)
    head = head + share[:, None, None] * (calm_head - head)
    nose = nose + share[:, None] * (calm_nose - nose)
    turn = Rotation.from_rotvec(np.radians(pitch)[:, None] * [1.0, 0.0, 0.0]).as_matrix()
    # The third row of a scaled rotation, of which a head has two.
    depth = np.cross(head[:, 0], head[:, 1])
    depth /= np.sqrt(np.maximum(np.linalg.norm(depth, axis=1, keepdims=True), 1e-6))
    full = np.concatenate([head, depth[:, None]], axis=1)
    arm = -PIVOT * EYE_DISTANCE
    nose = nose + (turn @ arm - arm)[:, :2]
    points = points.copy()
    join_face(points, (turn @ full)[:, :2], expression, nose)
    return points


def nods(own: np.ndarray, partner: np.ndarray, fps: float, rng: np.random.Generator) -> np.ndarray:
    """How far the head is nodded down, [T] in degrees: after phrases of the partner's that end
    while the person does not speak, and now and then within a long one."""
    count = len(own)
    pitch, free = np.zeros(count), 0.0
    time = np.arange(count) / fps
    silent = np.asarray(own) < 0.5
    for moment in cues(partner, fps, rng):
        start = moment + rng.uniform(0, LATENCY_SECONDS)
        length, depth = rng.uniform(*NOD_SECONDS), rng.uniform(*NOD_DEGREES)
        times, wanted = 1 + int(rng.random() < 0.5), rng.random() < CHANCE
        end = start + times * length
        within = (time >= start) & (time < end)
        if not wanted or start < free or end > count / fps or not silent[within].all():
            continue
        phase = (time[within] - start) / length
        pitch[within] = depth * NEXT_NOD ** np.floor(phase) * 0.5 * (1 - np.cos(2 * np.pi * phase))
        free = end + BETWEEN_SECONDS
    return pitch


def cues(voice: np.ndarray, fps: float, rng: np.random.Generator) -> list[float]:
    """When a listener may nod, in seconds: where phrases end, and within long ones."""
    speaks = np.asarray(voice) >= 0.5
    gaps, number = label(~speaks)
    for gap in range(1, number + 1):
        at = np.flatnonzero(gaps == gap)
        # Gaps at either end are no pauses within the talk, and stay.
        if len(at) < PAUSE_SECONDS * fps and at[0] > 0 and at[-1] < len(speaks) - 1:
            speaks[at] = True
    moments = []
    phrases, number = label(speaks)
    for phrase in range(1, number + 1):
        at = np.flatnonzero(phrases == phrase)
        start, end = at[0] / fps, (at[-1] + 1) / fps
        while end - start > LONG_SECONDS + PHRASE_SECONDS:
            start += rng.uniform(0.5, 1) * LONG_SECONDS
            moments.append(start)
        if end - start >= PHRASE_SECONDS:
            moments.append(end)
    return moments
