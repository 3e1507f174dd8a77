import numpy as np
import pytest

from gesticulate.evaluation.blinks import blink_rate, blinks, eye_aspect_ratio
from gesticulate.evaluation.detection import detection_rates
from gesticulate.evaluation.diversity import seed_diversity
from gesticulate.evaluation.gestures import amplitude, speed
from gesticulate.evaluation.jitter import jitter, pose_jitter
from gesticulate.evaluation.motion_scores import mean_numbers, motion_scores
from gesticulate.evaluation.seams import seams
from gesticulate.keypoints import layout
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.poses import Poses


def still_motion(frames: int) -> Motion:
    points = np.random.default_rng(0).normal(size=(1, layout.NUM_MOTION_POINTS, 2))
    ones = np.ones((frames, layout.NUM_MOTION_POINTS))
    return Motion(np.repeat(points, frames, axis=0), ones)


def test_a_jump_shows_at_its_seam():
    # One unit a frame, and a jump of 5 into frame 20.
    x = np.arange(40.0) + np.where(np.arange(40) >= 20, 4, 0)
    points = np.stack([x, np.zeros(40)], axis=-1)[:, None]
    found = seams(points, [20])
    assert (found.speed_at, found.speed_elsewhere) == (5, 1)
    assert (found.acceleration_at, found.acceleration_elsewhere) == (4, 0)
    assert found.speed_ratio == 5
    assert found.count == 1


def test_a_smooth_seam_cannot_be_told():
    angle = 2 * np.pi * np.arange(200) / 20
    points = np.stack([np.cos(angle), np.sin(angle)], axis=-1)[:, None]
    found = seams(points, [50, 100, 150])
    assert found.speed_ratio == pytest.approx(1)
    assert found.acceleration_ratio == pytest.approx(1)


def test_seams_at_the_ends_are_left_out():
    found = seams(np.zeros((10, 3, 2)), [0, 1, 9])
    assert found.count == 0
    assert np.isnan(found.speed_at)


def test_jitter_of_smooth_and_cubic_motion():
    t = np.arange(30) / 25
    parabola = np.stack([3 * t**2 + t, -(t**2)], axis=-1)[:, None]
    assert jitter(parabola, 25) == pytest.approx(0, abs=1e-6)
    cubic = np.stack([2 * t**3, np.zeros(30)], axis=-1)[:, None]
    assert jitter(cubic, 25) == pytest.approx(12)


def test_jitter_of_white_noise():
    noise = np.random.default_rng(0).normal(scale=0.01, size=(4000, 5, 2))
    expected = np.sqrt(np.pi / 2) * np.sqrt(20) * 0.01 * 25**3
    assert jitter(noise, 25) == pytest.approx(expected, rel=0.02)


def test_jitter_leaves_unseen_points_out():
    points = np.zeros((20, 1, 2))
    points[10] = 100
    seen = np.ones((20, 1), bool)
    seen[10] = False
    assert jitter(points, 25, seen) == 0
    assert np.isnan(jitter(points[:3], 25))


def test_pose_jitter_is_in_shoulder_widths():
    points = np.zeros((20, layout.NUM_POINTS, 3), np.float32)
    points[:, layout.LEFT_SHOULDER] = [50, 0, 1]
    points[:, layout.RIGHT_SHOULDER, 2] = 1
    t = np.arange(20) / 25
    points[:, layout.LEFT_HAND, 0] = (100 * t**3)[:, None]
    points[:, layout.LEFT_HAND, 2] = 1
    by_part = pose_jitter(Poses(points, (256, 256)))
    assert by_part["left_hand"] == pytest.approx(12, rel=1e-3)
    assert by_part["body"] == pytest.approx(0, abs=1e-6)
    assert np.isnan(by_part["right_hand"])


def test_detection_rates():
    points = np.zeros((4, layout.NUM_POINTS, 3), np.float32)
    points[:, : layout.RIGHT_WRIST + 1, 2] = 0.9
    points[:3, layout.FACE, 2] = 1
    points[:2, layout.LEFT_HAND, 2] = 0.5
    points[3, layout.RIGHT_HAND.start : layout.RIGHT_HAND.start + 5, 2] = 1
    rates = detection_rates(Poses(points, (256, 256)))
    assert rates == {
        "body": 1.0, "face": 0.75, "left_hand": 0.5, "right_hand": 0.0, "any_hand": 0.5,
    }  # fmt: skip


def eyes(heights) -> np.ndarray:
    """[T, 68, 2] with both eyes 10 wide and so high."""
    points = np.zeros((len(heights), 68, 2))
    for start in (36, 42):
        points[:, start, 0], points[:, start + 3, 0] = -5, 5
        for upper, lower in ((1, 5), (2, 4)):
            points[:, start + upper, 1] = -np.asarray(heights) / 2
            points[:, start + lower, 1] = np.asarray(heights) / 2
    return points


def test_eye_aspect_ratio_and_blinks():
    heights = np.full(250, 3.0)
    heights[50:54] = heights[150:153] = 0.5
    heights[200:240] = 0.5  # Eyes shut, no blink.
    face = eyes(heights)
    assert eye_aspect_ratio(face)[0] == pytest.approx(0.3)
    assert blinks(face).tolist() == [50, 150]
    assert blink_rate(face, 25) == pytest.approx(12)


def test_amplitude_and_speed_of_a_circling_wrist():
    motion = still_motion(200)
    angle = 2 * np.pi * np.arange(200) / 50
    points = motion.points.copy()
    wrist = layout.MOTION_ARMS.start + layout.LEFT_WRIST - layout.LEFT_SHOULDER
    points[:, wrist] = 0.3 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    confidence = motion.confidence.copy()
    confidence[:, wrist + 1] = 0
    motion = Motion(points, confidence)
    assert amplitude(motion, "wrists") == pytest.approx(0.3, rel=1e-4)
    chord = 2 * 0.3 * np.sin(np.pi / 50)
    assert speed(motion, "wrists") == pytest.approx(chord * 25, rel=1e-4)
    assert amplitude(motion, "fingers") == pytest.approx(0, abs=1e-6)
    assert speed(motion, "head") == pytest.approx(0, abs=1e-6)


def test_diversity():
    one = still_motion(10)
    other = Motion(one.points + np.float32(0.25), one.confidence)
    assert seed_diversity([one, one, one]) == 0
    assert seed_diversity([one, other]) == pytest.approx(0.25, rel=1e-5)
    with pytest.raises(ValueError, match="at least 2"):
        seed_diversity([one])


def test_scores_of_a_motion_and_their_mean():
    motion = still_motion(100)
    energy = -30 + 10 * np.sin(np.arange(100) / 3)
    points = motion.points.copy()
    points[:, [36, 45]] = [[[-0.2, 0], [0.2, 0]]]
    for up, low in ((61, 67), (62, 66), (63, 65)):
        points[:, up] = [0, 0.3]
        points[:, low, 0] = 0
        points[:, low, 1] = 0.3 + (energy + 40) / 400
    scores = motion_scores(Motion(points, motion.confidence), energy, np.ones(100))
    assert scores.lips.pearson == pytest.approx(1, abs=1e-4)
    assert scores.lip_amplitude == pytest.approx(energy.std() / 160, rel=1e-3)
    assert np.isnan(scores.closed)
    assert scores.jitter["head"] == 0
    assert scores.jitter["face"] > 0
    silent = motion_scores(Motion(points, motion.confidence), energy, np.zeros(100))
    mean = mean_numbers([scores, silent])
    assert mean["lips closed in silence"] == silent.closed
    assert mean["lip amplitude"] == scores.lip_amplitude
