"""Persons of one picture: their order, and what of them lies in the picture."""

from __future__ import annotations

import numpy as np

from . import layout


def largest_face_first(persons: np.ndarray) -> np.ndarray:
    """[P, 133, 3] in the order of their faces' heights; persons without a face come last."""
    face = persons[:, layout.FACE]
    seen = face[..., 2] > 0
    top = np.where(seen, face[..., 1], np.inf).min(axis=1, initial=np.inf)
    bottom = np.where(seen, face[..., 1], -np.inf).max(axis=1, initial=-np.inf)
    return persons[np.argsort(-np.maximum(bottom - top, 0), kind="stable")]


def hide_outside(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """[..., 133, 3] with confidence 0 for points that are not finite or outside the picture."""
    points = np.nan_to_num(points, nan=-1e4).astype(np.float32)
    points[..., 2] *= inside(points[..., :2], size)
    points[points[..., 2] == 0] = 0
    return points


def inside(xy: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """[..., 2] pixels -> [...] bool: within the picture of (width, height)."""
    return ((xy > -0.5) & (xy < np.array(size) - 0.5)).all(axis=-1)
