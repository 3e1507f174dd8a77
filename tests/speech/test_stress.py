"""Stressed syllables: those that are louder and higher than their phrase."""

import numpy as np
import pytest

from gesticulate.speech.features import PROSODY, MelEncoder
from gesticulate.speech.stress import SEMITONES_PER_UNIT, prominence, semitones, stresses
from gesticulate.speech.track import SAMPLE_RATE, Speech

FPS = 25.0


def syllables(seconds: float, stressed: list[float], louder: float, higher: float):
    """Five syllables a second; at some moments one that is louder (dB) and higher (semitones)."""
    time = np.arange(round(seconds * FPS)) / FPS
    energy = -30 + 4 * np.cos(2 * np.pi * 5 * time)
    pitch = np.where(np.cos(2 * np.pi * 5 * time) > -0.5, 1.0, 0.0)
    for moment in stressed:
        bump = np.exp(-0.5 * ((time - moment) / 0.06) ** 2)
        energy = energy + louder * bump
        pitch = np.where(pitch != 0, pitch + higher * bump, 0.0)
    return energy, pitch, np.ones(len(time))


@pytest.mark.parametrize(("louder", "higher"), [(9.0, 0.0), (6.0, 4.0)])
def test_the_loud_and_high_syllables_are_found(louder, higher):
    moments = [1.0, 2.2, 3.0, 4.4]
    found = stresses(*syllables(6, moments, louder, higher), FPS)
    # The strongest are those, to within a frame and a half.
    strongest = np.sort(found.times[np.argsort(-found.strength)[:4]])
    np.testing.assert_allclose(strongest, moments, atol=0.06)
    assert (np.diff(found.times) >= 0.24).all()


def test_even_syllables_and_silence_have_no_stress():
    assert len(stresses(*syllables(6, [], 0, 0), FPS)) == 0
    energy, pitch, voice = syllables(6, [1.0, 4.0], 9, 0)
    voice[75:] = 0
    found = stresses(energy, pitch, voice, FPS)
    assert (found.times < 3).all()
    assert not prominence(energy, pitch, voice, FPS)[75:].any()
    for frames in (0, 1, 2):
        assert len(stresses(energy[:frames], pitch[:frames], voice[:frames], FPS)) == 0


def test_the_whole_recordings_loudness_and_pitch_do_not_matter():
    energy, pitch, voice = syllables(6, [1.0, 2.2, 4.4], 6, 4)
    found = stresses(energy, pitch, voice, FPS)
    other = stresses(energy - 20, np.where(pitch != 0, pitch + 5, 0), voice, FPS)
    np.testing.assert_allclose(found.times, other.times)
    np.testing.assert_allclose(found.strength, other.strength, atol=0.02)


def test_pitch_is_read_in_semitones_from_an_encoders_features():
    """A tone that is an octave above the median of its recording."""
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    f0 = np.where(time < 1.4, 120.0, 240.0)
    phase = 2 * np.pi * np.cumsum(f0) / SAMPLE_RATE
    buzz = sum(np.sin(k * phase) / k for k in range(1, 8))
    # Breaks let the detector of voice know a floor.
    sound = 0.2 * buzz * (np.sin(2 * np.pi * 2 * time) > -0.6)
    features = MelEncoder().encode(Speech(sound.astype(np.float32)), FPS).features
    pitch = semitones(features)
    assert pitch.shape == (50,)
    assert np.median(pitch[:30][pitch[:30] != 0]) == pytest.approx(0, abs=0.5)
    assert pitch[38:].max() == pytest.approx(12, abs=1)
    assert np.abs(features[:, -len(PROSODY) + 1] * SEMITONES_PER_UNIT - pitch).max() == 0
