"""The person's own colours where a pixel also shows what is behind: hair, fingers, rims."""

from __future__ import annotations

import math

import cv2
import numpy as np

# Of Germer et al.: how strongly neighbours agree everywhere, and how much more across the matte's
# edges; rounds at levels up to 32 pixels, and at larger ones.
_EVERYWHERE, _ACROSS_EDGES = 1e-5, 0.1
_SMALL, _ROUNDS, _FEW_ROUNDS = 32, 10, 2


def foreground_colours(photo: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """F of I = a F + (1 - a) B, from coarse to fine.

    Germer, Uelwer, Conrad, Harmeling, "Fast Multi-Level Foreground Estimation", ICPR 2020: the same
    solution as pymatting's `estimate_foreground_ml`, whose first import compiles for a minute.

    photo: [H, W, 3] uint8 or float32 RGB, 0..255. matte: [H, W] float32 in 0..1. Returns
    [H, W, 3] float32 in 0..255; the photo's own where the matte is 1.
    """
    height, width = matte.shape
    front = behind = np.zeros((1, 1, 3), np.float32)
    levels = math.ceil(math.log2(max(height, width, 2)))
    for level in range(levels + 1):
        size = tuple(max(1, round(side ** (level / levels))) for side in (width, height))
        image, alpha, front, behind = (
            cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST).astype(np.float32)
            for picture in (photo, matte, front, behind)
        )
        for _ in range(_ROUNDS if max(size) <= _SMALL else _FEW_ROUNDS):
            front, behind = _round(image, alpha, front, behind)
    return np.where(matte[..., None] >= 1.0, photo, front).astype(np.float32)


def _round(
    image: np.ndarray, alpha: np.ndarray, front: np.ndarray, behind: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Both colours of every pixel from those of its four neighbours (algorithm 1): least squares of
    its own equation and of w (F - F_j)^2 + w (B - B_j)^2, w from the difference of their alphas."""
    sum_weights = np.zeros_like(alpha)
    sum_front, sum_behind = np.zeros_like(front), np.zeros_like(behind)
    for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        there = np.abs(alpha - _shifted(alpha, dy, dx))
        weight = _EVERYWHERE + _ACROSS_EDGES * there
        sum_weights += weight
        sum_front += weight[..., None] * _shifted(front, dy, dx)
        sum_behind += weight[..., None] * _shifted(behind, dy, dx)
    back = 1.0 - alpha
    # [a a + s, a b; a b, b b + s] [F, B] = [a I + sum w F_j, b I + sum w B_j]
    one, two, both = alpha**2 + sum_weights, back**2 + sum_weights, alpha * back
    scale = (1.0 / (one * two - both**2))[..., None]
    right_front = alpha[..., None] * image + sum_front
    right_behind = back[..., None] * image + sum_behind
    new_front = scale * (two[..., None] * right_front - both[..., None] * right_behind)
    new_behind = scale * (one[..., None] * right_behind - both[..., None] * right_front)
    return np.clip(new_front, 0.0, 255.0), np.clip(new_behind, 0.0, 255.0)


def _shifted(picture: np.ndarray, dy: int, dx: int) -> np.ndarray:
    """The neighbour of every pixel; at the border the pixel itself."""
    rows = np.clip(np.arange(len(picture)) + dy, 0, len(picture) - 1)
    columns = np.clip(np.arange(picture.shape[1]) + dx, 0, picture.shape[1] - 1)
    return picture[rows][:, columns]
