"""Thin-plate splines against SciPy, and the strided groups on skeletons."""

import numpy as np
import pytest
import torch
from scipy.interpolate import RBFInterpolator

from gesticulate.keypoints import layout
from gesticulate.warping.dense import tps_candidates
from gesticulate.warping.tps import make_grid, solve_tps


@pytest.mark.parametrize("count", [4, 5, 68, 116])
def test_agrees_with_scipy(count):
    rng = np.random.default_rng(count)
    centres = rng.uniform(-1, 1, (count, 2))
    targets = centres + rng.normal(0, 0.1, (count, 2))
    points = rng.uniform(-1, 1, (200, 2))
    plain = RBFInterpolator(centres, targets, kernel="thin_plate_spline", degree=1)(points)
    spline = solve_tps(torch.tensor(centres)[None], torch.tensor(targets)[None], 0.0)
    np.testing.assert_allclose(spline(torch.tensor(points))[0].numpy(), plain, atol=1e-6)


@pytest.mark.parametrize("regularisation", [1e-3, 0.1])
def test_regularisation_is_scipys_smoothing(regularisation):
    rng = np.random.default_rng(0)
    centres, targets = rng.uniform(-1, 1, (20, 2)), rng.normal(0, 1, (20, 2))
    points = rng.uniform(-1, 1, (50, 2))
    # SciPy's kernel is r^2 log r, half of r^2 log r^2, and opposite in sign to its smoothing.
    plain = RBFInterpolator(
        centres, targets, kernel="thin_plate_spline", degree=1, smoothing=regularisation / 2
    )
    spline = solve_tps(torch.tensor(centres)[None], torch.tensor(targets)[None], regularisation)
    np.testing.assert_allclose(spline(torch.tensor(points))[0].numpy(), plain(points), atol=1e-6)


def test_batch_equals_one_by_one():
    rng = np.random.default_rng(1)
    centres = torch.tensor(rng.uniform(-1, 1, (3, 9, 2)), dtype=torch.float32)
    targets = centres + 0.1 * torch.randn(3, 9, 2, generator=torch.Generator().manual_seed(0))
    grid = make_grid(6, 7).reshape(-1, 2)
    together = solve_tps(centres, targets)(grid)
    for index in range(3):
        alone = solve_tps(centres[index : index + 1], targets[index : index + 1])(grid)
        torch.testing.assert_close(together[index], alone[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_points_still_solve(count):
    centres = torch.tensor([[[0.1, 0.2], [0.5, -0.3], [-0.4, 0.6]]])[:, :count]
    targets = centres + torch.tensor([0.2, -0.1])
    moved = solve_tps(centres, targets)(centres)
    torch.testing.assert_close(moved, targets, atol=1e-2, rtol=0)


def _drawn_points() -> np.ndarray:
    """[116, 2] in [-1, 1]: a face, arms and two hands."""
    rng = np.random.default_rng(2)
    angle = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    radius = rng.uniform(0.3, 1.0, 68)
    face = np.stack([np.cos(angle), np.sin(angle) * 1.3], 1) * radius[:, None] * 0.15 - [0, 0.55]
    arms = np.array([[0.3, -0.2], [-0.3, -0.2], [0.45, 0.3], [-0.45, 0.3], [0.3, 0.5], [-0.3, 0.5]])
    hand = rng.uniform(-0.1, 0.1, (2, 21, 2)) + arms[4:, None]
    return np.concatenate([face, arms, hand.reshape(-1, 2)])


def test_strided_groups_stay_calm():
    photo = torch.tensor(_drawn_points(), dtype=torch.float32)[None]
    still = tps_candidates(photo, photo, 24, 24)
    identity = make_grid(24, 24).expand_as(still)
    torch.testing.assert_close(still, identity, atol=1e-3, rtol=0)
    driven = photo.clone()
    driven[:, layout.MOTION_LEFT_HAND] += torch.tensor([0.15, -0.2])
    driven[:, :68] += torch.tensor([0.03, 0.02])
    moved = tps_candidates(photo, driven, 24, 24)
    assert moved.shape == (1, 29, 24, 24, 2)
    assert moved.abs().max() < 5.0


def test_consecutive_groups_would_not():
    """Why the groups are strided: four neighbours make a spline that runs away."""
    photo = torch.tensor(_drawn_points(), dtype=torch.float32)
    driven = photo + 0.02 * torch.randn(photo.shape, generator=torch.Generator().manual_seed(1))
    grid = make_grid(24, 24).reshape(-1, 2)
    near = solve_tps(driven.reshape(29, 4, 2), photo.reshape(29, 4, 2), 0.01)(grid)
    far = tps_candidates(photo[None], driven[None], 24, 24)
    assert near.abs().max() > 2 * far.abs().max()


def test_on_a_grid_agrees_with_points():
    generator = torch.Generator().manual_seed(2)
    centres = torch.rand(3, 4, 2, generator=generator) * 2 - 1
    spline = solve_tps(centres, centres + 0.1 * torch.randn(3, 4, 2, generator=generator))
    plain = spline(make_grid(9, 13).reshape(-1, 2)).reshape(3, 9, 13, 2)
    torch.testing.assert_close(spline.on_grid(9, 13), plain, atol=1e-5, rtol=1e-5)
