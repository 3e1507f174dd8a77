import numpy as np
import pytest

from gesticulate.evaluation.lip_sync import (
    LipSpeechCorrelation,
    lip_opening,
    lip_speech_correlation,
    lips_closed_in_silence,
    mean_correlation,
    shuffled,
    shuffled_correlation,
)
from gesticulate.keypoints import layout
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.poses import Poses


def face(gaps, eye_distance=100.0, tilt=0.0):
    """[T, 68, 2] with the given inner lip gaps, in the unit of the eye distance's."""
    points = np.zeros((len(gaps), 68, 2))
    points[:, 36] = [-eye_distance / 2, 0]
    points[:, 45] = [eye_distance / 2, 0]
    for column, (up, low) in enumerate([(61, 67), (62, 66), (63, 65)]):
        x = (column - 1) * 10
        points[:, up] = [x, 80]
        points[:, low, 0] = x
        points[:, low, 1] = 80 + np.asarray(gaps)
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    return (points @ turn).astype(np.float32)


def syllables(length, seed=0):
    """A smooth random loudness in dB, [T]."""
    noise = np.random.default_rng(seed).normal(size=length + 4)
    return -30 + 8 * np.convolve(noise, np.ones(5) / 5, mode="valid")


def test_opening_is_the_gap_over_the_eye_distance():
    opening = lip_opening(face([0, 10, 25]))
    np.testing.assert_allclose(opening, [0, 0.1, 0.25], atol=1e-6)


@pytest.mark.parametrize("tilt", [0.4, -1.0, np.pi])
def test_opening_does_not_change_with_head_tilt(tilt):
    np.testing.assert_allclose(lip_opening(face([5, 20], tilt=tilt)), [0.05, 0.2], atol=1e-5)


def test_crossed_lips_are_closed():
    assert lip_opening(face([-7]))[0] == 0


def test_opening_of_poses_and_motion_agree():
    points = face([0, 10, 25])
    poses = np.zeros((3, layout.NUM_POINTS, 3), np.float32)
    poses[:, layout.FACE, :2] = points + 300
    poses[:, layout.FACE, 2] = 1
    motion = np.zeros((3, layout.NUM_MOTION_POINTS, 2), np.float32)
    motion[:, layout.MOTION_FACE] = points / 200
    seen = np.ones((3, layout.NUM_MOTION_POINTS), np.float32)
    of_poses = lip_opening(Poses(poses, (640, 640)))
    np.testing.assert_allclose(of_poses, lip_opening(Motion(motion, seen)), atol=1e-5)


def test_unseen_lips_have_no_opening():
    poses = np.zeros((2, layout.NUM_POINTS, 3), np.float32)
    poses[:, layout.FACE, :2] = face([5, 5])
    poses[0, layout.FACE, 2] = 1
    opening = lip_opening(Poses(poses, (640, 640)))
    assert opening[0] == pytest.approx(0.05, abs=1e-6)
    assert np.isnan(opening[1])


def test_lips_that_copy_the_loudness_correlate_fully():
    energy = syllables(200)
    result = lip_speech_correlation((energy + 60) / 100, energy, np.ones(200))
    assert result.pearson == pytest.approx(1)
    assert result.spearman == pytest.approx(1)
    assert (result.best_lag, result.frames) == (0, 200)


def test_pearson_against_the_formula():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=50), rng.normal(size=50)
    expected = ((a - a.mean()) * (b - b.mean())).mean() / (a.std() * b.std())
    assert lip_speech_correlation(a, b).pearson == pytest.approx(expected)


@pytest.mark.parametrize("lag", [-3, 2])
def test_best_lag_is_found(lag):
    energy = syllables(300)
    result = lip_speech_correlation(np.roll(energy, lag), energy, np.ones(300), max_lag=5)
    assert result.best_lag == lag
    assert result.best_pearson > 0.95 > result.pearson


def test_only_voiced_frames_count():
    energy = syllables(200)
    opening = energy.copy()
    opening[100:] = syllables(100, seed=7)
    voice = (np.arange(200) < 100).astype(float)
    result = lip_speech_correlation(opening, energy, voice)
    assert result.pearson == pytest.approx(1)
    assert result.frames == 100


def test_a_mouth_that_never_moves_has_no_correlation():
    result = lip_speech_correlation(np.full(50, 0.1), syllables(50))
    assert np.isnan(result.pearson)
    assert np.isnan(result.best_pearson)


def test_unseen_frames_are_left_out():
    energy = syllables(60)
    opening = energy.copy()
    opening[10:30] = np.nan
    result = lip_speech_correlation(opening, energy)
    assert result.pearson == pytest.approx(1)
    assert result.frames == 40


def test_mean_is_weighted_by_frames_and_skips_the_undefined():
    mean = mean_correlation(
        [
            LipSpeechCorrelation(0.6, 0.5, (0.1, 0.6, 0.7), 300),
            LipSpeechCorrelation(0.2, 0.1, (0.3, 0.2, float("nan")), 100),
            LipSpeechCorrelation(float("nan"), float("nan"), (float("nan"),) * 3, 5),
        ]
    )
    assert mean.pearson == pytest.approx(0.5)
    assert mean.spearman == pytest.approx(0.4)
    assert mean.by_lag == pytest.approx((0.15, 0.5, 0.7))
    assert (mean.best_lag, mean.frames) == (1, 400)
    assert mean.best_pearson == pytest.approx(0.7)


def test_shuffled_pairs_never_belong_together():
    pairs = list(shuffled(5, rounds=4))
    assert len(pairs) == len(set(pairs)) == 20
    assert all(motion != speech for motion, speech in pairs)
    with pytest.raises(ValueError, match="at least 2"):
        list(shuffled(1))


def test_shuffled_control_tells_following_lips_from_chance():
    energies = [syllables(400, seed) for seed in range(6)]
    voices = [np.ones(400)] * 6
    openings = [energy + syllables(400, 50 + seed) for seed, energy in enumerate(energies)]
    real = mean_correlation(
        [
            lip_speech_correlation(o, e, v)
            for o, e, v in zip(openings, energies, voices, strict=True)
        ]
    )
    control = shuffled_correlation(openings, energies, voices)
    assert real.pearson == pytest.approx(np.sqrt(0.5), abs=0.1)
    assert abs(control.pearson) < 0.1


def test_closed_lips_in_silence():
    voice = np.r_[np.ones(20), np.zeros(30)]
    opening = np.r_[np.full(20, 0.2), np.full(10, 0.1), np.zeros(20)]
    assert lips_closed_in_silence(opening, voice, margin=0) == pytest.approx(2 / 3)
    assert lips_closed_in_silence(opening, voice, margin=5) == pytest.approx(20 / 25)
    assert np.isnan(lips_closed_in_silence(opening, np.ones(50)))
