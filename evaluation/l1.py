"""L1: the mean absolute difference of two pictures.

Values are taken in 0..1, as in the video tables of Siarohin et al., "First Order Motion Model for
Image Animation", NeurIPS 2019, section 4 (reconstruction error L1). 0 is best.
"""

from __future__ import annotations

import numpy as np

from .frame_pair import checked_pair


def l1(image: np.ndarray, reference: np.ndarray, mask: np.ndarray | None = None) -> float:
    """image, reference: [H, W, 3] uint8 RGB. mask: [H, W] bool, the pixels that count; all where
    it is None. Returns 0..1, NaN where the mask is empty."""
    image, reference, mask = checked_pair(image, reference, mask)
    difference = np.abs(image.astype(np.float32) - reference.astype(np.float32))
    if mask is not None:
        difference = difference[mask]
    return float(difference.mean() / 255) if difference.size else float("nan")
