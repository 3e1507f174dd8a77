"""What a mouth does, read from the 68 points of a face: opening, width, jaw, lower lip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Pairs of upper and lower lip points, counted from the first face point (iBUG 300-W order).
UPPER_INNER, LOWER_INNER = (61, 62, 63), (67, 66, 65)
LOWER_OUTER = (58, 57, 56)
RIGHT_CORNER, LEFT_CORNER = 48, 54
RIGHT_EYE, LEFT_EYE, NOSE_BRIDGE, CHIN = 36, 45, 27, 8


@dataclass(frozen=True)
class MouthShape:
    """What a mouth does, each [T] in distances of the outer eye corners.

    opening: the gap between the inner lips, down the face; negative where they cross.
    width: between the corners of the mouth.
    jaw: from the bridge of the nose to the chin, down the face.
    lower_lip: thickness of the lower lip; it is thin where the lip is drawn to the teeth.
    """

    opening: np.ndarray
    width: np.ndarray
    jaw: np.ndarray
    lower_lip: np.ndarray


def measure_mouth(face: np.ndarray) -> MouthShape:
    """face: [T, 68, 2], pixels or any other unit."""
    face = np.asarray(face, dtype=np.float64)
    across = face[:, LEFT_EYE] - face[:, RIGHT_EYE]
    eyes = np.maximum(np.linalg.norm(across, axis=1), 1e-6)
    down = face_down(face)

    def below(lower: tuple[int, ...], upper: tuple[int, ...]) -> np.ndarray:
        gaps = face[:, list(lower)] - face[:, list(upper)]
        return np.einsum("tpc,tc->tp", gaps, down).mean(axis=1) / eyes

    return MouthShape(
        opening=below(LOWER_INNER, UPPER_INNER),
        width=np.linalg.norm(face[:, LEFT_CORNER] - face[:, RIGHT_CORNER], axis=1) / eyes,
        jaw=below((CHIN,), (NOSE_BRIDGE,)),
        lower_lip=below(LOWER_OUTER, LOWER_INNER),
    )


def face_down(face: np.ndarray) -> np.ndarray:
    """The face's downward axis, [T, 2]: across the line between the outer eye corners."""
    across = face[:, LEFT_EYE] - face[:, RIGHT_EYE]
    down = np.stack([-across[:, 1], across[:, 0]], axis=1)
    return down / np.maximum(np.linalg.norm(down, axis=1, keepdims=True), 1e-6)
