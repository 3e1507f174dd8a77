"""The guided filter of He, Sun and Tang ("Guided Image Filtering", TPAMI 2013), by box filters.

opencv-contrib has it too, but the wheels of OpenCV own one folder between them: which of them a
process gets depends on the order of their installation.
"""

from __future__ import annotations

import cv2
import numpy as np


def guided_filter(guide: np.ndarray, mask: np.ndarray, radius: int, eps: float) -> np.ndarray:
    """Smooth a mask, but along the edges of a colour picture.

    In every window the mask is fitted as a linear function of the picture's colour (eq. 14, 15);
    a pixel takes the mean of the fits of all windows that it lies in (eq. 16).

    guide: [H, W, 3] uint8 or float. mask: [H, W] float32. radius: of the window, in pixels; it has
    2 * radius + 1 of them on a side, mirrored at the border. eps: how little variance, in squared
    units of the guide, counts as flat. Returns [H, W] float32.
    """

    def mean(values: np.ndarray) -> np.ndarray:
        side = (2 * radius + 1, 2 * radius + 1)
        return cv2.boxFilter(values, cv2.CV_32F, side, borderType=cv2.BORDER_REFLECT)

    # Variances are differences of squares: about the middle of the range float32 loses least.
    colours = list(np.moveaxis(guide.astype(np.float32) - 128.0, 2, 0))
    mask = mask.astype(np.float32)
    means, mask_mean = [mean(c) for c in colours], mean(mask)
    with_mask = [mean(c * mask) - m * mask_mean for c, m in zip(colours, means, strict=True)]

    def covariance(i: int, j: int) -> np.ndarray:
        return mean(colours[i] * colours[j]) - means[i] * means[j] + (eps if i == j else 0.0)

    slopes = _solve_symmetric(covariance, with_mask)
    offset = mask_mean - sum(s * m for s, m in zip(slopes, means, strict=True))
    fitted = mean(offset)
    for slope, colour in zip(slopes, colours, strict=True):
        fitted += mean(slope) * colour
    return fitted


def _solve_symmetric(entry, right: list[np.ndarray]) -> list[np.ndarray]:
    """x of A x = right in every pixel, for symmetric 3 x 3 A, by cofactors.

    entry: (row, column) -> [H, W]. right: three of [H, W]. Returns three of [H, W].
    """
    rr, rg, rb = entry(0, 0), entry(0, 1), entry(0, 2)
    gg, gb, bb = entry(1, 1), entry(1, 2), entry(2, 2)
    first = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    determinant = rr * first[0] + rg * first[1] + rb * first[2]
    second = first[1], rr * bb - rb * rb, rb * rg - rr * gb
    third = first[2], second[2], rr * gg - rg * rg
    return [
        sum(c * r for c, r in zip(row, right, strict=True)) / determinant
        for row in (first, second, third)
    ]
