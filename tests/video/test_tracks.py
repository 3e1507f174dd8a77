"""Recordings joined as the channels of one file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gesticulate.errors import InputError
from gesticulate.video.tracks import join_tracks

RATE = 16_000


@dataclass(frozen=True)
class Piece:
    path: Path
    channel: int | None = None
    spans: tuple[tuple[float, float], ...] | None = None


def tone(pitch: float, seconds: float) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * RATE)) / RATE)).astype("f4")


def loud(sound: np.ndarray, start: float, end: float) -> bool:
    return bool(np.abs(sound[round(start * 48_000) : round(end * 48_000)]).max() > 0.1)


def test_channels_spans_and_length(tmp_path):
    both = tmp_path / "both.wav"
    soundfile.write(both, np.stack([tone(300, 1.5), 0 * tone(300, 1.5)], axis=1), RATE)
    soundfile.write(tmp_path / "short.wav", tone(500, 0.8), RATE)
    out = tmp_path / "out.wav"
    cut = Piece(both, 0, ((0.2, 0.5), (1.0, 1.2)))
    join_tracks([cut, Piece(tmp_path / "short.wav")], 1.234, out)
    sound, rate = soundfile.read(out)
    assert rate == 48_000
    assert sound.shape == (round(1.234 * 48_000), 2)
    left, right = sound.T
    assert loud(left, 0.25, 0.45)
    assert loud(left, 1.05, 1.15)
    assert not loud(left, 0.0, 0.194)
    assert not loud(left, 0.506, 0.994)
    assert loud(right, 0.0, 0.79)
    assert not loud(right, 0.81, 1.234)
    join_tracks([Piece(both, 1)], 0.5, out)
    silent, _ = soundfile.read(out)
    assert silent.shape == (24_000,)
    assert not silent.any()
    join_tracks([Piece(both, 0, ())], 0.5, out)
    assert not soundfile.read(out)[0].any(), "who never speaks is never heard"


def test_a_file_without_sound_is_named(tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"broken\.wav"):
        join_tracks([Piece(broken)], 1.0, tmp_path / "out.wav")
