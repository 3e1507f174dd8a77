"""Beats: the moments at which a sound sets in, that gestures are held against.

Onsets as librosa finds them at 16 kHz with a hop of 512 samples (32 ms), which is what the programs
of BEAT and EMAGE do.
"""

from __future__ import annotations

import numpy as np

from ..speech.track import SAMPLE_RATE, Speech

_HOP = 512


def sound_beats(speech: Speech) -> np.ndarray:
    """[N] seconds, ascending; none in digital silence."""
    import librosa

    if len(speech.waveform) < 2 * _HOP or not np.any(speech.waveform):
        return np.zeros(0)
    return librosa.onset.onset_detect(
        y=speech.waveform, sr=SAMPLE_RATE, hop_length=_HOP, units="time"
    ).astype(np.float64)


def nearest(times: np.ndarray, others: np.ndarray) -> np.ndarray:
    """[N] and [M] seconds -> [N] how far the nearest of the others is; infinite without any."""
    if not len(others):
        return np.full(len(times), np.inf)
    return np.abs(times[:, None] - others[None]).min(axis=1)


def closeness(times: np.ndarray, others: np.ndarray, tolerance: float) -> np.ndarray:
    """[N] in 0..1: exp(-d^2 / (2 tolerance^2)) of the distance to the nearest of the others."""
    return np.exp(-np.square(nearest(times, others)) / (2 * tolerance**2))
