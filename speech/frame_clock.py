"""Rows of a learned encoder, which has a clock of its own, on the video's frame clock."""

from __future__ import annotations

import numpy as np

from .track import SAMPLE_RATE


def on_frame_clock(
    rows: np.ndarray, frames: int, fps: float, step: int, first: int = 0
) -> np.ndarray:
    """[R, C] -> [frames, C]: linear interpolation at the middle of every frame.

    Row k is centred at sample ``first + step * k``; beyond the ends the last row is held.
    """
    middle = (np.arange(frames) + 0.5) * SAMPLE_RATE / fps
    position = np.clip((middle - first) / step, 0, len(rows) - 1)
    before = np.floor(position).astype(np.int64)
    after = np.minimum(before + 1, len(rows) - 1)
    part = (position - before)[:, None].astype(np.float32)
    return rows[before] * (1 - part) + rows[after] * part
