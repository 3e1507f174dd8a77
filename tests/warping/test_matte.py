"""The person matte, and the person's own colours within it."""

import cv2
import numpy as np
import pytest
from tiny_onnx import red_finder

from gesticulate.errors import WeightsError
from gesticulate.warping.foreground import _round, foreground_colours
from gesticulate.warping.matte import Matting, ModNet, default_matting


def test_a_person_is_told_from_the_wall(drawing):
    person = drawing(256, 288)
    matte = default_matting().matte(person.photo)
    assert matte.shape == (288, 256)
    assert matte.dtype == np.float32
    assert matte.min() >= 0
    assert matte.max() <= 1
    found, there = matte > 0.5, person.matte > 0.5
    assert (found & there).sum() / (found | there).sum() > 0.8


def test_the_one_that_comes_along_keeps_the_protocol():
    assert isinstance(default_matting(), Matting)


@pytest.mark.parametrize(
    ("size", "looked_at"),
    [
        ((512, 512), (512, 512)),
        ((1280, 720), (896, 512)),
        ((64, 64), (256, 256)),
        ((300, 400), (288, 384)),
        ((4000, 400), (1280, 384)),
    ],
)
def test_a_picture_is_looked_at_in_multiples_of_32(size, looked_at):
    assert default_matting()._size(*size) == looked_at


def test_a_network_of_another_kind_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="1 inputs and 2 outputs; expected 1 and 1"):
        ModNet(str(red_finder(tmp_path / "pose.onnx")))


def test_a_missing_file_is_named():
    with pytest.raises(WeightsError, match=r"nowhere\.onnx"):
        ModNet("nowhere.onnx")


def test_hair_loses_the_colour_of_the_wall_behind():
    """Dark strands before a bright wall: mixed pixels are the strands' colour, not grey."""
    alpha = np.zeros((96, 96), np.float32)
    alpha[:, 40:] = 1.0
    alpha[::3, 28:40] = 1.0
    alpha = cv2.GaussianBlur(alpha, (0, 0), 1.2)
    hair, wall = np.array([60.0, 40.0, 30.0]), np.array([210.0, 220.0, 230.0])
    photo = alpha[..., None] * hair + (1 - alpha[..., None]) * wall
    own = foreground_colours(np.round(photo).astype(np.uint8), alpha)
    mixed = (alpha > 0.2) & (alpha < 0.9)
    assert mixed.sum() > 300
    assert np.abs(own[mixed] - hair).mean() < 8
    assert np.abs(photo[mixed] - hair).mean() > 50


def test_a_round_is_the_least_squares_solution_of_every_pixel():
    """Against numpy's solver, pixel by pixel."""
    draws = np.random.default_rng(0)
    image, front, behind = draws.uniform(60, 200, (3, 5, 6, 3)).astype(np.float32)
    alpha = draws.uniform(0.2, 0.8, (5, 6)).astype(np.float32)
    ours = _round(image, alpha, front, behind)
    for y, x in np.ndindex(alpha.shape):
        a = float(alpha[y, x])
        rows, right = [[a, 1 - a]], [image[y, x]]
        for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            near = min(max(y + dy, 0), 4), min(max(x + dx, 0), 5)
            root = np.sqrt(1e-5 + 0.1 * abs(a - float(alpha[near])))
            rows += [[root, 0], [0, root]]
            right += [root * front[near], root * behind[near]]
        plain = np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0]
        theirs = np.clip(plain, 0, 255)
        np.testing.assert_allclose([ours[0][y, x], ours[1][y, x]], theirs, atol=0.05)
