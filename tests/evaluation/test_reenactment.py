import json
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from gesticulate.errors import InputError
from gesticulate.evaluation.l1 import l1
from gesticulate.evaluation.lpips import Lpips, lpips
from gesticulate.evaluation.reenactment import (
    FirstFrame,
    compare,
    mean_scores,
    measured_frames,
    middle_run,
    reenact,
)
from gesticulate.evaluation.tables import markdown_table, save_json
from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses


class Slide:
    """A renderer that moves the whole photo with the right shoulder."""

    name = "slide"

    def prepare(self, photo, photo_pose):
        return Slid(photo, photo_pose.points[0, layout.RIGHT_SHOULDER])


@dataclass
class Slid:
    photo: np.ndarray
    rest: np.ndarray

    def render(self, poses):
        for points in poses.points:
            move = points[layout.RIGHT_SHOULDER] - self.rest
            yield np.roll(self.photo, move[:2].round().astype(int)[::-1], axis=(0, 1))


@pytest.fixture(scope="module")
def clip():
    """12 frames of a textured picture that moves 2 pixels a frame, and their poses."""
    texture = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    texture = cv2.GaussianBlur(texture, (0, 0), 2)
    frames = [np.roll(texture, 2 * t, axis=1) for t in range(12)]
    points = np.zeros((12, layout.NUM_POINTS, 3), np.float32)
    points[:, layout.FACE] = [40, 30, 1]
    points[:, layout.FACE.start : layout.FACE.start + 3, :2] = [[30, 20], [50, 20], [40, 40]]
    points[:, layout.LEFT_SHOULDER] = [60, 60, 1]
    points[:, layout.RIGHT_SHOULDER] = [20, 60, 1]
    points[..., 0] += 2 * np.arange(12)[:, None]
    return frames, Poses(points, (96, 96))


def test_measured_frames():
    assert measured_frames(21, every=5) == [5, 10, 15, 20]
    assert measured_frames(1001, every=5, most=3) == [5, 505, 1000]
    assert measured_frames(4, every=5) == []


def test_a_run_lies_in_the_middle():
    assert list(middle_run(11, 3)) == [4, 5, 6]
    assert list(middle_run(2, 8)) == [0, 1]
    assert list(middle_run(11, 1)) == list(middle_run(11, 0)) == []


RENDERERS = {"first frame": FirstFrame(), "slide": Slide()}


def test_a_perfect_renderer_beats_the_first_frame(clip):
    done = reenact(RENDERERS, *clip, measured=[4, 8]).driven
    slide, first = done["slide"], done["first frame"]
    assert slide.identity == 60
    assert slide.scores["frame"]["l1"] == 0
    assert slide.scores["face"]["ssim"] == pytest.approx(1)
    assert slide.scores["person"]["psnr"] == 60
    assert first.scores["person"]["l1"] > 0.02
    assert np.isnan(slide.scores["hands"]["psnr"])
    assert np.isnan(slide.scores["frame"]["lpips"])
    assert len(slide.pictures) == 2


def test_the_first_frame_repeated_is_measured_as_it_is(clip):
    frames, poses = clip
    done = reenact(RENDERERS, frames, poses, measured=[4, 8]).driven["first frame"]
    expected = np.mean([l1(frames[0], frames[4]), l1(frames[0], frames[8])])
    assert done.scores["frame"]["l1"] == pytest.approx(expected)


def test_steadiness_is_that_of_the_run(clip):
    frames, poses = clip
    done = reenact(RENDERERS, frames, poses, measured=[4, 8], run=range(2, 6))
    assert done.driven["slide"].steady == done.real
    assert done.driven["first frame"].steady.frame > 2 * done.real.frame
    assert [len(one.pictures) for one in done.driven.values()] == [2, 2]
    assert reenact(RENDERERS, frames, poses, measured=[4]).real is None


def test_judges_see_each_renderer_apart(clip):
    frames, poses = clip
    judge = Lpips().eval().requires_grad_(False)
    for head in judge.heads:
        head.weight.abs_()
    done = reenact(RENDERERS, frames, poses, measured=[4], judges={"lpips": judge}).driven
    expected = lpips(judge, frames[0], frames[4])
    assert done["first frame"].scores["frame"]["lpips"] == pytest.approx(expected, rel=1e-4)
    assert done["slide"].scores["face"]["lpips"] == pytest.approx(0, abs=1e-6)
    assert np.isnan(done["slide"].scores["face"]["lpips_vgg"])


def test_clips_that_cannot_be_measured_are_refused(clip):
    frames, poses = clip
    with pytest.raises(InputError, match="12 frames"):
        reenact(RENDERERS, frames, poses, measured=[12])
    with pytest.raises(InputError, match="Cannot measure"):
        reenact(RENDERERS, frames, poses, measured=[])
    hidden = poses.points.copy()
    hidden[..., 2] = 0
    with pytest.raises(InputError, match="no face"):
        reenact(RENDERERS, frames, Poses(hidden, poses.size), measured=[4])


def test_means_leave_the_unknown_out(clip):
    frames, _ = clip
    full, empty = np.ones((96, 96), bool), np.zeros((96, 96), bool)
    masks = dict.fromkeys(("person", "face", "hands", "mouth"), full)
    (some,) = compare([frames[1]], frames[0], masks)
    (none,) = compare([frames[1]], frames[0], {**masks, "hands": empty})
    assert mean_scores([some, none])["hands"]["l1"] == pytest.approx(some["hands"]["l1"])
    assert np.isnan(mean_scores([none])["hands"]["l1"])


def test_tables(tmp_path):
    table = markdown_table(["what", "n"], [["a", 1.23456], ["b", float("nan")], ["c", 7]])
    assert table == "| what | n |\n| :-- | --: |\n| a | 1.235 |\n| b | – |\n| c | 7 |\n"
    save_json({"x": np.float32(0.5), "y": [np.inf, 2]}, tmp_path / "new" / "result.json")
    assert json.loads((tmp_path / "new" / "result.json").read_text()) == {"x": 0.5, "y": [None, 2]}
