"""When somebody speaks: how far each mel band stands above its own noise, with hysteresis.

Every band keeps its own noise floor by minimum statistics (Martin, "Noise power spectral density
estimation based on optimal smoothing and minimum statistics", IEEE TSAP 9(5), 2001, in its
simplest form: the least smoothed power of the last and next seconds). A hum, a held note or a fan
is floor in the few bands it fills; speech lifts many bands together.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .spectrum import HOPS_PER_FRAME, log_mel
from .track import Speech

SILENT_DB = -60.0
# Bands further than this below the recording's own level tell nothing: breath, dither, echo.
_RANGE_DB = 48.0
_FLOOR_SECONDS = 4.0
_FLOOR_SMOOTHING = 0.1
# The least of many smoothed powers lies below their mean by about this.
_FLOOR_BIAS_DB = 2.0
_STRONGEST = 14  # bands, about a third: a vowel or a fricative fills as many
_ON_DB, _OFF_DB = 10.0, 5.0
_SHORTEST_BURST = 0.06
# A plosive's closure lasts up to 0.15 s inside a word; what is longer is a pause.
_LONGEST_CLOSURE = 0.15
_HANGOVER = 0.03


def voice_activity(speech: Speech, fps: float) -> np.ndarray:
    """[T] float32 in 0..1: the share of each frame in which somebody speaks."""
    return frame_share(voiced_hops(log_mel(speech, fps), fps * HOPS_PER_FRAME))


def frame_share(hops: np.ndarray) -> np.ndarray:
    """[4 T] bool -> [T] float32, the mean of each frame's four hops."""
    return hops.reshape(-1, HOPS_PER_FRAME).mean(axis=1, dtype=np.float32)


def voiced_hops(mel_db: np.ndarray, rate: float) -> np.ndarray:
    """[N] bool: whether somebody speaks.

    mel_db: [N, bands], power in dB. rate: rows a second.
    """
    lift = _above_floor(mel_db, rate)
    active = _hysteresis(lift)
    active = _drop_runs(active, True, _SHORTEST_BURST * rate)
    active = _drop_runs(active, False, _LONGEST_CLOSURE * rate)
    return _widen(active, round(_HANGOVER * rate))


def _above_floor(mel_db: np.ndarray, rate: float) -> np.ndarray:
    """[N] dB: the mean height above the noise of the bands that stand out most."""
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    level = np.percentile(mel_db.max(axis=1), 95)
    if level < SILENT_DB:
        return np.zeros(len(mel_db), dtype=np.float32)
    power = 10 ** (np.maximum(mel_db, level - _RANGE_DB) / 10)
    slow = uniform_filter1d(power, max(1, round(_FLOOR_SMOOTHING * rate)), axis=0)
    noise = minimum_filter1d(slow, max(1, round(_FLOOR_SECONDS * rate)), axis=0)
    fast = uniform_filter1d(power, max(1, round(0.03 * rate)), axis=0)
    lift = 10 * np.log10(fast / noise) - _FLOOR_BIAS_DB
    lift = np.clip(lift, 0, 30)
    bands = lift.shape[1]
    strongest = np.partition(lift, bands - min(_STRONGEST, bands), axis=1)
    return strongest[:, -_STRONGEST:].mean(axis=1)


def _hysteresis(lift: np.ndarray) -> np.ndarray:
    """Runs above the lower threshold that reach the upper one somewhere."""
    from scipy.ndimage import label

    runs, _ = label(lift > _OFF_DB)
    reached = np.unique(runs[lift > _ON_DB])
    return np.isin(runs, reached[reached > 0])


def _drop_runs(active: np.ndarray, value: bool, length: float) -> np.ndarray:
    """Turn runs of ``value`` that are shorter than ``length``; a silence at an end stays."""
    edges = np.flatnonzero(np.diff(active.astype(np.int8))) + 1
    bounds = np.concatenate([[0], edges, [len(active)]])
    active = active.copy()
    for start, stop in pairwise(bounds):
        at_end = start == 0 or stop == len(active)
        if active[start] == value and stop - start < length and (value or not at_end):
            active[start:stop] = not value
    return active


def _widen(active: np.ndarray, hops: int) -> np.ndarray:
    from scipy.ndimage import maximum_filter1d

    return maximum_filter1d(active.astype(np.uint8), 2 * hops + 1, mode="nearest").astype(bool)
