"""The COCO-WholeBody skeleton: the only place with index numbers.

133 points: 17 body, 6 feet, 68 face (the iBUG 300-W order), 21 left hand, 21 right hand.
Left and right are the person's own. Source: Jin et al., "Whole-Body Human Pose Estimation in
the Wild", ECCV 2020.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

NUM_POINTS = 133

NOSE, LEFT_EYE, RIGHT_EYE, LEFT_EAR, RIGHT_EAR = range(5)
LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_ELBOW, RIGHT_ELBOW, LEFT_WRIST, RIGHT_WRIST = range(5, 11)
LEFT_HIP, RIGHT_HIP, LEFT_KNEE, RIGHT_KNEE, LEFT_ANKLE, RIGHT_ANKLE = range(11, 17)

BODY = slice(0, 17)
FEET = slice(17, 23)
FACE = slice(23, 91)
LEFT_HAND = slice(91, 112)
RIGHT_HAND = slice(112, 133)

PARTS: dict[str, slice] = {
    "body": BODY,
    "feet": FEET,
    "face": FACE,
    "left_hand": LEFT_HAND,
    "right_hand": RIGHT_HAND,
}

# Runs of the 68 face points, counted from the first face point (iBUG 300-W order).
FACE_JAW = slice(0, 17)
FACE_RIGHT_BROW = slice(17, 22)
FACE_LEFT_BROW = slice(22, 27)
FACE_NOSE_BRIDGE = slice(27, 31)
FACE_NOSTRILS = slice(31, 36)
FACE_RIGHT_EYE = slice(36, 42)
FACE_LEFT_EYE = slice(42, 48)
FACE_OUTER_LIPS = slice(48, 60)
FACE_INNER_LIPS = slice(60, 68)
FACE_NOSE_TIP = 30
FACE_CHIN = 8

_BODY_NAMES = (
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow "
    "right_elbow left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle "
    "right_ankle"
).split()
_FEET_NAMES = (
    "left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel"
).split()
_FINGERS = ("thumb", "index", "middle", "ring", "little")
_HAND_NAMES = ["root"] + [f"{finger}{joint}" for finger in _FINGERS for joint in range(1, 5)]

NAMES: tuple[str, ...] = tuple(
    _BODY_NAMES
    + _FEET_NAMES
    + [f"face_{i}" for i in range(68)]
    + [f"left_hand_{name}" for name in _HAND_NAMES]
    + [f"right_hand_{name}" for name in _HAND_NAMES]
)

BODY_EDGES: tuple[tuple[int, int], ...] = (
    (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (7, 9),
    (6, 8), (8, 10), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),
    (15, 17), (15, 18), (15, 19), (16, 20), (16, 21), (16, 22),
)  # fmt: skip


def _chain(start: int, stop: int, closed: bool = False) -> list[tuple[int, int]]:
    edges = [(i, i + 1) for i in range(start, stop - 1)]
    return [*edges, (stop - 1, start)] if closed else edges


FACE_EDGES: tuple[tuple[int, int], ...] = tuple(
    (a + FACE.start, b + FACE.start)
    for a, b in (
        _chain(0, 17)
        + _chain(17, 22)
        + _chain(22, 27)
        + _chain(27, 31)
        + _chain(31, 36)
        + _chain(36, 42, closed=True)
        + _chain(42, 48, closed=True)
        + _chain(48, 60, closed=True)
        + _chain(60, 68, closed=True)
    )
)


def _hand_edges(root: int) -> tuple[tuple[int, int], ...]:
    edges = []
    for finger in range(5):
        chain = [root, *range(root + 1 + 4 * finger, root + 5 + 4 * finger)]
        edges += list(pairwise(chain))
    return tuple(edges)


LEFT_HAND_EDGES = _hand_edges(LEFT_HAND.start)
RIGHT_HAND_EDGES = _hand_edges(RIGHT_HAND.start)
EDGES = BODY_EDGES + FACE_EDGES + LEFT_HAND_EDGES + RIGHT_HAND_EDGES

# Mirror of each of the 68 face points, counted from the first face point.
_FACE_MIRROR = (
    list(range(16, -1, -1))
    + list(range(26, 16, -1))
    + [27, 28, 29, 30]
    + [35, 34, 33, 32, 31]
    + [45, 44, 43, 42, 47, 46]
    + [39, 38, 37, 36, 41, 40]
    + [54, 53, 52, 51, 50, 49, 48]
    + [59, 58, 57, 56, 55]
    + [64, 63, 62, 61, 60]
    + [67, 66, 65]
)

# MIRROR[i] is the point that point i becomes when the picture is flipped left to right.
MIRROR: np.ndarray = np.array(
    [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
    + [20, 21, 22, 17, 18, 19]
    + [FACE.start + i for i in _FACE_MIRROR]
    + list(range(RIGHT_HAND.start, RIGHT_HAND.stop))
    + list(range(LEFT_HAND.start, LEFT_HAND.stop))
)
LEFT_RIGHT_PAIRS: tuple[tuple[int, int], ...] = tuple(
    (i, int(j)) for i, j in enumerate(MIRROR) if i < j
)

# The 116 points that move: 68 face, 6 arm, 42 hand (Contextual Gesture, appendix C.2:
# face vector 136 = 68 x 2, body vector 96 = 48 x 2). Order: face, arms, left hand, right hand.
ARMS: tuple[int, ...] = tuple(range(LEFT_SHOULDER, RIGHT_WRIST + 1))
MOTION_POINTS: np.ndarray = np.array(
    [*range(FACE.start, FACE.stop), *ARMS, *range(LEFT_HAND.start, RIGHT_HAND.stop)]
)
NUM_MOTION_POINTS = len(MOTION_POINTS)
# Slices into the 116.
MOTION_FACE = slice(0, 68)
MOTION_ARMS = slice(68, 74)
MOTION_LEFT_HAND = slice(74, 95)
MOTION_RIGHT_HAND = slice(95, 116)
MOTION_BODY = slice(68, 116)

# The 29 x 4 control points of the strided thin-plate splines, as indices into the 116.
# A stride of 29 keeps the four points of a group far apart: neighbours make the 7 x 7 system
# nearly singular and the spline explode away from its points.
TPS_GROUPS: np.ndarray = np.arange(NUM_MOTION_POINTS).reshape(4, 29).T
