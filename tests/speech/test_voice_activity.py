"""Voice activity: no silence inside words, every pause found, in noise too."""

from itertools import pairwise

import numpy as np
import pytest

from gesticulate.speech.load import load
from gesticulate.speech.spectrum import log_mel
from gesticulate.speech.track import SAMPLE_RATE, Speech
from gesticulate.speech.voice_activity import frame_share, voice_activity, voiced_hops

RATE = 100.0  # hops a second at 25 fps


def backgrounds(samples: int) -> dict[str, np.ndarray]:
    """Noises of RMS 1."""
    rng = np.random.default_rng(5)
    white = rng.standard_normal(samples)
    tint = 1 / np.sqrt(np.maximum(np.arange(samples // 2 + 1), 20))
    pink = np.fft.irfft(np.fft.rfft(white) * tint, samples)
    time = np.arange(samples) / SAMPLE_RATE
    chord = sum(np.sin(2 * np.pi * f * time) for f in (220, 277, 330, 440))
    return {name: x / x.std() for name, x in (("white", white), ("pink", pink), ("chord", chord))}


def check(hops: np.ndarray, spans: list[tuple[float, float]]) -> None:
    """No silence of a frame or more inside a word; most of every pause silent."""
    for start, end in spans:
        assert hops[round((start + 0.05) * RATE) : round((end - 0.1) * RATE)].mean() > 0.98
    for (_, end), (start, _) in pairwise(spans):
        assert (~hops[round(end * RATE) : round(start * RATE)]).mean() > 0.4


def test_known_words_in_quiet(voice) -> None:
    check(voiced_hops(log_mel(voice.speech, 25), RATE), voice.spans)


@pytest.mark.parametrize(
    ("name", "decibel"),
    [("white", 30), ("white", 20), ("pink", 30), ("pink", 20), ("chord", 20), ("chord", 10)],
)
def test_known_words_in_noise(voice, name: str, decibel: float) -> None:
    clean = voice.speech.waveform
    noise = backgrounds(len(clean))[name] * clean.std() * 10 ** (-decibel / 20)
    noisy = Speech((clean + noise).astype(np.float32))
    check(voiced_hops(log_mel(noisy, 25), RATE), voice.spans)


@pytest.mark.parametrize("name", ["white", "pink", "chord"])
def test_noise_alone_is_no_voice(name: str) -> None:
    noise = backgrounds(8 * SAMPLE_RATE)[name] * 0.05
    assert voice_activity(Speech(noise.astype(np.float32)), 25).mean() < 0.02


def test_quiet_recording(voice) -> None:
    """40 dB softer, as a far microphone records."""
    soft = Speech(voice.speech.waveform * 0.01)
    check(voiced_hops(log_mel(soft, 25), RATE), voice.spans)


def test_values_are_shares_of_frames() -> None:
    hops = np.array([0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1], dtype=bool)
    assert frame_share(hops).tolist() == [0, 0.5, 1]


def test_real_pauses_and_words(data_dir) -> None:
    """A studio-clean recording tells its own truth: pauses of 0.2 s and more at -38 dB."""
    for name in ("welcome-af_heart", "welcome-am_michael", "welcome-bm_george", "monologue"):
        mel = log_mel(load(data_dir / "speech" / f"{name}.wav"), 25)
        loudness = 10 * np.log10((10 ** (mel / 10)).sum(axis=1))
        loud = loudness > np.percentile(loudness, 95) - 38
        hops = voiced_hops(mel, RATE)
        edges = np.flatnonzero(np.diff(np.concatenate([[1], loud, [1]]).astype(int)))
        pauses = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= 20]
        assert pauses
        for start, stop in pauses:
            assert (~hops[start:stop]).mean() > 0.3
        assert hops[loud].mean() > 0.93
