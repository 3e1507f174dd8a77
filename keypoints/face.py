"""The face taken apart into head pose and expression, and put together on another person's face.

A neutral face with depth, ``shape`` [68, 3], is seen by an affine camera: face = head @ shape +
expression, where ``head`` [2, 3] is found by least squares on the points that the skull carries.
Its first two columns hold scale and roll, the third how depth moves sideways: yaw and pitch. So a
head turns without angles being solved for, and shapes can be exchanged under a turn.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from . import canonical, layout

# Points that speech and expression do not move: ears' side of the jaw, bridge and nostrils, eye
# corners.
RIGID: np.ndarray = np.array(
    [0, 1, 2, 14, 15, 16, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 39, 42, 45]
)
UPPER_LIDS = np.array([37, 38, 43, 44])
LOWER_LIDS = np.array([41, 40, 47, 46])
UPPER_INNER_LIP = np.array([61, 62, 63])
LOWER_INNER_LIP = np.array([67, 66, 65])
NO_TURN: np.ndarray = np.eye(2, 3)

# How far each point follows when lips that are one unit apart are closed: the lower lip and the
# chin come up, the upper lip comes down. Most of an opening is the jaw's.
_LOWER, _UPPER = 0.7, 0.3
_CLOSING: dict[int, float] = {
    3: -0.1, 4: -0.25, 5: -0.4, 6: -0.47, 7: -0.5,
    8: -0.5, 9: -0.5, 10: -0.47, 11: -0.4, 12: -0.25, 13: -0.1,
    49: 0.5 * _UPPER, 50: _UPPER, 51: _UPPER, 52: _UPPER, 53: 0.5 * _UPPER,
    55: -0.6 * _LOWER, 56: -_LOWER, 57: -_LOWER, 58: -_LOWER, 59: -0.6 * _LOWER,
}  # fmt: skip
# A face whose eyes are narrower than this share of their width is taken to be blinking or
# squinting: its lids' motion is not blown up further.
_LEAST_EYE_OPENING = 0.02


@dataclass(frozen=True)
class NeutralFace:
    """A person's neutral face: lips closed, eyes as open as usual, head as usual.

    shape: [68, 3] from the nose tip, x and y in pixels, z in pixels away from the camera.
    scale: pixels of one distance between the outer eye corners in front view.
    eye_opening: mean distance of upper and lower lid, in pixels.
    view: [2, 3] the rotation (two of its rows) that shows the canonical face as this one is seen.
    """

    shape: np.ndarray
    scale: float
    eye_opening: float
    view: np.ndarray = field(default_factory=lambda: NO_TURN)

    @classmethod
    def measure(cls, faces: np.ndarray) -> NeutralFace:
        """From one or more whole faces [T, 68, 2] in pixels."""
        faces = faces.astype(np.float64)
        faces = faces - faces[:, layout.FACE_NOSE_TIP, None]
        flat = np.median(faces, axis=0)
        opening = eye_opening(faces)
        flat[layout.FACE_RIGHT_EYE.start : layout.FACE_LEFT_EYE.stop] = np.median(
            faces[opening >= np.median(opening)], axis=0
        )[layout.FACE_RIGHT_EYE.start : layout.FACE_LEFT_EYE.stop]
        gap = lip_gap(faces)
        closed = np.median(faces[gap <= np.quantile(gap, 0.3)], axis=0)
        mouth = [*range(3, 14), *range(48, 68)]
        flat[mouth] = closed[mouth]
        flat = close_lips(flat)
        scale, depth, view = _depth(flat)
        own = float(np.median(opening[opening >= np.median(opening)]))
        own = max(own, _LEAST_EYE_OPENING * scale)
        return cls(np.column_stack([flat, depth]), scale, own, view)

    def split(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Head pose and expression of this person's faces.

        faces: [T, 68, 2] from the nose tip, in pixels. Returns the head [T, 2, 3] (``NO_TURN``
        when neutral) and the expression [T, 68, 2] in distances of the outer eye corners, lids in
        the canonical person's opening.
        """
        points, rigid = faces[:, RIGID], self.shape[RIGID]
        rigid = rigid - rigid.mean(axis=0)
        head = np.swapaxes(points, 1, 2) @ np.linalg.pinv(rigid).T
        expression = (faces - self._turned(head)) / self.scale
        return head, _scale_lids(expression, CANONICAL_OPENING * self.scale / self.eye_opening)

    def join(self, head: np.ndarray, expression: np.ndarray) -> np.ndarray:
        """What `split` took apart: [T, 68, 2] from the nose tip, in pixels."""
        own = _scale_lids(expression, self.eye_opening / (CANONICAL_OPENING * self.scale))
        return self._turned(head) + own * self.scale

    def _turned(self, head: np.ndarray) -> np.ndarray:
        return np.einsum("tij,pj->tpi", head, self.shape)


