"""The mel encoder: clock, scale, and each feature against an independent version."""

import librosa
import numpy as np
import pytest

from gesticulate.pipelines.stages import SpeechEncoder
from gesticulate.speech import rhythm, spectrum
from gesticulate.speech.features import MEL_CHANNELS, PROSODY, MelEncoder, analyse
from gesticulate.speech.pitch import pitch
from gesticulate.speech.track import SAMPLE_RATE, Speech

COLUMN = {name: MEL_CHANNELS + i for i, name in enumerate(PROSODY)}


@pytest.mark.parametrize("fps", [25, 30, 24000 / 1001, 16, 60])
@pytest.mark.parametrize("samples", [6_400, 16_001, 40_123])
def test_frame_clock(fps: float, samples: int) -> None:
    rng = np.random.default_rng(0)
    speech = Speech((0.1 * rng.standard_normal(samples)).astype(np.float32))
    encoder = MelEncoder()
    assert isinstance(encoder, SpeechEncoder)
    features = encoder.encode(speech, fps)
    frames = speech.num_frames(fps)
    assert features.features.shape == (frames, encoder.channels) == (frames, 166)
    assert features.features.dtype == np.float32
    assert len(features.voice) == len(features.energy) == len(features.onset) == frames
    assert np.isfinite(features.features).all()
    assert features.onset.min() >= 0
    assert features.voice.min() >= 0
    assert features.voice.max() <= 1


@pytest.mark.parametrize("fps", [25, 30, 24000 / 1001])
def test_a_click_lands_in_its_own_frame(fps: float) -> None:
    """Also late in a recording: the clock doesn't drift."""
    for frame in (3, 700, 1400):
        waveform = np.zeros(round(1500 / fps * SAMPLE_RATE), dtype=np.float32)
        middle = round((frame + 0.5) / fps * SAMPLE_RATE)
        waveform[middle - 40 : middle + 40] = 0.8
        energy = MelEncoder().encode(Speech(waveform), fps).energy
        assert energy.argmax() == frame
        assert (energy > -79).sum() == 1


def test_log_mel_against_librosa(voice) -> None:
    waveform = voice.speech.waveform
    ours = spectrum.log_mel(voice.speech, 25)
    power = librosa.feature.melspectrogram(
        y=waveform, sr=SAMPLE_RATE, n_fft=512, win_length=400, hop_length=160, n_mels=40,
        fmin=50, fmax=7600, norm=None, center=False,
    )  # fmt: skip
    # librosa's frame k is centred at 160 k + 256, ours at 160 k + 80, which is not on its grid
    # to the sample; a shift of 16 samples is what is left.
    theirs = 10 * np.log10(np.maximum(power.T / (np.hanning(401)[:-1].sum() / 2) ** 2, 1e-10))
    offset = (256 - 80) // 160
    shared = min(len(theirs), len(ours) - offset)
    difference = np.abs(ours[offset : offset + shared] - theirs[:shared])
    loud = theirs[:shared] > -50
    assert np.median(difference[loud]) < 1.0
    assert np.corrcoef(ours[offset : offset + shared][loud], theirs[:shared][loud])[0, 1] > 0.97


def test_full_scale_sine_has_0_db() -> None:
    mel = spectrum.mel_filters()
    hertz = np.argmax(mel[:, 20]) * SAMPLE_RATE / 512
    sine = np.sin(2 * np.pi * hertz * np.arange(16_000) / SAMPLE_RATE).astype(np.float32)
    assert spectrum.log_mel(Speech(sine), 25)[50].max() == pytest.approx(0, abs=3)


def test_loudness_of_the_recording_does_not_matter(voice) -> None:
    loud = MelEncoder().encode(voice.speech, 25).features
    soft = MelEncoder().encode(Speech(voice.speech.waveform * 0.1), 25).features
    assert np.abs(loud - soft).mean() < 0.01


def test_microphone_colour_does_not_matter_much(voice) -> None:
    """A tilt of 6 dB an octave moves the raw bands by up to 40 dB."""
    tilted = np.diff(voice.speech.waveform, prepend=0).astype(np.float32)
    plain = analyse(voice.speech, 25).mel
    spoken = plain > -2
    moved = np.abs(plain - analyse(Speech(tilted), 25).mel)[spoken].mean()
    assert moved < 0.3


