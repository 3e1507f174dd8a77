"""Onsets and the pulse they form.

librosa has both. Its import compiles with numba (10 s on a laptop, minutes the first time), which
is longer than the whole video takes; the formulas are short, and the tests hold them to librosa's.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .spectrum import HOPS_PER_FRAME, windows

_LAG = 2
_DB_PER_UNIT = 10.0

# Syllables come about four a second, stressed ones about two: the pulse is sought between them.
_TEMPI = np.arange(60.0, 301.0, 2.0)  # a minute
_WINDOW_SECONDS = 4.0


def onset_strength(mel_db: np.ndarray) -> np.ndarray:
    """[N] float32 >= 0: spectral flux, so scaled that a strong syllable onset is about 1.

    mel_db: [N, bands], in dB, with its floor not far below the speech (else noise in silence
    counts as onsets). Superflux: Boeck and Widmer, "Maximum filter vibrato suppression for onset
    detection", DAFx 2013, eq. 5: a band rises only if it rises above its neighbours' past too.
    """
    from scipy.ndimage import maximum_filter1d

    past = maximum_filter1d(mel_db, 3, axis=1)[:-_LAG]
    flux = np.zeros(len(mel_db), dtype=np.float32)
    flux[_LAG:] = np.maximum(mel_db[_LAG:] - past, 0).mean(axis=1) / _DB_PER_UNIT
    return flux


def pulse(onset: np.ndarray, rate: float) -> np.ndarray:
    """[N] float32 in 0..1: peaks where the beat of the speech falls.

    onset: [N], ``rate`` values a second. Predominant local pulse: Grosche and Mueller,
    "Extracting predominant local pulse information from music recordings", IEEE TASLP 19(6),
    2011: at every frame the windowed sinusoid that fits the onsets about it best (eq. 5 to 8),
    all of them added, the positive half kept (eq. 9, 10). 1 is where all agree.
    """
    length = round(_WINDOW_SECONDS * rate / 2) * 2
    centres = np.arange(0, len(onset), HOPS_PER_FRAME)
    taper, waves = _sinusoids(length, rate)
    total = np.zeros(len(onset) + length, dtype=np.float32)
    for span, around in windows(onset, centres, length):
        around = around - around.mean(axis=1, keepdims=True)
        match = around @ waves
        best = np.abs(match).argmax(axis=1)
        strongest = match[np.arange(len(best)), best]
        heard = np.abs(strongest) > 1e-3
        turn = strongest / np.maximum(np.abs(strongest), 1e-9)
        # waves holds taper * exp(-i w tau): its conjugate, turned by the phase, is the kernel.
        kernels = np.real(waves.T[best].conj() * turn[:, None]) * heard[:, None]
        for centre, kernel in zip(centres[span], kernels, strict=True):
            total[centre : centre + length] += kernel
    covered = taper.sum() / HOPS_PER_FRAME
    return np.clip(total[length // 2 : length // 2 + len(onset)] / covered, 0, 1)


@lru_cache(maxsize=4)
def _sinusoids(length: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Taper [length], and taper * exp(-i omega tau) for every tempo, [length, tempi]."""
    taper = np.hanning(length + 1)[:-1].astype(np.float32)
    tau = (np.arange(length) - length // 2) / rate
    waves = taper[:, None] * np.exp(-2j * np.pi * tau[:, None] * _TEMPI / 60)
    return taper, waves.astype(np.complex64)


def frame_peak(hops: np.ndarray) -> np.ndarray:
    """[4 T] -> [T], the greatest of each frame's four hops."""
    return hops.reshape(-1, HOPS_PER_FRAME).max(axis=1)
