"""Steady frame rates, cuts, and sound put into a span."""

from dataclasses import replace
from pathlib import Path

import ffmpeg
import numpy as np
import pytest
import soundfile

from gesticulate.errors import InputError
from gesticulate.ffmpeg_binary import ffmpeg_path
from gesticulate.media_probe import probe
from gesticulate.speech.load import load
from gesticulate.speech.track import SAMPLE_RATE, Speech
from gesticulate.video.clock import check_steady
from gesticulate.video.cuts import CutFinder
from gesticulate.video.dub import dub
from gesticulate.video.read import probe_video
from gesticulate.video.write import write_video


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    """2 s at 25 fps, with a quiet hum."""
    path = tmp_path_factory.mktemp("clock") / "hum.mp4"
    hum = 0.1 * np.sin(np.arange(2 * SAMPLE_RATE) * 2 * np.pi * 200 / SAMPLE_RATE)
    frames = [np.full((64, 96, 3), 4 * t + 20, np.uint8) for t in range(50)]
    write_video(path, frames, fps=25, size=(96, 64), sound=Speech(hum.astype(np.float32)))
    return path


@pytest.mark.parametrize("fps", [24, 25, 29.97, 30])
def test_steady_rates_pass(tmp_path, fps):
    frames = [np.full((64, 96, 3), 4 * t, np.uint8) for t in range(40)]
    write_video(tmp_path / "a.mp4", frames, fps=fps, size=(96, 64))
    check_steady(probe(tmp_path / "a.mp4"))


def test_a_varying_rate_is_refused(video, tmp_path):
    path = tmp_path / "varying.mp4"
    pictures = ffmpeg.input(str(video)).filter("select", "lt(n,20)+not(mod(n,4))")
    stream = ffmpeg.output(pictures, str(path), fps_mode="vfr")
    stream.run(cmd=ffmpeg_path(), quiet=True)
    with pytest.raises(InputError, match=r"varying frame rate.*cfr"):
        check_steady(probe(path))


def test_a_cut_is_found_and_fast_motion_is_none():
    rng = np.random.default_rng(0)
    one, other = (np.repeat(np.repeat(rng.integers(0, 255, (8, 8, 3)), 12, 0), 12, 1) for _ in "ab")
    shots = [np.roll(one, t, 1).astype(np.uint8) for t in range(10)]
    shots += [np.roll(other, t, 1).astype(np.uint8) for t in range(10)]
    finder = CutFinder(shots)
    assert sum(1 for _ in finder) == 20
    assert finder.cuts() == [10]


@pytest.mark.parametrize("has_sound", [True, False])
def test_a_span_is_dubbed_and_the_rest_stays(video, tmp_path, has_sound):
    buzz = 0.5 * (-1.0) ** (np.arange(SAMPLE_RATE) // 40)
    soundfile.write(tmp_path / "new.wav", buzz, SAMPLE_RATE)
    media = probe(video) if has_sound else replace(probe(video), sound=None)
    dub(media, 2.0, [(0.5, 1.0, tmp_path / "new.wav")], tmp_path / "out.wav")
    own, new = load(video).waveform, load(tmp_path / "out.wav").waveform
    assert len(new) == pytest.approx(2 * SAMPLE_RATE, abs=1200)
    for at in (slice(2000, 7000), slice(18000, 30000)):
        if has_sound:
            np.testing.assert_allclose(new[at], own[at], atol=0.01)
        else:
            assert np.abs(new[at]).max() < 1e-3
    assert np.abs(new[9000:15000]).mean() > 0.4


@pytest.mark.parametrize("codec", ["mp3", "aac", "ac3", "alac", "opus", "vorbis"])
def test_codecs_have_their_plain_names(tmp_path, codec):
    """Not that of one of several decoders."""
    encoder = {"mp3": "libmp3lame", "opus": "libopus", "vorbis": "libvorbis"}.get(codec, codec)
    stream = ffmpeg.output(ffmpeg.input("sine=d=1", f="lavfi"), str(tmp_path / "a.mkv"), ac=2,
                           ar=48_000, acodec=encoder)  # fmt: skip
    stream.run(cmd=ffmpeg_path(), quiet=True)
    assert probe(tmp_path / "a.mkv").sound.codec == codec


def test_copied_sound_is_the_same(video, tmp_path):
    assert probe_video(video).sound_codec == "aac"
    frames = [np.zeros((64, 96, 3), np.uint8)] * 50
    out = tmp_path / "copy.mp4"
    write_video(out, frames, fps=25, size=(96, 64), sound=video, copy_sound=True)
    np.testing.assert_array_equal(load(video).waveform, load(out).waveform)
