"""From MediaPipe's face mesh (478 points) to the 68 points of the iBUG 300-W order.

A 300-W point that lies between two mesh vertices is their mean: along the jaw, because the mesh's
oval has its vertices elsewhere than at even steps; on the brows, because the mesh follows their
upper and lower edges and 300-W their middle. The choice was made on the mean of real frontal
faces: the jaw's points at even arc length from ear to chin, the lips' at the shares of the lip
contour that 300-W's mean shape has.
"""

from __future__ import annotations

import numpy as np

from . import layout

# Person's right to left, as 300-W counts.
_JAW = [
    (127, 127), (234, 234), (93, 132), (132, 58), (58, 172), (136, 136), (150, 149), (176, 148),
    (152, 152),
    (377, 400), (378, 379), (365, 365), (397, 288), (288, 361), (361, 323), (454, 454), (356, 356),
]  # fmt: skip
_BROWS = [
    (70, 46), (63, 53), (105, 52), (66, 65), (107, 55),
    (336, 285), (296, 295), (334, 282), (293, 283), (300, 276),
]  # fmt: skip
_NOSE = [168, 197, 5, 1, 98, 97, 2, 326, 327]
_EYES = [33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380]
_OUTER_LIPS = [
    (61, 61), (40, 39), (37, 37), (0, 0), (267, 267), (269, 270), (291, 291),
    (321, 405), (314, 314), (17, 17), (84, 84), (181, 91),
]  # fmt: skip
_INNER_LIPS = [78, 82, 13, 312, 308, 317, 14, 87]


def _twice(points: list[int]) -> list[tuple[int, int]]:
    return [(i, i) for i in points]


# [68, 2]: each 300-W point is the mean of two mesh vertices, often twice the same.
MESH_PAIRS: np.ndarray = np.array(
    _JAW + _BROWS + _twice(_NOSE) + _twice(_EYES) + _OUTER_LIPS + _twice(_INNER_LIPS)
)


def mesh_to_68(mesh: np.ndarray) -> np.ndarray:
    """[..., 468 or 478, D] face mesh -> [..., 68, D] in the 300-W order, in the same unit."""
    return mesh[..., MESH_PAIRS, :].mean(axis=-2)


def head_from_face(face: np.ndarray) -> np.ndarray:
    """[68, D] face -> [3, D]: the body's nose, left eye and right eye."""
    return np.stack(
        [
            face[layout.FACE_NOSE_TIP],
            face[layout.FACE_LEFT_EYE].mean(axis=0),
            face[layout.FACE_RIGHT_EYE].mean(axis=0),
        ]
    )
