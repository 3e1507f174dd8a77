"""Tiny videos with real pictures in them, and a data set built from them once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import ffmpeg
import numpy as np
import pytest

from gesticulate.datasets.build import build
from gesticulate.datasets.options import BuildOptions
from gesticulate.ffmpeg_binary import ffmpeg_path

FRAMES = 20
SIZE = 256


def write_video(
    path: Path, frames: np.ndarray, fps: float = 25, sound: np.ndarray | None = None
) -> Path:
    """frames: [T, H, W, 3] uint8 RGB. sound: [S] float32 at 16 kHz, or None for no sound track."""
    height, width = frames.shape[1:3]
    pictures = ffmpeg.input(
        "pipe:", format="rawvideo", pix_fmt="rgb24", s=f"{width}x{height}", r=fps
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    streams = [pictures]
    if sound is not None:
        raw = path.with_suffix(".f32")
        sound.astype("<f4").tofile(raw)
        streams.append(ffmpeg.input(str(raw), format="f32le", ar=16000, ac=1))
    output = ffmpeg.output(*streams, str(path), pix_fmt="yuv420p", crf=12, loglevel="error")
    command = ffmpeg.compile(output.overwrite_output(), cmd=ffmpeg_path())
    subprocess.run(command, input=np.ascontiguousarray(frames).tobytes(), check=True)
    return path


def moved_about(picture: np.ndarray, frames: int = FRAMES, reach: float = 12) -> np.ndarray:
    """[H, W, 3] -> [T, SIZE, SIZE, 3]: the picture swaying sideways, ``reach`` pixels each way."""
    picture = cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    shifts = reach * np.sin(np.linspace(0, 2 * np.pi, frames))
    turns = [np.array([[1, 0, shift], [0, 1, 0]], np.float32) for shift in shifts]
    return np.stack(
        [cv2.warpAffine(picture, t, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE) for t in turns]
    )


def syllables(seconds: float) -> np.ndarray:
    """[S] at 16 kHz: a buzz with the harmonics and the rhythm of a voice, four syllables a second
    after a first silence."""
    t = np.arange(round(seconds * 16000)) / 16000
    buzz = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 30))
    rhythm = np.clip(np.sin(2 * np.pi * 4 * t), 0, 1) * (t > 0.1)
    return (0.1 * buzz * rhythm).astype(np.float32)


@pytest.fixture(scope="session", name="write_video")
def fixture_write_video() -> Callable[..., Path]:
    return write_video


@pytest.fixture(scope="session", name="moved_about")
def fixture_moved_about() -> Callable[..., np.ndarray]:
    return moved_about


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """[512, 512, 3] uint8 RGB: a woman from the front, head and shoulders, one hand."""
    data = pytest.importorskip("skimage.data", reason="the picture comes with scikit-image")
    return data.astronaut()


@pytest.fixture(scope="session")
def videos(astronaut: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one video for every way to be judged."""
    folder = tmp_path_factory.mktemp("videos")
    person = moved_about(astronaut)
    seconds = FRAMES / 25
    write_video(folder / "talk/voice-over.mp4", person, sound=syllables(seconds))
    write_video(folder / "talk/mute.mp4", person)
    write_video(folder / "still.mp4", np.repeat(person[:1], FRAMES, axis=0))
    write_video(folder / "pair.mp4", np.concatenate([person, person], axis=2))
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    write_video(folder / "nobody.mp4", moved_about(noise))
    write_video(folder / "slow.mp4", np.repeat(person[::4], 4, axis=0))
    (folder / "broken.mp4").write_bytes(b"this is no video")
    return folder


def _options_for(videos: Path, output: Path) -> BuildOptions:
    return BuildOptions(
        (videos,), output, estimator="mediapipe", workers=1, min_seconds=0.6, crop_size=128,
        crop_videos=True,
    )  # fmt: skip


@pytest.fixture(scope="session")
def killed(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """The folder of a build that was killed after its first clip, and when each of its annotation
    files was written."""
    output = tmp_path_factory.mktemp("set")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    arguments = "--estimator mediapipe --workers 1 --min-seconds 0.6 --crop-size 128 --crop-videos"
    command = [sys.executable, "-m", "gesticulate", "dataset", "build", str(videos)]
    command += ["-o", str(output), *arguments.split()]
    process = subprocess.Popen(command, env=environment)
    try:
        deadline = time.monotonic() + 300
        while not list(output.glob("annotations/*.json")):
            assert process.poll() is None, "the build ended before its first clip was annotated"
            assert time.monotonic() < deadline, "the build annotates nothing"
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        process.wait()
    files = sorted(output.glob("annotations/*.npz"))
    return output, {file.name: file.stat().st_mtime_ns for file in files}


@pytest.fixture(scope="session")
def data_set(killed: tuple[Path, dict[str, int]], videos: Path) -> Path:
    """The same build, taken to its end."""
    build(_options_for(videos, killed[0]))
    return killed[0]


@pytest.fixture
def copied_set(data_set: Path, tmp_path: Path) -> Path:
    """A copy of the data set to go on with."""
    return Path(shutil.copytree(data_set, tmp_path / "set"))
