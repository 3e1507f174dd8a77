"""Whose pixels about an arm are."""

import numpy as np
import pytest

from gesticulate.warping.arms import ArmArea, Bone, of_torso
from gesticulate.warping.parts import along_bone, pixel_grid

SHIRT, SKIN, DARK = (235, 235, 240), (200, 150, 125), (40, 40, 50)


def bone(start, end, radius):
    start, end = np.array(start, np.float32), np.array(end, np.float32)
    grid = pixel_grid(120, 160)
    across = np.array([-(end - start)[1], (end - start)[0]], np.float32)
    offset = (grid - start) @ (across / np.linalg.norm(across))
    return Bone(*along_bone(grid, start, end), offset, float(np.linalg.norm(across)), radius)


@pytest.fixture
def arm():
    """A hanging arm at x 60..80 beside a torso at x < 60, its forearm on the way back up to the
    right; the cut took some of the torso beside the elbow."""
    upper, forearm = bone((70, 20), (70, 100), 14), bone((70, 100), (105, 60), 12)
    lower = forearm.distance < upper.distance
    score = np.maximum(1 - upper.distance / 14, 1 - forearm.distance / 12)
    area = ArmArea(upper, forearm, score, lower, np.ones_like(score))
    cut = score > 0
    cut[85:118, 48:62] = True
    torso = np.zeros_like(cut)
    torso[10:160, 5:60] = True
    photo = np.zeros((160, 120, 3), np.uint8)
    photo[:] = DARK
    photo[score > 0] = SKIN
    photo[10:160, 5:60] = SHIRT
    return photo, cut, area, torso


def test_the_shirt_beside_a_bare_elbow_is_not_the_arms(arm):
    photo, cut, area, torso = arm
    photo[10:60, 60:84] = SHIRT  # a sleeve of the same cloth
    found = of_torso(photo, cut, area, torso & ~cut)
    assert found[90:115, 50:58].all()
    assert not found[:, 62:].any()
    assert not found[10:55].any(), "a sleeve is not told from the shirt, and stays"


def test_a_cuff_away_from_the_torso_stays(arm):
    photo, cut, area, torso = arm
    cuff = cut & (area.forearm.t > 0.8)
    core = area.forearm.distance < 0.4 * area.forearm.radius
    photo[cuff & ~core] = SHIRT
    assert not of_torso(photo, cut, area, torso & ~cut)[cuff].any()


def test_without_a_torso_nothing_is_its(arm):
    photo, cut, area, torso = arm
    assert not of_torso(photo, cut, area, np.zeros_like(torso)).any()
