"""SSIM: the structural similarity of two pictures.

Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", IEEE TIP
2004, equation 13, with the paper's constants: a Gaussian window of 11 x 11 and sigma 1.5,
K1 = 0.01, K2 = 0.03, L = 255. Computed on each colour and averaged, as scikit-image does with
``gaussian_weights=True, use_sample_covariance=False, channel_axis=-1`` (a test compares the two).
1 is best.
"""

from __future__ import annotations

import cv2
import numpy as np

from .frame_pair import checked_pair

_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def _blur(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (_WINDOW, _WINDOW), _SIGMA, borderType=cv2.BORDER_REFLECT)


def ssim_map(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """image, reference: [H, W, 3] uint8 RGB. Returns [H, W] in -1..1."""
    image, reference, _ = checked_pair(image, reference)
    x, y = image.astype(np.float64), reference.astype(np.float64)
    mean_x, mean_y = _blur(x), _blur(y)
    var_x = _blur(x * x) - mean_x**2
    var_y = _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    above = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    below = (mean_x**2 + mean_y**2 + _C1) * (var_x + var_y + _C2)
    return (above / below).mean(axis=-1)


def ssim(image: np.ndarray, reference: np.ndarray, mask: np.ndarray | None = None) -> float:
    """image, reference: [H, W, 3] uint8 RGB, at least 11 x 11. mask: [H, W] bool, the pixels whose
    windows count; where it is None, all whose window lies inside the picture. Returns -1..1, NaN
    where the mask is empty."""
    _, _, mask = checked_pair(image, reference, mask)
    if min(image.shape[:2]) < _WINDOW:
        raise ValueError(f"SSIM needs pictures of at least 11 x 11, got {image.shape[:2]}")
    values = ssim_map(image, reference)
    if mask is None:
        edge = _WINDOW // 2
        return float(values[edge:-edge, edge:-edge].mean())
    return float(values[mask].mean()) if mask.any() else float("nan")
