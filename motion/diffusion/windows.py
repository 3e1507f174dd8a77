"""Motion of any length, window by window, each begun with the last frames of the one before.

The public model of Democratizing puts its windows end to end. Here the last frames of a window,
which were made without hearing what follows them, are made again by the next one, and fade into it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def window_starts(length: int, window: int, lookahead: int) -> list[int]:
    """The first frames that each window makes, for a motion of ``length`` frames."""
    starts = [0]
    while starts[-1] + window < length:
        starts.append(starts[-1] + window - lookahead)
    return starts


def in_windows(
    make: Callable[[int, np.ndarray], np.ndarray],
    first: np.ndarray,
    length: int,
    window: int,
    lookahead: int,
) -> np.ndarray:
    """[length, D], made in windows.

    make: (first frame, the frames before it [H, D]) -> [window, D]. first: [H, D], the frames
    before the beginning. lookahead: frames at a window's end that the next one makes again.
    """
    history = len(first)
    made = np.concatenate([first, np.zeros((length + window, first.shape[1]), first.dtype)])
    rise = np.sin(np.linspace(0, np.pi / 2, lookahead + 2)[1:-1, None]) ** 2
    for start in window_starts(length, window, lookahead):
        found = make(start, made[start : start + history])
        at = start + history
        if start > 0:
            old = made[at : at + lookahead]
            found[:lookahead] = old + rise * (found[:lookahead] - old)
        made[at : at + window] = found
    return made[history : history + length]
