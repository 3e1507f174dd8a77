"""A synthetic voice whose words, pauses and pitch are known."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.signal import lfilter

from gesticulate.speech.track import SAMPLE_RATE, Speech


@dataclass(frozen=True)
class KnownVoice:
    """speech; its words as (start, end) in seconds; its pitch in Hz at every sample."""

    speech: Speech
    spans: list[tuple[float, float]]
    f0: np.ndarray


def _resonance(sound: np.ndarray, hertz: float, width: float) -> np.ndarray:
    radius = np.exp(-np.pi * width / SAMPLE_RATE)
    turn = 2 * np.pi * hertz / SAMPLE_RATE
    return lfilter([1 - radius], [1, -2 * radius * np.cos(turn), radius**2], sound)


def make_voice(seconds: float, seed: int = 0) -> KnownVoice:
    """Words of vowels and fricatives, four syllables a second, pauses of 0.25 to 0.6 s."""
    rng = np.random.default_rng(seed)
    samples = int(seconds * SAMPLE_RATE)
    time = np.arange(samples) / SAMPLE_RATE
    f0 = 130 * 2 ** (0.25 * np.sin(2 * np.pi * 0.4 * time))
    phase = np.cumsum(f0) / SAMPLE_RATE
    source = np.diff(np.floor(phase), prepend=0) + 0.002 * rng.standard_normal(samples)
    vowel = sum(_resonance(source, f, 90) for f in (600, 1200, 2600))
    hiss = lfilter([1, -0.95], [1], rng.standard_normal(samples)) * 0.05
    loudness, spans, t = np.zeros(samples), [], 0.5
    fricative = np.zeros(samples)
    while t + 1.5 < seconds:
        end = t + rng.uniform(0.5, 1.2)
        spans.append((t, end))
        a, b = int(t * SAMPLE_RATE), int(end * SAMPLE_RATE)
        loudness[a:b] = 0.55 + 0.45 * np.cos(2 * np.pi * 4 * (time[a:b] - t))
        fricative[a : a + SAMPLE_RATE // 12] = 1
        t = end + rng.uniform(0.25, 0.6)
    sound = vowel / np.abs(vowel).max() * loudness + hiss * fricative
    waveform = (0.4 * sound + 1e-4 * rng.standard_normal(samples)).astype(np.float32)
    return KnownVoice(Speech(waveform), spans, f0)


@pytest.fixture(scope="session")
def voice() -> KnownVoice:
    return make_voice(12.0)
