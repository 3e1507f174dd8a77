"""Decoding: sizes, rates, rotation, damage."""

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


def test_a_phones_rotation_is_applied(ramp: Path, tmp_path: Path) -> None:
    path = tmp_path / "turned.mp4"
    stream = ffmpeg.output(ffmpeg.input(str(ramp), display_rotation=90), str(path), vcodec="copy")
    stream.run(cmd=ffmpeg_path(), quiet=True)
    assert probe_video(path).size == (64, 96)
    assert next(iter(VideoReader(path))).shape == (96, 64, 3)


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
