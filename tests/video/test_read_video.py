"""Decoding: sizes, rates, rotation, damage."""

import struct
from pathlib import Path

import ffmpeg
import numpy as np
import pytest

from gesticulate.errors import InputError
from gesticulate.ffmpeg_binary import ffmpeg_path
from gesticulate.video.read import VideoReader, probe_video
from gesticulate.video.write import write_video


def run(*streams, **options) -> None:
    ffmpeg.output(*streams, **options).run(cmd=ffmpeg_path(), quiet=True, overwrite_output=True)


@pytest.fixture
def ramp(tmp_path: Path) -> Path:
    """50 frames at 25 fps, frame t all grey of 4 t + 20."""
    frames = [np.full((64, 96, 3), 4 * t + 20, np.uint8) for t in range(50)]
    write_video(tmp_path / "ramp.mp4", frames, fps=25, size=(96, 64))
    return tmp_path / "ramp.mp4"


def levels(reader: VideoReader) -> np.ndarray:
    return np.array([(frame.mean() - 20) / 4 for frame in reader])


def test_every_frame_in_order_and_again(ramp: Path) -> None:
    reader = VideoReader(ramp)
    assert reader.num_frames == 50
    assert reader.fps == 25
    for _ in range(2):
        assert np.abs(levels(reader) - np.arange(50)).max() < 0.5
    frame = next(iter(reader))
    assert frame.shape == (64, 96, 3)
    assert frame.dtype == np.uint8
    assert frame.flags.writeable


@pytest.mark.parametrize("fps", [10, 30, 50])
def test_another_rate(ramp: Path, fps: float) -> None:
    reader = VideoReader(ramp, fps=fps)
    found = levels(reader)
    assert len(found) == reader.num_frames == 2 * fps
    # The nearest frame in time, plus what the coding of flat grey loses.
    assert np.abs(found - np.arange(2 * fps) * 25 / fps).max() <= max(0.5, 12.5 / fps) + 0.3


def test_changing_rate_is_laid_on_a_constant_one(ramp: Path, tmp_path: Path) -> None:
    path = tmp_path / "changing.mkv"
    pictures = ffmpeg.input(str(ramp)).filter("select", "lt(n,20)+not(mod(n,4))")
    run(pictures, filename=str(path), fps_mode="vfr", qp=0)
    found = levels(VideoReader(path, fps=25))
    assert len(found) == pytest.approx(49, abs=1)
    assert np.abs(found[:20] - np.arange(20)).max() < 0.6
    late = np.arange(20, len(found))
    assert np.abs(found[20:] - late).max() <= 4


def turn(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Write a matrix (a, b, c, d) into the header of an MP4's first track: what is stored at (x, y)
    is to be shown at (a x + c y, b x + d y), from the left and from the top (ISO 14496-12)."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    a, b, c, d = (value << 16 for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("matrix", "upright"),
    [
        ((0, 1, -1, 0), lambda frame: np.rot90(frame, -1)),  # a phone held upright
        ((0, -1, 1, 0), lambda frame: np.rot90(frame, 1)),
        ((-1, 0, 0, -1), lambda frame: np.rot90(frame, 2)),
        ((-1, 0, 0, 1), np.fliplr),  # a selfie camera's mirror
    ],
)
def test_a_phones_rotation_is_applied(tmp_path: Path, matrix, upright) -> None:
    path = tmp_path / "turned.mp4"
    stored = np.full((64, 96, 3), 30, np.uint8)
    stored[:20, :40], stored[30:, 80:] = (200, 60, 60), (60, 60, 200)
    write_video(path, [stored] * 5, fps=25, size=(96, 64))
    turn(path, matrix)
    shown = upright(stored)
    assert probe_video(path).size == (shown.shape[1], shown.shape[0])
    read = next(iter(VideoReader(path)))
    assert np.abs(read.astype(int) - shown).mean() < 3


def test_leaving_early_ends_the_decoder(ramp: Path) -> None:
    frames = iter(VideoReader(ramp))
    next(frames)
    frames.close()
    assert levels(VideoReader(ramp)).size == 50


def test_bad_files(ramp: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no video"):
        VideoReader(tmp_path / "missing.mp4")
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(InputError, match="is empty"):
        VideoReader(tmp_path / "empty.mp4")
    (tmp_path / "text.mp4").write_text("hello" * 1000)
    with pytest.raises(InputError, match="not a video"):
        VideoReader(tmp_path / "text.mp4")
    (tmp_path / "cut.mp4").write_bytes(ramp.read_bytes()[:600])
    with pytest.raises(InputError, match="not a video"):
        VideoReader(tmp_path / "cut.mp4")
    sound = tmp_path / "sound.wav"
    run(ffmpeg.input("sine=d=1", format="lavfi"), filename=str(sound))
    with pytest.raises(InputError, match="not a video"):
        VideoReader(sound)


def test_real_videos(data_dir: Path) -> None:
    import csv

    with (data_dir / "raw" / "SOURCES.csv").open() as file:
        for row in csv.DictReader(file):
            info = probe_video(data_dir / "raw" / row["file"])
            assert info.size == (int(row["width"]), int(row["height"]))
            assert info.fps == pytest.approx(float(row["fps"]), abs=0.05)
            assert info.has_sound == (row["sound"] == "True")
            assert info.duration == pytest.approx(float(row["seconds"]), abs=0.15)
