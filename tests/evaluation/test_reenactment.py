import json

import cv2
import numpy as np
import pytest

from gesticulate.errors import InputError
from gesticulate.evaluation.l1 import l1
from gesticulate.evaluation.reenactment import compare, mean_scores, measured_frames, reenact
from gesticulate.evaluation.tables import markdown_table, save_json
from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses


class Slide:
    """A renderer that moves the whole photo with the right shoulder."""

    name = "slide"

    def render(self, photo, photo_pose, poses):
        for points in poses.points:
            move = points[layout.RIGHT_SHOULDER] - photo_pose.points[0, layout.RIGHT_SHOULDER]
            yield np.roll(photo, move[:2].round().astype(int)[::-1], axis=(0, 1))


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


def test_a_perfect_renderer_beats_the_first_frame(clip):
    done = reenact(Slide(), *clip, measured=[4, 8])
    assert done.identity == 60
    assert done.driven["frame"]["l1"] == 0
    assert done.driven["face"]["ssim"] == pytest.approx(1)
    assert done.driven["person"]["psnr"] == 60
    assert done.repeated["person"]["l1"] > 0.02
    assert np.isnan(done.driven["hands"]["psnr"])
    assert np.isnan(done.driven["frame"]["lpips"])
    assert len(done.pictures) == 2


def test_the_first_frame_repeated_is_measured_as_it_is(clip):
    frames, poses = clip
    done = reenact(Slide(), frames, poses, measured=[4, 8])
    expected = np.mean([l1(frames[0], frames[4]), l1(frames[0], frames[8])])
    assert done.repeated["frame"]["l1"] == pytest.approx(expected)


def test_clips_that_cannot_be_measured_are_refused(clip):
    frames, poses = clip
    with pytest.raises(InputError, match="12 frames"):
        reenact(Slide(), frames, poses, measured=[12])
    with pytest.raises(InputError, match="Cannot measure"):
        reenact(Slide(), frames, poses, measured=[])
    hidden = poses.points.copy()
    hidden[..., 2] = 0
    with pytest.raises(InputError, match="no face"):
        reenact(Slide(), frames, Poses(hidden, poses.size), measured=[4])


def test_means_leave_the_unknown_out(clip):
    frames, _ = clip
    full, empty = np.ones((96, 96), bool), np.zeros((96, 96), bool)
    masks = dict.fromkeys(("person", "face", "hands", "mouth"), full)
    some = compare(frames[1], frames[0], masks)
    none = compare(frames[1], frames[0], {**masks, "hands": empty})
    assert mean_scores([some, none])["hands"]["l1"] == pytest.approx(some["hands"]["l1"])
    assert np.isnan(mean_scores([none])["hands"]["l1"])


def test_tables(tmp_path):
    table = markdown_table(["what", "n"], [["a", 1.23456], ["b", float("nan")], ["c", 7]])
    assert table == "| what | n |\n| :-- | --: |\n| a | 1.235 |\n| b | – |\n| c | 7 |\n"
    save_json({"x": np.float32(0.5), "y": [np.inf, 2]}, tmp_path / "new" / "result.json")
    assert json.loads((tmp_path / "new" / "result.json").read_text()) == {"x": 0.5, "y": [None, 2]}
