import cv2
import numpy as np
import pytest

from gesticulate.errors import InputError
from gesticulate.evaluation.steadiness import TrueMotion, optical_flow, steadiness, warp_error
from gesticulate.keypoints import layout

SIZE = 96


@pytest.fixture(scope="module")
def texture():
    picture = np.random.default_rng(0).integers(0, 200, (SIZE, SIZE, 3), dtype=np.uint8)
    return cv2.GaussianBlur(picture, (0, 0), 2)


def constant_flow(x, y, frames):
    return np.tile(np.array([x, y], np.float32), (frames - 1, SIZE, SIZE, 1))


def everywhere(frames):
    return np.ones((frames - 1, SIZE, SIZE), bool)


def test_a_picture_that_moves_as_the_flow_has_no_error(texture):
    frames = [np.roll(texture, (t, 2 * t), axis=(0, 1)) for t in range(5)]
    assert warp_error(frames, constant_flow(2, 1, 5), everywhere(5)) == pytest.approx(0, abs=1e-12)
    assert warp_error(frames, constant_flow(0, 0, 5), everywhere(5)) > 1e-4


def test_flicker_of_known_size(texture):
    """Every second frame 20 levels brighter: (20/255)^2 between neighbours, moving or not."""
    frames = [np.roll(texture, 2 * t, axis=1) + np.uint8(20 * (t % 2)) for t in range(6)]
    error = warp_error(frames, constant_flow(2, 0, 6), everywhere(6))
    assert error == pytest.approx((20 / 255) ** 2, rel=1e-5)


def test_only_the_mask_counts(texture):
    other = texture.copy()
    other[:10] += np.uint8(30)
    mask = everywhere(2)
    mask[:, :10] = False
    assert warp_error([texture, other], constant_flow(0, 0, 2), mask) == 0
    assert warp_error([texture, other], constant_flow(0, 0, 2), ~mask) == pytest.approx(
        (30 / 255) ** 2, rel=1e-5
    )
    assert np.isnan(warp_error([texture, other], constant_flow(0, 0, 2), mask & False))


def test_flow_points_to_where_a_pixel_went(texture):
    flow = optical_flow(texture, np.roll(texture, (1, 3), axis=(0, 1)))
    assert np.median(flow[20:-20, 20:-20].reshape(-1, 2), axis=0) == pytest.approx([3, 1], abs=0.2)


def skeleton(x):
    """A person whose right half of the picture is free; x: shift in pixels."""
    points = np.zeros((layout.NUM_POINTS, 3), np.float32)
    points[layout.FACE] = [25, 30, 1]
    points[layout.FACE.start : layout.FACE.start + 3, :2] = [[20, 20], [30, 20], [25, 38]]
    points[layout.LEFT_SHOULDER] = [35, 55, 1]
    points[layout.RIGHT_SHOULDER] = [15, 55, 1]
    points[..., 0] += x
    return points


@pytest.fixture(scope="module")
def clip(texture):
    """A person of noise moves right by 1 pixel a frame before a still background."""
    person = np.random.default_rng(1).integers(0, 200, (SIZE, SIZE, 3), dtype=np.uint8)
    person = cv2.GaussianBlur(person, (0, 0), 1.5)
    frames = []
    for t in range(5):
        frame = texture.copy()
        frame[14:, 10 + t : 42 + t] = person[14:, 10:42]
        frames.append(frame)
    return frames, np.stack([skeleton(t) for t in range(5)])


def test_a_real_clip_is_steady_and_its_repeated_first_frame_moves_wrongly(clip):
    frames, points = clip
    motion = TrueMotion.of(frames, points)
    assert motion.still[:, 70:].all()
    assert not motion.still[60:85, 15:38].any()
    real = steadiness(frames, motion)
    first = steadiness([frames[0]] * 5, motion)
    assert first.background == 0
    assert real.background < 1
    assert first.person > 5 * real.person
    assert real.person < 1e-3


def test_flicker_in_the_background_is_its_variance(clip):
    frames, points = clip
    motion = TrueMotion.of(frames, points)
    rng = np.random.default_rng(2)
    noisy = [frame + rng.integers(0, 13, frame.shape, dtype=np.uint8) for frame in frames]
    done = steadiness(noisy, motion)
    # The variance of 13 equally likely levels, (n^2 - 1) / 12, over 5 frames: 4/5 of it.
    assert done.background == pytest.approx(14 * 4 / 5, rel=0.05)
    # Two independent noises between neighbours: twice the variance.
    assert done.frame == pytest.approx(2 * 14 / 255**2, rel=0.3)


def test_a_moving_camera_leaves_nothing_still(texture):
    frames = [np.roll(texture, 4 * t, axis=1) for t in range(6)]
    done = steadiness(frames, TrueMotion.of(frames, np.stack([skeleton(0)] * 6)))
    assert np.isnan(done.background) or done.background < 16


def test_one_frame_is_refused(texture):
    with pytest.raises(InputError, match="two frames"):
        TrueMotion.of([texture], skeleton(0)[None])
