"""What is behind the person: a network's fill where it fits, a smooth one where it invents."""

import numpy as np
import pytest
from tiny_onnx import red_finder

from gesticulate.errors import WeightsError
from gesticulate.warping.inpainting import Inpainting, MiGan, default_inpainting, fill_behind


class Painter:
    """Fills with a given picture."""

    def __init__(self, picture: np.ndarray) -> None:
        self.picture = picture

    def fill(self, photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
        return np.where(hole[..., None], self.picture, photo)


@pytest.fixture
def room():
    """A wall of slanting stripes [96, 128, 3], and a hole in it."""
    y, x = np.mgrid[:96, :128]
    stripes = np.where((x + y) // 8 % 2 == 0, 90, 150)
    picture = np.dstack([stripes, stripes, stripes - 20]).astype(np.uint8)
    hole = np.zeros((96, 128), bool)
    hole[30:, 50:80] = True
    return picture, hole


def test_what_fits_is_kept_near_the_edge_of_the_hole(room):
    picture, hole = room
    covered = np.where(hole[..., None], np.uint8(20), picture)
    filled = fill_behind(covered, hole, 100.0, Painter(picture))
    np.testing.assert_allclose(filled, picture, atol=1)


def test_an_invented_thing_is_not_painted(room):
    picture, hole = room
    bird = picture.copy()
    bird[55:75, 58:72] = (230, 30, 20)
    filled = fill_behind(picture, hole, 100.0, Painter(bird))
    assert filled[55:75, 58:72, 0].max() < 180
    assert filled[55:75, 58:72, 1].min() > 60


def test_yellow_is_strange_in_a_grey_room(room):
    """Though it is no brighter than the room."""
    picture, hole = room
    strip = picture.copy()
    strip[40:90, 62:70] = (150, 140, 40)
    filled = fill_behind(picture, hole, 100.0, Painter(strip))
    assert (filled[45:85, 64:68, 0] - filled[45:85, 64:68, 2]).mean() < 45


def test_a_plain_wall_needs_no_network():
    """It would only invent things there, after a second."""
    y, x = np.mgrid[:96, :128]
    wall = np.dstack([150 + x // 4, 160 + x // 8, 170 + y // 8]).astype(np.uint8)
    hole = np.zeros((96, 128), bool)
    hole[30:, 50:80] = True
    filled = fill_behind(wall, hole, 100.0, Painter(np.full_like(wall, 255)))
    assert np.abs(filled - wall).max() < 12


def test_far_from_all_that_is_known_nothing_is_made_up(room):
    picture, hole = room
    filled = fill_behind(picture, hole, 10.0, Painter(picture))
    assert np.abs(filled[70:80, 60:70] - picture[70:80, 60:70]).mean() > 10
    np.testing.assert_array_equal(filled[~hole], picture[~hole])


def test_the_network_continues_a_level_edge_and_nothing_of_the_person():
    """A table's edge goes on behind the person who sits at it."""
    picture = np.full((384, 512, 3), 200, np.uint8)
    picture[240:] = (120, 80, 50)
    hole = np.zeros((384, 512), bool)
    hole[80:360, 216:296] = True
    covered = np.where(hole[..., None], np.uint8(0), picture)
    filled = default_inpainting().fill(covered, hole)
    off = np.abs(filled.astype(float) - picture).mean(-1)
    assert off[hole].mean() < 6
    assert off[100:220, 216:296].max() < 40, "no dark rim where the person's outline was"


def test_the_one_that_comes_along_keeps_the_protocol():
    assert isinstance(default_inpainting(), Inpainting)


def test_a_network_of_another_kind_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="expected 2 and 1"):
        MiGan(str(red_finder(tmp_path / "pose.onnx")))