def eye_opening(faces: np.ndarray) -> np.ndarray:
    """[..., 68, 2] -> [...], mean distance of upper and lower lids of both eyes."""
    apart = faces[..., UPPER_LIDS, :] - faces[..., LOWER_LIDS, :]
    return np.linalg.norm(apart, axis=-1).mean(axis=-1)


def lip_gap(faces: np.ndarray) -> np.ndarray:
    """[..., 68, 2] -> [...], mean distance of the inner lips."""
    apart = faces[..., LOWER_INNER_LIP, :] - faces[..., UPPER_INNER_LIP, :]
    return np.linalg.norm(apart, axis=-1).mean(axis=-1)


def close_lips(face: np.ndarray) -> np.ndarray:
    """[68, 2] -> the same face with its inner lips touching, as if the jaw had closed."""
    along = face[45] - face[36]
    down = np.array([-along[1], along[0]]) / max(np.linalg.norm(along), 1e-6)
    gaps = (face[LOWER_INNER_LIP] - face[UPPER_INNER_LIP]) @ down
    face = face.copy()
    face[UPPER_INNER_LIP] += _UPPER * gaps[:, None] * down
    face[LOWER_INNER_LIP] -= _LOWER * gaps[:, None] * down
    for point, share in _CLOSING.items():
        face[point] += share * gaps.mean() * down
    return face


def _scale_lids(expression: np.ndarray, factor: float) -> np.ndarray:
    """Scale how far the lids open or close [T, 68, 2], and keep what they do together."""
    upper, lower = expression[:, UPPER_LIDS], expression[:, LOWER_LIDS]
    middle, half = (upper + lower) / 2, (upper - lower) / 2 * factor
    expression = expression.copy()
    expression[:, UPPER_LIDS], expression[:, LOWER_LIDS] = middle + half, middle - half
    return expression


def _depth(flat: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale and depth [68], in pixels, and view [2, 3] of a neutral face [68, 2].

    The canonical face is fitted as a scaled orthographic view: its rotation's third row tells the
    depth in this view.
    """
    rigid = canonical.FACE[RIGID] - canonical.FACE[RIGID].mean(axis=0)
    camera = (flat[RIGID] - flat[RIGID].mean(axis=0)).T @ np.linalg.pinv(rigid).T
    rows, singular, columns = np.linalg.svd(camera, full_matrices=False)
    scale = float(singular.mean())
    across = rows @ columns
    depth = scale * canonical.FACE @ np.cross(across[0], across[1])
    return scale, depth, across


_CANONICAL_FLAT = close_lips(canonical.FACE[:, :2]) * canonical.EYE_DISTANCE
CANONICAL_OPENING = float(eye_opening(canonical.FACE[:, :2]))
CANONICAL_FACE = NeutralFace(
    np.column_stack([_CANONICAL_FLAT, canonical.FACE[:, 2] * canonical.EYE_DISTANCE]),
    canonical.EYE_DISTANCE,
    CANONICAL_OPENING * canonical.EYE_DISTANCE,
)