def test_pitch_of_a_known_voice(voice) -> None:
    f0, voicing = pitch(voice.speech, 25)
    centres = spectrum.hop_centres(voice.speech, 25)
    inside = np.zeros(len(centres), dtype=bool)
    for start, end in voice.spans:
        inside |= (centres > (start + 0.1) * SAMPLE_RATE) & (centres < (end - 0.1) * SAMPLE_RATE)
    assert (f0[inside] > 0).mean() > 0.9
    error = np.abs(f0 / voice.f0[centres] - 1)[inside & (f0 > 0)]
    assert np.median(error) < 0.01
    assert (error > 0.1).mean() < 0.05
    assert ((voicing >= 0) & (voicing <= 1)).all()


def test_pitch_is_relative_to_the_speaker(voice) -> None:
    """The same melody an octave apart gives nearly the same feature; noise and silence give 0."""
    features = MelEncoder().encode(voice.speech, 25).features[:, COLUMN["pitch"]]
    assert 0.2 < features.std() < 1
    assert abs(np.median(features[features != 0])) < 0.3
    noise = np.random.default_rng(0).standard_normal(32_000).astype(np.float32) * 0.1
    assert np.abs(MelEncoder().encode(Speech(noise), 25).features[:, COLUMN["pitch"]]).max() == 0


def test_onset_strength_against_librosa() -> None:
    mel = np.random.default_rng(1).normal(0, 10, (300, 40)).astype(np.float32)
    theirs = librosa.onset.onset_strength(S=mel.T, lag=2, max_size=3, center=False) / 10
    assert np.allclose(rhythm.onset_strength(mel), theirs, atol=1e-5)


def test_pulse_follows_a_beat() -> None:
    """Onsets twice a second, one missing: the pulse peaks at every one, the missing included."""
    rate, onset = 100.0, np.zeros(1200, dtype=np.float32)
    beats = np.arange(25, 1200, 50)
    onset[np.delete(beats, 10)] = 1
    found = rhythm.pulse(onset, rate)
    assert found.shape == onset.shape
    assert found.min() >= 0
    assert found.max() <= 1
    for beat in beats[2:-2]:
        assert abs(np.argmax(found[beat - 20 : beat + 20]) - 20) <= 2
    theirs = librosa.beat.plp(
        onset_envelope=onset, sr=51_200, hop_length=512, win_length=400, tempo_min=60,
        tempo_max=300,
    )  # fmt: skip
    assert np.corrcoef(found, theirs)[0, 1] > 0.9


def test_energy_is_rms_in_db() -> None:
    waveform = np.zeros(16_000, dtype=np.float32)
    waveform[6_400:12_800] = 0.1
    energy = MelEncoder().encode(Speech(waveform), 25).energy
    assert energy[:9].max() == -80
    assert energy[10:20] == pytest.approx(-20, abs=0.01)


def test_silence_is_finite_and_quiet() -> None:
    features = MelEncoder().encode(Speech(np.zeros(16_000, dtype=np.float32)), 25)
    assert np.isfinite(features.features).all()
    assert features.voice.max() == 0
    assert features.onset.max() == 0
    assert (features.features[:, : COLUMN["pitch"]] == -2.5).all()


def test_same_speech_same_features(voice) -> None:
    first, second = (MelEncoder().encode(voice.speech, 25).features for _ in range(2))
    assert np.array_equal(first, second)


def test_long_speech_agrees_with_short(voice) -> None:
    """Pieces worked on one by one leave no seam: 90 s of it, looked at where two pieces meet."""
    repeated = Speech(np.tile(voice.speech.waveform, 8)[: 90 * SAMPLE_RATE])
    whole = spectrum.log_mel(repeated, 25)
    part = Speech(repeated.waveform[55 * SAMPLE_RATE : 65 * SAMPLE_RATE])
    assert np.allclose(whole[5510:6490], spectrum.log_mel(part, 25)[10:990], atol=1e-3)
