"""One ffmpeg that works is chosen before the work, and file names reach it as they are."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gesticulate import ffmpeg_binary
from gesticulate.errors import GesticulateError
from gesticulate.ffmpeg_binary import chosen, ffmpeg_path
from gesticulate.speech.load import load
from gesticulate.video.read import VideoReader
from gesticulate.video.write import check_writable, write_video

# What stands on PATH as ffmpeg, and what is said of it.
UNFIT = {
    "crashes": ('echo "ffmpeg version 9" && kill -9 $$', "exit code -9"),
    "lacks a library": ('echo "libx264.so.155: not found" >&2; exit 127', "libx264.so.155"),
    "no libx264": (
        """case "$*" in *libx264*) echo "Unknown encoder 'libx264'" >&2; exit 1;; esac
        exec REAL "$@" """,
        "Unknown encoder 'libx264'",
    ),
    "too old": (
        """case "$*" in *normalize*) echo "Option 'normalize' not found" >&2; exit 1;; esac
        exec REAL "$@" """,
        "Option 'normalize' not found",
    ),
    "hangs": ("while :; do :; done", "did not answer within 0.5 s"),
}


@pytest.fixture
def path_folder(tmp_path, monkeypatch):
    """An empty folder that stands first on PATH; the choice is made anew in the test."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    chosen.cache_clear()
    yield folder
    chosen.cache_clear()


def put(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture(params=UNFIT)
def unfit(request, path_folder, monkeypatch) -> str:
    """An unfit ffmpeg first on PATH; what is wrong with it."""
    script, said = UNFIT[request.param]
    real = ffmpeg_path()
    chosen.cache_clear()
    put(path_folder / "ffmpeg", script.replace("REAL", real))
    if request.param == "hangs":
        # The bundled one answers in a fifth of that, also on a busy machine when it ran before.
        monkeypatch.setattr(ffmpeg_binary, "_PATIENCE", 0.5)
        monkeypatch.setattr(ffmpeg_binary, "_bundled", lambda: None)
    return said


def test_the_one_on_path_is_taken_where_it_works(path_folder, caplog):
    real = ffmpeg_path()
    chosen.cache_clear()
    (path_folder / "ffmpeg").symlink_to(real)
    with caplog.at_level(logging.INFO, "gesticulate"):
        for _ in range(2):
            assert ffmpeg_path() == str(path_folder / "ffmpeg")
    assert caplog.text.count("Using ffmpeg") == 1
    assert not chosen().passed_over


def test_an_unfit_one_is_passed_over(unfit, tmp_path, request):
    if "hangs" in request.node.name:
        with pytest.raises(GesticulateError, match=unfit):
            chosen()
        return
    import imageio_ffmpeg

    assert chosen().path == imageio_ffmpeg.get_ffmpeg_exe()
    assert unfit in chosen().passed_over
    assert unfit in str(chosen())
    write_video(tmp_path / "a.mp4", [np.zeros((64, 64, 3), np.uint8)] * 3, fps=25, size=(64, 64))
    assert len(list(VideoReader(tmp_path / "a.mp4"))) == 3


def test_where_none_works_one_error_says_so_before_the_work(path_folder, monkeypatch, tmp_path):
    put(path_folder / "ffmpeg", "exit 3")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(path_folder / "ffmpeg"))
    soundfile.write(tmp_path / "a.wav", np.zeros(16_000), 16_000)
    for work in (lambda: load(tmp_path / "a.wav"), lambda: check_writable(tmp_path / "a.mp4")):
        with pytest.raises(GesticulateError, match=r"No ffmpeg works here.*exit code 3.*Install"):
            work()


NAMES = [
    "a b.{}", "-dash.{}", "-.{}", "a%d%03d.{}", "12:30.{}", "concat:a|b.{}", "file:x.{}",
    "new\nline.{}", "quote'\".{}", "[a];b,c=\\d.{}", "données.{}", os.fsdecode(b"\xff\xfe.{}"),
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_name_is_a_name(name, tmp_path, monkeypatch):
    """Relative ones above all: those begin with what might be read as something else."""
    monkeypatch.chdir(tmp_path)
    sound, video = Path(name.format("wav")), Path(name.format("mp4"))
    hum = 0.3 * np.sin(np.arange(16_000) / 8)
    with sound.open("wb") as file:
        soundfile.write(file, hum, 16_000, format="wav")
    speech = load(sound)
    assert speech.duration == pytest.approx(1.0)
    frames = [np.full((64, 64, 3), 9 * t, np.uint8) for t in range(25)]
    write_video(video, frames, fps=25, size=(64, 64), sound=speech)
    assert len(list(VideoReader(video))) == 25
    assert np.abs(load(video).waveform[4000:12000]).max() == pytest.approx(0.3, abs=0.03)
    shutil.copy(video, tmp_path / "plain.mp4")
    assert {path.name for path in tmp_path.iterdir()} == {sound.name, video.name, "plain.mp4"}
