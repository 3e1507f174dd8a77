"""The canonical person: the proportions that every motion has, whoever it was taken from.

Measured on the training clips (speech, face and silent kinds; 173 frames for the face, 61 hands,
38 pairs of arms) with the offline estimator: medians over the clips, made symmetric. One shoulder
width is the distance between the shoulder points in front view.
"""

from __future__ import annotations

import numpy as np

from . import layout

# Distance of the outer eye corners, in shoulder widths.
EYE_DISTANCE = 0.29
# Un-foreshortened bones in shoulder widths: the medians over the clips of the 95th percentile.
UPPER_ARM = 0.88
FOREARM = 0.80
# Length of a hand from its root to the knuckle of the middle finger, in shoulder widths, when
# seen flat.
HAND = 0.27
# Lengths from the same hands in units of HAND: pairs of points within the 21 and their distance.
# A foreshortened palm keeps at least one of them, so the largest ratio tells the hand's size.
PALM_LENGTHS: tuple[tuple[int, int, float], ...] = (
    (0, 5, 1.0), (0, 9, 1.0), (0, 17, 0.93), (5, 17, 0.74),
)  # fmt: skip

# The neutral face [68, 3]: x, y as in the picture, z away from the camera, from the nose tip, in
# distances of the outer eye corners. The median of 173 face meshes after rotation onto each other.
_FACE = [
    (-0.781, -0.415, 1.05), (-0.774, -0.241, 1.101), (-0.75, 0.029, 1.089), (-0.713, 0.222, 1.04),
    (-0.655, 0.398, 0.948), (-0.543, 0.588, 0.763), (-0.395, 0.715, 0.619), (-0.2, 0.823, 0.467),
    (0, 0.854, 0.416), (0.2, 0.823, 0.467), (0.395, 0.715, 0.619), (0.543, 0.588, 0.763),
    (0.655, 0.398, 0.948), (0.713, 0.222, 1.04), (0.75, 0.029, 1.089), (0.774, -0.241, 1.101),
    (0.781, -0.415, 1.05), (-0.62, -0.633, 0.47), (-0.551, -0.692, 0.388), (-0.449, -0.723, 0.324),
    (-0.316, -0.718, 0.27), (-0.154, -0.679, 0.242), (0.154, -0.679, 0.242), (0.316, -0.718, 0.27),
    (0.449, -0.723, 0.324), (0.551, -0.692, 0.388), (0.62, -0.633, 0.47), (0, -0.513, 0.237),
    (0, -0.342, 0.131), (0, -0.179, 0.007), (0, 0, 0), (-0.194, 0.054, 0.268),
    (-0.09, 0.073, 0.194), (0, 0.076, 0.174), (0.09, 0.073, 0.194), (0.194, 0.054, 0.268),
    (-0.5, -0.477, 0.489), (-0.428, -0.506, 0.414), (-0.312, -0.511, 0.395), (-0.197, -0.46, 0.427),
    (-0.297, -0.443, 0.406), (-0.407, -0.441, 0.427), (0.197, -0.46, 0.427), (0.312, -0.511, 0.395),
    (0.428, -0.506, 0.414), (0.5, -0.477, 0.489), (0.407, -0.441, 0.427), (0.297, -0.443, 0.406),
    (-0.284, 0.353, 0.4), (-0.194, 0.284, 0.257), (-0.085, 0.245, 0.189), (0, 0.259, 0.179),
    (0.085, 0.245, 0.189), (0.194, 0.284, 0.257), (0.284, 0.353, 0.4), (0.194, 0.442, 0.292),
    (0.091, 0.496, 0.245), (0, 0.504, 0.239), (-0.091, 0.496, 0.245), (-0.194, 0.442, 0.292),
    (-0.254, 0.353, 0.378), (-0.068, 0.323, 0.254), (0, 0.324, 0.245), (0.068, 0.323, 0.254),
    (0.254, 0.353, 0.378), (0.07, 0.377, 0.26), (0, 0.381, 0.25), (-0.07, 0.377, 0.26),
]  # fmt: skip

# The hanging left hand [21, 2] in units of HAND, from its root: the mean over hands in their own
# direction, which points down here.
_HAND = [
    (0, 0), (-0.21, 0.34), (-0.29, 0.79), (-0.25, 1.13), (-0.13, 1.31),
    (-0.21, 1.04), (-0.11, 1.52), (-0.07, 1.77), (-0.01, 1.98),
    (0, 1), (0.08, 1.48), (0.15, 1.76), (0.2, 1.88),
    (0.19, 0.91), (0.31, 1.37), (0.38, 1.55), (0.38, 1.7),
    (0.36, 0.76), (0.49, 1.12), (0.45, 1.28), (0.49, 1.37),
]  # fmt: skip

FACE: np.ndarray = np.array(_FACE)
# Nose tip relative to the neck, in shoulder widths.
NOSE: np.ndarray = np.array([0.0, -0.50])
# Left and right shoulder, elbow and wrist [2, 2] of the rest pose: arms hanging, hands in front.
SHOULDERS: np.ndarray = np.array([[0.5, 0.0], [-0.5, 0.0]])
REST_ELBOWS: np.ndarray = np.array([[0.62, 0.84], [-0.62, 0.84]])
REST_WRISTS: np.ndarray = np.array([[0.42, 1.50], [-0.42, 1.50]])
# Left and right hand [2, 21, 2] of the rest pose, relative to the wrist, in shoulder widths.
REST_HANDS: np.ndarray = np.stack([np.array(_HAND), np.array(_HAND) * [-1, 1]]) * HAND


def rest(face: np.ndarray) -> np.ndarray:
    """[116, 2] the canonical rest pose as motion points, with this neutral face [68, 2]."""
    points = np.zeros((layout.NUM_MOTION_POINTS, 2))
    points[layout.MOTION_FACE] = face
    points[layout.FACE_NOSE_TIP] = NOSE
    arms = np.stack([SHOULDERS, REST_ELBOWS, REST_WRISTS]).reshape(6, 2)
    points[layout.MOTION_ARMS] = arms
    points[layout.MOTION_LEFT_HAND], points[layout.MOTION_RIGHT_HAND] = REST_HANDS
    return points
