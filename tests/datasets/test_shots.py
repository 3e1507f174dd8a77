"""Cutting videos into shots and clips."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gesticulate.datasets.frames import read_span, scaled_size
from gesticulate.datasets.options import BuildOptions
from gesticulate.datasets.shots import Span, Video, find_shots, plan_clips
from gesticulate.errors import InputError

Make = Callable[..., Any]

OPTIONS = BuildOptions((), Path("unused"))


def video(*shots: tuple[float, float]) -> Video:
    return Video((64, 64), 25.0, shots[-1][1], shots)


def picture(seed: int) -> np.ndarray:
    """[256, 256, 3] coarse coloured squares, as different as two scenes are."""
    squares = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), np.uint8)
    return squares.repeat(64, axis=0).repeat(64, axis=1)


def test_cuts_are_found_to_the_frame(tmp_path: Path, write_video: Make, moved_about: Make) -> None:
    scenes = [moved_about(picture(seed), frames) for seed, frames in ((1, 30), (2, 40), (3, 25))]
    path = write_video(tmp_path / "three.mp4", np.concatenate(scenes))
    found = find_shots(path, OPTIONS.cut_threshold)
    expected = np.array([(0, 1.2), (1.2, 2.8), (2.8, 3.8)])
    np.testing.assert_allclose(found.shots, expected, atol=0.001)
    assert (found.size, found.fps) == ((256, 256), 25)


def test_a_swift_hand_and_repeated_frames_are_no_cuts(
    tmp_path: Path, write_video: Make, moved_about: Make
) -> None:
    scene = moved_about(picture(1), 60, reach=40)
    scene[20:40, 40:220, 60:120] = 255
    path = write_video(tmp_path / "jerky.mp4", scene[::4].repeat(4, axis=0))
    assert len(find_shots(path, OPTIONS.cut_threshold).shots) == 1


def test_only_the_beginning_is_used(tmp_path: Path, write_video: Make, moved_about: Make) -> None:
    path = write_video(tmp_path / "long.mp4", moved_about(picture(1), 50))
    assert find_shots(path, OPTIONS.cut_threshold, limit=1.0).seconds == pytest.approx(1, abs=0.05)


def test_a_file_that_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("hello")
    with pytest.raises(InputError, match="not a video that can be read"):
        find_shots(path, OPTIONS.cut_threshold)


def test_shots_are_trimmed_where_they_meet() -> None:
    clips, short = plan_clips(video((0, 4), (4, 8), (8, 12)), OPTIONS)
    assert short == []
    assert [(clip.start, clip.num_frames) for clip in clips] == [(0, 90), (4.4, 80), (8.4, 90)]


def test_a_video_of_one_shot_is_used_whole() -> None:
    clips, _ = plan_clips(video((0, 4)), OPTIONS)
    assert clips == [Span(0, 100)]


def test_short_shots_are_named() -> None:
    clips, short = plan_clips(video((0, 1.9), (1.9, 6)), OPTIONS)
    assert short == [(0, 1.9)]
    assert len(clips) == 1


def test_long_shots_are_divided_evenly_and_completely() -> None:
    clips, _ = plan_clips(video((0, 50.04)), OPTIONS)
    assert [clip.num_frames for clip in clips] == [417, 417, 417]
    for one, after in pairwise(clips):
        assert one.start + one.seconds == pytest.approx(after.start)


@pytest.mark.parametrize("fps", [16, 25, 30, 50])
def test_frames_of_a_span_come_at_25_a_second(tmp_path: Path, write_video: Make, fps: int) -> None:
    # The grey level of frame i is 5 i: it tells the time of every frame that comes out.
    levels = np.arange(fps, dtype=np.uint8) * 5
    path = write_video(
        tmp_path / "clock.mp4", np.tile(levels[:, None, None, None], (1, 64, 64, 3)), fps
    )
    frames = list(read_span(path, Span(0.2, 15), (32, 32)))
    assert len(frames) == 15
    assert frames[0].shape == (32, 32, 3)
    times = np.array([round(frame.mean() / 5) / fps for frame in frames])
    expected = 0.2 + np.arange(15) / 25
    assert np.abs(times - expected).max() <= 0.5 / fps + 0.5 / 25


def test_scaled_size_keeps_the_shape() -> None:
    assert scaled_size((3840, 2160), 1280) == (1280, 720)
    assert scaled_size((640, 481), 1280) == (640, 481)
