"""Soft limits: near zero they change nothing, far out they saturate, and nowhere do they jump."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d


def limit(values: np.ndarray, radius: float | np.ndarray) -> np.ndarray:
    """Each value kept within +-radius: radius * tanh(value / radius). Any shape."""
    return radius * np.tanh(values / radius)


def limit_length(vectors: np.ndarray, radius: float | np.ndarray) -> np.ndarray:
    """[..., 2] with their lengths kept below radius, directions unchanged."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors * (limit(length, radius) / np.maximum(length, 1e-9))


def limit_angle(angles: np.ndarray, radius: float) -> np.ndarray:
    """Angles in radians kept within +-radius, continuous on the circle.

    An angle near +-pi has no side: it becomes 0, with a smooth way there from two thirds of pi.
    """
    angles = np.arctan2(np.sin(angles), np.cos(angles))
    near_turn = np.clip((np.abs(angles) / np.pi - 2 / 3) * 3, 0, 1)
    return limit(angles, radius) * (1 - smooth_step(near_turn))


def smooth_step(values: np.ndarray | float) -> np.ndarray:
    """0 below 0, 1 above 1, with no kink between (Perlin's quintic)."""
    x = np.clip(np.asarray(values, np.float64), 0, 1)
    return x**3 * (x * (6 * x - 15) + 10)


def ease_out(frames: int, fps: float, seconds: float) -> np.ndarray:
    """[T] from 1 at the first frame to 0 after so many seconds."""
    return 1 - smooth_step(np.arange(frames) / (fps * seconds))


def local_mean(values: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """[T, ...] -> its weighted mean over a Gaussian of sigma frames; weight: [T].

    Where nothing was seen for long the mean is drawn towards the mean of all.
    """
    weight = weight.reshape(-1, *[1] * (values.ndim - 1)).astype(np.float64)
    total = weight.sum()
    if total == 0:
        return np.zeros_like(values)
    overall = (values * weight).sum(axis=0) / total
    near = gaussian_filter1d(weight, sigma, axis=0, mode="nearest")
    mean = gaussian_filter1d((values - overall) * weight, sigma, axis=0, mode="nearest")
    return overall + mean / (near + 1e-3)
