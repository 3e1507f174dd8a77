import numpy as np
import pytest
from skimage import metrics

from gesticulate.evaluation.l1 import l1
from gesticulate.evaluation.psnr import psnr
from gesticulate.evaluation.ssim import ssim, ssim_map


@pytest.fixture(scope="module")
def pair():
    """Two related pictures, [64, 48, 3] uint8."""
    rng = np.random.default_rng(0)
    one = rng.integers(0, 256, (64, 48, 3), dtype=np.uint8)
    other = np.clip(one + rng.normal(0, 30, one.shape), 0, 255).astype(np.uint8)
    return one, other


@pytest.fixture(scope="module")
def mask():
    mask = np.zeros((64, 48), bool)
    mask[20:50, 10:30] = True
    return mask


def test_l1_known_answer():
    black, gray = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 51, np.uint8)
    assert l1(gray, black) == pytest.approx(0.2)


def test_psnr_agrees_with_scikit_image(pair):
    assert psnr(*pair) == pytest.approx(metrics.peak_signal_noise_ratio(*pair), abs=1e-4)


def test_psnr_of_equal_pictures_is_infinite(pair):
    assert psnr(pair[0], pair[0]) == np.inf


def test_ssim_agrees_with_scikit_image(pair):
    options = dict(gaussian_weights=True, use_sample_covariance=False, channel_axis=-1)
    mean, full = metrics.structural_similarity(*pair, full=True, **options)
    assert ssim(*pair) == pytest.approx(mean, abs=1e-6)
    np.testing.assert_allclose(ssim_map(*pair), full.mean(axis=-1), atol=1e-6)


def test_ssim_of_equal_pictures_is_one(pair, mask):
    assert ssim(pair[0], pair[0]) == pytest.approx(1)
    assert ssim(pair[0], pair[0], mask) == pytest.approx(1)


@pytest.mark.parametrize("metric", [l1, psnr])
def test_a_mask_counts_its_own_pixels_only(metric, pair, mask):
    inside = [picture[20:50, 10:30] for picture in pair]
    assert metric(*pair, mask) == pytest.approx(metric(*inside), rel=1e-5)


def test_masked_ssim_ignores_what_lies_far_outside(pair, mask):
    changed = pair[1].copy()
    changed[:10] = 0
    assert ssim(pair[0], changed, mask) == pytest.approx(ssim(*pair, mask), abs=1e-12)
    assert ssim(pair[0], changed) < ssim(*pair)


@pytest.mark.parametrize("metric", [l1, psnr, ssim])
def test_an_empty_mask_has_no_value(metric, pair):
    assert np.isnan(metric(*pair, np.zeros((64, 48), bool)))


@pytest.mark.parametrize("metric", [l1, psnr, ssim])
def test_wrong_pictures_are_refused(metric, pair):
    with pytest.raises(ValueError, match="differ in size"):
        metric(pair[0], pair[1][:32])
    with pytest.raises(ValueError, match="uint8"):
        metric(pair[0].astype(np.float32), pair[1])
    with pytest.raises(ValueError, match="does not fit"):
        metric(*pair, np.ones((3, 3), bool))
