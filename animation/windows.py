"""Overlapping windows over a video of any length, and how their predictions are blended.

The motion modules see some two dozen frames at once. Windows are spread evenly from the first
frame to the last, so that all are full; the ends are open: the first frame has no neighbour before
it and the last none behind.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

Span = tuple[int, int]
"""First frame, and the one behind the last."""


def spans(frames: int, window: int, overlap: int) -> list[Span]:
    """Windows of ``window`` frames that overlap by at least ``overlap``, in order; a single
    shorter one where the video is shorter."""
    if not 0 <= overlap <= window // 2:
        raise ValueError(f"overlap is {overlap}, expected 0 to half of the window's {window}")
    if frames <= window:
        return [(0, frames)] if frames else []
    count = math.ceil((frames - overlap) / (window - overlap))
    starts = np.round(np.linspace(0, frames - window, count)).astype(int)
    return [(int(start), int(start) + window) for start in starts]


def shares(windows: Sequence[Span], number: int) -> np.ndarray:
    """[frames of the window] float32: its part in each of its frames. Over all windows the parts
    of a frame sum to 1, and they change smoothly from one window to the next."""
    start, stop = windows[number]
    # Spread evenly, windows begin more than a quarter of their length apart.
    near = range(max(number - 3, 0), min(number + 4, len(windows)))
    total = np.zeros(stop - start)
    for other in near:
        first, last = max(windows[other][0], start), min(windows[other][1], stop)
        if first < last:
            own = _ramps(windows, other)
            total[first - start : last - start] += own[
                first - windows[other][0] : last - windows[other][0]
            ]
    return (_ramps(windows, number) / total).astype(np.float32)


def _ramps(windows: Sequence[Span], number: int) -> np.ndarray:
    """Raised cosines over what a window has in common with the one before and the one behind."""
    start, stop = windows[number]
    ramps = np.ones(stop - start)
    if number > 0:
        common = windows[number - 1][1] - start
        ramps[:common] *= _rise(common)
    if number + 1 < len(windows):
        common = stop - windows[number + 1][0]
        ramps[len(ramps) - common :] *= _rise(common)[::-1]
    return ramps


def _rise(count: int) -> np.ndarray:
    """From above 0 to below 1; with its mirror image it sums to 1."""
    return np.sin(np.pi / 2 * np.arange(1, count + 1) / (count + 1)) ** 2
