"""Hands within people's speed, with their strokes whole."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import lsq_linear

from gesticulate.keypoints.layout import MOTION_BODY, MOTION_FACE, MOTION_LEFT_HAND
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST
from gesticulate.motion.hand_speed import HASTE, MOST, MOST_FINGERS, limit_speed, warped_times
from gesticulate.motion.strokes import GESTURING, WRISTS

FPS = 25.0
LEFT, RIGHT = WRISTS


def moving(path: np.ndarray, point: int = LEFT) -> Motion:
    """A wrist that goes up by [T] shoulder widths."""
    points = np.repeat(REST[None], len(path), axis=0).astype(np.float32)
    points[:, point, 1] -= path
    return Motion(points, np.ones((len(path), 116), np.float32))


def height(motion: Motion, point: int = LEFT) -> np.ndarray:
    return REST[point, 1] - motion.points[:, point, 1]


def fastest(motion: Motion) -> float:
    return float(np.linalg.norm(np.diff(motion.points[:, WRISTS], axis=0), axis=-1).max() * FPS)


def stroke(frames: int, middle: float, half: float, size: float) -> np.ndarray:
    """Up to an apex and down again, half so many seconds long to each side."""
    away = np.clip(np.abs(np.arange(frames) / FPS - middle) / half, 0, 1)
    return size * 0.5 * (1 + np.cos(np.pi * away))


def test_times_are_those_of_a_plain_least_squares():
    need = np.random.default_rng(0).uniform(0, 1.1, 30)
    need[[8, 9, 20]] = 2.5
    found = warped_times(need)
    # times = lower bounds + increments that are not negative, the ends fixed.
    least = np.concatenate([[0], np.cumsum(np.maximum(need, 1 / HASTE))])
    sums = np.tril(np.ones((31, 30)), -1)
    weight = np.ones(31)
    weight[-1] = 1e3
    plain = lsq_linear(
        sums * weight[:, None], (np.arange(31) - least) * weight, bounds=(0, np.inf), tol=1e-12
    )
    np.testing.assert_allclose(found, least + sums @ plain.x, atol=2e-3)
    assert (np.diff(found) >= np.maximum(need, 1 / HASTE) - 1e-9).all()
    assert found[0] == 0


def test_enough_time_changes_no_time():
    np.testing.assert_allclose(warped_times(np.full(40, 0.5)), np.arange(41), atol=1e-9)


def test_what_is_quick_enough_is_left():
    motion = moving(stroke(100, 2.0, 0.4, 0.6))
    assert fastest(motion) < MOST
    assert limit_speed(motion) is motion


@pytest.mark.parametrize(("half", "size"), [(0.16, 0.5), (0.24, 0.7), (0.08, 0.4)])
def test_a_stroke_too_quick_keeps_its_apex(half, size):
    motion = moving(stroke(150, 3.0, half, size))
    assert fastest(motion) > 1.1 * MOST
    made = limit_speed(motion)
    assert fastest(made) < 1.01 * MOST
    assert height(made).max() > 0.97 * size
    assert abs(height(made).argmax() - 75) <= 2
    np.testing.assert_allclose(height(made)[[0, -1]], 0, atol=1e-6)
    # A Gaussian that slows it as much takes more of it away.
    widths = np.arange(0.1, 9, 0.1)
    slower = (gaussian_filter1d(height(motion), width) for width in widths)
    plain = next(path for path in slower if np.abs(np.diff(path)).max() * FPS < MOST)
    assert plain.max() < 0.97 * height(made).max()


def test_a_jump_takes_a_moment_and_arrives():
    path = np.where(np.arange(200) < 100, 0.0, 0.8)
    path[150:] = -0.2
    made = limit_speed(moving(path))
    assert fastest(made) < 1.01 * MOST
    late = np.abs(height(made) - path) > 0.05
    assert not late[:92].any()
    assert not late[108:140].any()
    assert late.sum() < 0.8 / (MOST / FPS) * 2 + 0.3 * FPS
    np.testing.assert_allclose(height(made)[125], 0.8, atol=0.02)


def test_who_is_too_quick_for_long_makes_smaller_strokes_in_time():
    time = np.arange(300) / FPS
    path = 0.6 * np.sin(2 * np.pi * 2.0 * time) * np.clip(time, 0, 1)
    motion = moving(path)
    assert fastest(motion) > 2 * MOST
    made = limit_speed(motion)
    assert fastest(made) < 1.01 * MOST
    # In step with what was made, and not later and later.
    middle = slice(50, 250)
    assert np.corrcoef(height(made)[middle], path[middle])[0, 1] > 0.9
    assert height(made)[middle].max() > 0.5 * MOST / (2 * np.pi * 2.0)


def test_fingers_are_limited_about_the_wrist_and_go_with_the_arm():
    motion = moving(stroke(150, 3.0, 0.16, 0.5))
    points = motion.points.copy()
    points[:, RIGHT, 0] += stroke(150, 3.0, 0.16, 0.3)
    points[100:, MOTION_LEFT_HAND, 0] += 0.4
    made = limit_speed(Motion(points, motion.confidence))
    steps = np.diff(made.points[:, MOTION_LEFT_HAND], axis=0)
    assert np.sqrt(np.square(steps).sum(-1).mean(-1)).max() * FPS < 1.01 * MOST_FINGERS
    np.testing.assert_allclose(made.points[-1], points[-1], atol=1e-5)
    # Both hands have their apex at the same moment as before.
    assert abs(height(made).argmax() - made.points[:, RIGHT, 0].argmax()) <= 1


def test_nothing_else_moves_and_what_is_not_seen_does_not_count():
    motion = moving(stroke(150, 3.0, 0.1, 0.6))
    points = motion.points.copy()
    points[:, MOTION_FACE] += np.random.default_rng(0).normal(size=(150, 68, 2)) * 0.01
    made = limit_speed(Motion(points, motion.confidence))
    others = np.ones(116, bool)
    others[GESTURING] = False
    np.testing.assert_array_equal(made.points[:, others], points[:, others])
    unseen = motion.confidence.copy()
    unseen[:, MOTION_BODY] = 0
    hidden = Motion(points, unseen)
    assert limit_speed(hidden) is hidden


def test_hands_that_rest_after_quick_strokes_rest_where_they_did():
    """Quick from the first frame on: what is calmed there must not move what comes later."""
    time = np.arange(300) / FPS
    path = np.where(time < 4, 0.3 + 0.6 * np.sin(2 * np.pi * 2 * time), 0.0)
    path[0] = 0
    made = limit_speed(moving(path))
    assert fastest(made) < 1.01 * MOST
    np.testing.assert_allclose(height(made)[0], 0, atol=1e-6)
    np.testing.assert_allclose(height(made)[-100:], 0, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
def test_a_few_frames(frames):
    made = limit_speed(moving(np.linspace(0, 3, frames)))
    assert len(made) == frames
    assert np.isfinite(made.points).all()
    np.testing.assert_allclose(made.points[0], REST, atol=1e-6)
