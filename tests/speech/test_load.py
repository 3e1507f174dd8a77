"""Any sound file -> mono 16 kHz."""

import logging
from pathlib import Path

import ffmpeg
import numpy as np
import pytest
import soundfile

from gesticulate.errors import InputError
from gesticulate.ffmpeg_binary import ffmpeg_path
from gesticulate.speech.load import is_silent, load
from gesticulate.speech.track import SAMPLE_RATE


def tone(seconds: float, hertz: float, rate: int, loudness: float = 0.3) -> np.ndarray:
    return loudness * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def loudness_at(waveform: np.ndarray, hertz: float) -> float:
    """Amplitude of one frequency in a 16 kHz waveform."""
    turn = np.exp(-2j * np.pi * hertz * np.arange(len(waveform)) / SAMPLE_RATE)
    return float(2 * np.abs(np.mean(waveform * turn)))


def run(*streams, **options) -> None:
    ffmpeg.output(*streams, **options).run(cmd=ffmpeg_path(), quiet=True, overwrite_output=True)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_rates_become_16_khz(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(1.5, 440, rate), rate)
    speech = load(path)
    assert speech.waveform.dtype == np.float32
    assert abs(len(speech.waveform) - 1.5 * SAMPLE_RATE) <= 1
    assert loudness_at(speech.waveform[4000:-4000], 440) == pytest.approx(0.3, rel=0.02)
    assert speech.source == path


@pytest.mark.parametrize("suffix", ["flac", "mp3", "ogg", "m4a"])
def test_other_formats(tmp_path: Path, suffix: str) -> None:
    wav, path = tmp_path / "in.wav", tmp_path / f"out.{suffix}"
    soundfile.write(wav, tone(1.0, 300, 44_100), 44_100)
    run(ffmpeg.input(str(wav)), filename=str(path))
    speech = load(path)
    assert abs(speech.duration - 1.0) < 0.06
    assert loudness_at(speech.waveform[4000:12000], 300) == pytest.approx(0.3, rel=0.1)


def test_channels(tmp_path: Path) -> None:
    path = tmp_path / "two.wav"
    soundfile.write(path, np.stack([tone(1, 400, 16_000), tone(1, 1000, 16_000)], 1), 16_000)
    left, right, both = load(path, 0).waveform, load(path, 1).waveform, load(path).waveform
    assert loudness_at(left, 400) > 0.28
    assert loudness_at(left, 1000) < 0.01
    assert loudness_at(right, 1000) > 0.28
    assert loudness_at(right, 400) < 0.01
    assert loudness_at(both, 400) == pytest.approx(loudness_at(both, 1000), rel=0.02)
    with pytest.raises(InputError, match="no channel 2"):
        load(path, 2)


def test_constant_offset_is_taken_out(tmp_path: Path) -> None:
    path = tmp_path / "offset.wav"
    soundfile.write(path, tone(2, 200, 16_000, 0.1) + 0.5, 16_000)
    waveform = load(path).waveform[8000:]
    assert abs(waveform.mean()) < 0.002
    assert loudness_at(waveform, 200) == pytest.approx(0.1, rel=0.03)


def test_samples_that_are_no_numbers(tmp_path: Path) -> None:
    path, samples = tmp_path / "nan.wav", tone(1, 300, 16_000)
    samples[4000], samples[6000] = np.nan, np.inf
    soundfile.write(path, samples, 16_000, subtype="FLOAT")
    waveform = load(path).waveform
    assert np.isfinite(waveform).all()
    assert loudness_at(waveform[8000:], 300) == pytest.approx(0.3, rel=0.05)


def test_sound_that_starts_late_in_a_video_stays_late(tmp_path: Path) -> None:
    wav, path = tmp_path / "beep.wav", tmp_path / "late.mp4"
    soundfile.write(wav, tone(1.0, 500, 48_000), 48_000)
    pictures = ffmpeg.input("color=gray:s=64x64:r=25:d=2", format="lavfi")
    run(pictures, ffmpeg.input(str(wav), itsoffset=0.6), filename=str(path), acodec="aac")
    waveform = load(path).waveform
    begin = np.flatnonzero(np.abs(waveform) > 0.05)[0] / SAMPLE_RATE
    assert begin == pytest.approx(0.6, abs=0.01)


def test_silence_is_taken_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.zeros(16_000), 16_000)
    with caplog.at_level(logging.WARNING):
        speech = load(path)
    assert speech.duration == 1.0
    assert "is silent" in caplog.text


def test_is_silent_hears_one_short_word_in_a_long_pause() -> None:
    waveform = np.zeros(20 * SAMPLE_RATE, dtype=np.float32)
    assert is_silent(waveform)
    waveform[50_000:54_000] = tone(0.25, 200, SAMPLE_RATE, 0.02)
    assert not is_silent(waveform)


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no sound file"):
        load(tmp_path / "missing.wav")
    with pytest.raises(InputError, match="is a folder"):
        load(tmp_path)
    empty = tmp_path / "empty.wav"
    empty.touch()
    with pytest.raises(InputError, match="is empty"):
        load(empty)
    noise = tmp_path / "noise.wav"
    noise.write_bytes(bytes(range(256)) * 40)
    with pytest.raises(InputError, match="not a sound or video file"):
        load(noise)
    short = tmp_path / "short.wav"
    soundfile.write(short, tone(0.3, 200, 16_000), 16_000)
    with pytest.raises(InputError, match=r"0\.30 s of sound.*at least 0\.4"):
        load(short)
    mute = tmp_path / "mute.mp4"
    run(ffmpeg.input("color=gray:s=64x64:r=25:d=1", format="lavfi"), filename=str(mute))
    with pytest.raises(InputError, match="has no sound"):
        load(mute)


def test_real_speech(data_dir: Path) -> None:
    speech = load(data_dir / "speech" / "welcome-af_heart.wav")
    assert speech.duration == pytest.approx(9.6, abs=1e-3)
    assert speech.num_frames(25) == 240
