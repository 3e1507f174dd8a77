"""Where speech is stressed: the syllables that gestures go with.

A pitch accent raises the voice's pitch and loudness above those of the phrase around it (Terken,
"Fundamental frequency and perceived prominence of accented syllables", JASA 89(4), 1991; Silipo and
Greenberg, "Automatic transcription of prosodic stress for spontaneous English discourse", ICPhS
1999, where loudness tells more than pitch). Apexes of strokes lie on or just before them (Loehr,
"Gesture and Intonation", PhD thesis, Georgetown 2004: mean distance 0 s, deviation 0.27 s).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .features import PROSODY

# The mel encoder tells pitch in units of so many semitones.
SEMITONES_PER_UNIT = 6.0
# Standard deviations of the smoothing in seconds: a syllable's nucleus, and the phrase around it.
SYLLABLE_SECONDS, PHRASE_SECONDS = 0.05, 1.2
# Of prominence: loudness in units of its deviation in running speech, and pitch likewise.
LOUDNESS_DB, PITCH_SEMITONES = 5.0, 2.5
PITCH_WEIGHT = 0.6
# A stress stands out from the syllables beside it by so much, and is so far from the next one.
OUTSTANDING, APART_SECONDS = 0.6, 0.25


@dataclass(frozen=True)
class Stresses:
    """times: [N] seconds, ascending. strength: [N], how far each stands out of its phrase."""

    times: np.ndarray
    strength: np.ndarray

    def __len__(self) -> int:
        return len(self.times)


def semitones(features: np.ndarray) -> np.ndarray:
    """[T] the pitch in semitones above the recording's median, 0 where unvoiced, from features
    [T, C] that end with the mel encoder's `PROSODY`, as those of all built-in encoders do."""
    prosody = features[:, -len(PROSODY) :]
    pitch: np.ndarray = prosody[:, PROSODY.index("pitch")] * SEMITONES_PER_UNIT
    return pitch


def prominence(energy: np.ndarray, pitch: np.ndarray, voice: np.ndarray, fps: float) -> np.ndarray:
    """[T] how far each frame stands out of the phrase around it, 0 where nobody speaks.

    energy: [T] dB. pitch: [T] semitones, relative to anything that stays; 0 where unvoiced. voice:
    [T] in 0..1.
    """
    from scipy.ndimage import gaussian_filter1d

    speaks = (np.asarray(voice) >= 0.5).astype(np.float64)
    voiced = speaks * (np.asarray(pitch) != 0)

    def raised(values: np.ndarray, known: np.ndarray) -> np.ndarray:
        """The syllable's mean above the phrase's, of what is known."""
        means = []
        for seconds in (SYLLABLE_SECONDS, PHRASE_SECONDS):
            weight = gaussian_filter1d(known, seconds * fps, mode="nearest")
            total = gaussian_filter1d(known * values, seconds * fps, mode="nearest")
            means.append(total / np.maximum(weight, 1e-3))
        sure = gaussian_filter1d(known, SYLLABLE_SECONDS * fps, mode="nearest")
        return np.clip(sure, 0, 1) * (means[0] - means[1])

    loud = raised(np.asarray(energy, np.float64), speaks) / LOUDNESS_DB
    high = raised(np.asarray(pitch, np.float64), voiced) / PITCH_SEMITONES
    return speaks * (loud + PITCH_WEIGHT * high)


def stresses(energy: np.ndarray, pitch: np.ndarray, voice: np.ndarray, fps: float) -> Stresses:
    """The stressed moments of a speech. Arguments as for `prominence`; row t lies at (t + 0.5) /
    fps seconds."""
    from scipy.signal import find_peaks

    if len(energy) < 3:
        return Stresses(np.zeros(0), np.zeros(0))
    course = prominence(energy, pitch, voice, fps)
    peaks, found = find_peaks(
        course, height=0, prominence=OUTSTANDING, distance=max(1.0, APART_SECONDS * fps)
    )
    return Stresses((peaks + 0.5) / fps, found["peak_heights"])
