"""The guided filter against a plain version and, where it is installed, OpenCV's own."""

import cv2
import numpy as np
import pytest

from gesticulate.warping import matte
from gesticulate.warping.guided_filter import guided_filter


@pytest.fixture(scope="module")
def scene():
    """A bright disc on a dark slope with grain, and a mask that misses its edge by three pixels."""
    rows, columns = np.mgrid[:60, :70].astype(np.float64)
    inside = np.hypot(rows - 30, columns - 33) < 18
    slope = 40 + 0.5 * columns[..., None] + np.array([10, 0, 25.0])
    picture = np.where(inside[..., None], [200.0, 170.0, 140.0], slope)
    picture += np.random.default_rng(0).normal(0, 4, picture.shape)
    mask = np.hypot(rows - 30, columns - 36) < 18
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 2.0)
    return np.clip(picture, 0, 255).astype(np.uint8), soft


def plain(guide, mask, radius, eps):
    """Eq. 14 to 16, one window at a time, with the pixels mirrored at the border."""
    pad = 2 * radius
    colours = np.pad(guide.astype(np.float64), ((pad, pad), (pad, pad), (0, 0)), "symmetric")
    values = np.pad(mask.astype(np.float64), pad, "symmetric")
    height, width = mask.shape
    slopes, offsets = np.zeros((height, width, 3)), np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            window = np.s_[
                row + pad - radius : row + pad + radius + 1,
                column + pad - radius : column + pad + radius + 1,
            ]
            c, v = colours[window].reshape(-1, 3), values[window].ravel()
            sigma = np.cov(c.T, bias=True) + eps * np.eye(3)
            a = np.linalg.solve(sigma, (c * v[:, None]).mean(0) - c.mean(0) * v.mean())
            slopes[row, column], offsets[row, column] = a, v.mean() - a @ c.mean(0)
    around = ((radius, radius), (radius, radius))
    slopes, offsets = (
        np.pad(slopes, (*around, (0, 0)), "symmetric"),
        np.pad(offsets, around, "symmetric"),
    )
    smooth = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            window = np.s_[row : row + 2 * radius + 1, column : column + 2 * radius + 1]
            a, b = slopes[window].mean((0, 1)), offsets[window].mean()
            smooth[row, column] = a @ guide[row, column] + b
    return smooth


@pytest.mark.parametrize("radius", [2, 5])
def test_it_is_the_papers_formula(scene, radius):
    ours = guided_filter(*scene, radius, 36.0)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, plain(*scene, radius, 36.0), atol=2e-4)


@pytest.mark.skipif(not hasattr(cv2, "ximgproc"), reason="needs OpenCV's contrib modules")
@pytest.mark.parametrize("radius", [2, 7])
def test_it_is_opencvs_own(scene, radius):
    theirs = cv2.ximgproc.guidedFilter(*scene, radius, 36.0)
    np.testing.assert_allclose(guided_filter(*scene, radius, 36.0), theirs, atol=2e-4)


def test_a_flat_picture_only_blurs_the_mask(scene):
    grey = np.full((60, 70, 3), 93, np.uint8)
    side = (7, 7)
    blurred = cv2.blur(cv2.blur(scene[1], side, borderType=cv2.BORDER_REFLECT), side)
    smooth = guided_filter(grey, scene[1], 3, 36.0)
    np.testing.assert_allclose(smooth[4:-4, 4:-4], blurred[4:-4, 4:-4], atol=1e-4)


def test_a_mask_snaps_to_the_pictures_edge_without_contrib(scene, monkeypatch):
    """Whichever of OpenCV's wheels was installed last."""
    monkeypatch.delattr(cv2, "ximgproc", raising=False)
    picture, mask = scene
    rows, columns = np.mgrid[:60, :70]
    disc = np.hypot(rows - 30, columns - 33) < 18
    snapped = matte.snap_to_edges(picture, mask, radius=0.07)
    assert np.abs(snapped - disc).mean() < 0.5 * np.abs(mask - disc).mean()
