"""Pitch by autocorrelation.

Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise
ratio of a sampled sound", IFA Proceedings 17, 1993. Its path search is left out: a median over
50 ms does for gestures, and costs nothing.
"""

from __future__ import annotations

import numpy as np

from .spectrum import hop_centres, windows
from .track import SAMPLE_RATE, Speech

LOW_HZ, HIGH_HZ = 65.0, 420.0
VOICED = 0.5
# Three periods of the lowest voice.
_WINDOW = int(3 * SAMPLE_RATE / LOW_HZ)
_FFT = 1024 * 2
# Boersma's octave cost: of two nearly equal peaks the higher pitch is right.
_OCTAVE_COST = 0.02
_MEDIAN = 5


def pitch(speech: Speech, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """The voice's pitch, four times a video frame.

    Returns f0: [4 T] float32 in Hz, 0 where there is no voice; and voicing: [4 T] float32 in
    0..1, the height of the autocorrelation's peak (near 1 for a clean vowel).
    """
    from scipy.fft import irfft, rfft
    from scipy.ndimage import median_filter

    centres = hop_centres(speech, fps)
    taper = np.hanning(_WINDOW + 2)[1:-1].astype(np.float32)
    short, long = int(SAMPLE_RATE / HIGH_HZ), int(np.ceil(SAMPLE_RATE / LOW_HZ))
    own = irfft(np.abs(rfft(taper, _FFT)) ** 2)[: long + 2]
    own = (own / own[0]).astype(np.float32)
    lags = np.arange(short, long + 1)
    cost = (_OCTAVE_COST * np.log2(lags / short)).astype(np.float32)
    f0 = np.zeros(len(centres), dtype=np.float32)
    voicing = np.zeros(len(centres), dtype=np.float32)
    for span, sound in windows(speech.waveform, centres, _WINDOW):
        sound = (sound - sound.mean(axis=1, keepdims=True)) * taper
        correlation = irfft(np.abs(rfft(sound, _FFT, axis=1)) ** 2, axis=1)[:, : long + 2]
        power = correlation[:, :1]
        # Eq. 9: the sound's autocorrelation is the windowed one over the window's own.
        correlation = correlation / np.maximum(power, 1e-9) / own
        # Sound below -90 dB is no voice, however regular.
        correlation[power[:, 0] < 1e-9 * _WINDOW] = 0
        best = np.argmax(correlation[:, short : long + 1] - cost, axis=1) + short
        lag, height = _refine(correlation, best)
        f0[span], voicing[span] = SAMPLE_RATE / lag, np.clip(height, 0, 1)
    f0 = median_filter(f0, _MEDIAN, mode="nearest")
    return np.where(voicing > VOICED, f0, 0).astype(np.float32), voicing


def _refine(correlation: np.ndarray, best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Top of the parabola through a peak and its neighbours: (lag in samples, height), both [n]."""
    row = np.arange(len(best))
    left, top, right = (correlation[row, best + step] for step in (-1, 0, 1))
    bend = left - 2 * top + right
    shift = np.where(bend < -1e-6, 0.5 * (left - right) / np.minimum(bend, -1e-6), 0)
    shift = np.clip(shift, -1, 1)
    return best + shift, top - 0.25 * (left - right) * shift
