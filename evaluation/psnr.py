"""PSNR: the peak signal-to-noise ratio of two pictures, in dB.

`10 log10(255^2 / MSE)`, the mean squared error over all pixels and the three colours (ITU-T
J.340). Higher is better; equal pictures give infinity.
"""

from __future__ import annotations

import numpy as np

from .frame_pair import checked_pair


def psnr(image: np.ndarray, reference: np.ndarray, mask: np.ndarray | None = None) -> float:
    """image, reference: [H, W, 3] uint8 RGB. mask: [H, W] bool, the pixels that count; all where
    it is None. Returns dB, NaN where the mask is empty."""
    image, reference, mask = checked_pair(image, reference, mask)
    squared = (image.astype(np.float32) - reference.astype(np.float32)) ** 2
    if mask is not None:
        squared = squared[mask]
    if not squared.size:
        return float("nan")
    error = float(squared.mean(dtype=np.float64))
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))
