"""Gesture metrics on cases whose answer is known."""

import numpy as np
import pytest

from gesticulate import weights
from gesticulate.errors import InputError
from gesticulate.evaluation.beat_alignment import beat_alignment, motion_beats
from gesticulate.evaluation.beat_constancy import (
    angle_beat_constancy,
    angle_beats,
    joint_beat_constancy,
)
from gesticulate.evaluation.beats import sound_beats
from gesticulate.evaluation.diversity import latent_diversity, pose_diversity
from gesticulate.evaluation.fgd import fgd, known_distance, known_sets
from gesticulate.evaluation.frechet import Gaussian, frechet_distance, set_distance
from gesticulate.evaluation.joints import LEFT_WRIST, Joints, at_rate
from gesticulate.evaluation.l1div import l1div
from gesticulate.evaluation.lvd import lvd
from gesticulate.evaluation.motion_autoencoder import (
    WEIGHTS,
    AutoencoderOptions,
    MotionAutoencoder,
    load_checked,
    windows_of,
)
from gesticulate.evaluation.pcm import pcm
from gesticulate.evaluation.recall import recall
from gesticulate.evaluation.srgr import srgr
from gesticulate.keypoints import layout
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST
from gesticulate.speech.track import Speech

ALL = layout.NUM_MOTION_POINTS


def motion_of(points: np.ndarray, fps: float = 25.0) -> Motion:
    return Motion(points, np.ones((len(points), ALL)), fps)


def resting(frames: int) -> Motion:
    return motion_of(np.repeat(REST[None], frames, axis=0))


def swinging(frames: int, period: int, fps: float = 25.0) -> Motion:
    """The whole body to and fro: it turns every half period, at frames 19.7, 39.7, ... of 40."""
    points = np.repeat(REST[None], frames, axis=0).astype(float)
    wave = 0.3 * np.cos(2 * np.pi * (np.arange(frames) + 0.3) / period)
    for start in (layout.FACE_NOSE_TIP, *range(68, 74)):
        points[:, start, 0] += wave
    return motion_of(points, fps)


def test_frechet_distance_of_known_gaussians():
    a = Gaussian(np.zeros(3), np.diag([1.0, 4.0, 9.0]), 100)
    b = Gaussian(np.array([3.0, 0, 4]), np.diag([4.0, 4.0, 1.0]), 100)
    # 25 of the means; (1 - 2)^2 + 0 + (3 - 1)^2 of the deviations.
    assert frechet_distance(a, b) == pytest.approx(30)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, b, epsilon=1e-6) == pytest.approx(30, rel=1e-5)
    # As EMAGE's program has it: inside the root alone, 0 + 1 - 2 (0.01 * 1.01)^(1/2).
    point, unit = (Gaussian(np.zeros(1), np.full((1, 1), variance), 9) for variance in (0.0, 1.0))
    assert frechet_distance(point, unit, epsilon=0.01) == pytest.approx(1 - 2 * 0.0101**0.5)


def test_frechet_distance_agrees_with_the_root_of_the_product():
    from scipy.linalg import sqrtm

    random = np.random.default_rng(0)
    a, b = random.normal(size=(80, 5)), random.normal(size=(90, 5)) @ random.normal(size=(5, 5)) + 1
    first, second = np.cov(a.T), np.cov(b.T)
    expected = np.square(a.mean(0) - b.mean(0)).sum()
    expected += np.trace(first + second - 2 * sqrtm(first @ second).real)
    assert set_distance(a, b) == pytest.approx(expected)


def test_frechet_distance_of_fewer_samples_than_dimensions():
    few = np.random.default_rng(0).normal(size=(6, 40))
    assert set_distance(few, few) == pytest.approx(0, abs=1e-6)
    assert set_distance(few, few + 2) == pytest.approx(160)
    with pytest.raises(ValueError, match="N of 2 or more"):
        set_distance(few, few[:1])


@pytest.fixture(scope="module")
def autoencoder():
    import torch

    torch.manual_seed(0)
    made = MotionAutoencoder(AutoencoderOptions(width=16, latent=4))
    made.spread.fill_(0.001)  # An untrained network hardly tells apart what is not scaled up.
    return made.eval()


def test_fgd_of_the_same_and_of_other_motions(autoencoder):
    slow, quick = known_sets()
    assert fgd(slow, slow, autoencoder) == pytest.approx(0, abs=1e-9)
    assert fgd(slow, slow[::-1], autoencoder) == pytest.approx(0, abs=1e-9)
    assert fgd(slow, quick, autoencoder) > 1e-3
    assert fgd(slow, quick, autoencoder) == pytest.approx(fgd(quick, slow, autoencoder))
    with pytest.raises(InputError, match=r"the generated motions have 0"):
        fgd(slow, [resting(20)], autoencoder)
    with pytest.raises(InputError, match=r"the real motions have 1\."):
        fgd([resting(32)], slow, autoencoder)


def test_an_autoencoder_keeps_its_sizes(autoencoder):
    import torch

    assert sum(p.numel() for p in MotionAutoencoder().parameters()) < 1e6
    windows = torch.zeros(3, 32, 232)
    assert autoencoder.decode(autoencoder.encode(windows)).shape == windows.shape


def test_windows_fill_what_was_not_seen():
    motion = motion_of(np.repeat(REST[None], 40, axis=0) + np.linspace(0, 1, 40)[:, None, None])
    spoiled = Motion(motion.points.copy(), motion.confidence.copy())
    spoiled.points[10:20, 5], spoiled.confidence[10:20, 5] = 9, 0
    spoiled.points[:, 7], spoiled.confidence[:, 7] = 9, 0
    whole, filled = windows_of(motion), windows_of(spoiled)
    assert whole.shape == filled.shape == (2, 32, 232)
    np.testing.assert_allclose(filled[..., 10:12], whole[..., 10:12], atol=1e-5)
    np.testing.assert_allclose(filled[..., 14:16], 0, atol=1e-6)


@pytest.mark.skipif(not weights.available(WEIGHTS), reason=f"no weights {WEIGHTS} here")
def test_shipped_weights_give_their_number():
    autoencoder, expected = load_checked()
    assert known_distance(autoencoder) == pytest.approx(expected, rel=1e-3)


def test_latent_diversity():
    assert latent_diversity(np.ones((5, 3))) == 0
    two = np.array([[0.0, 0], [3, 4]])
    assert latent_diversity(two) == pytest.approx(7)
    assert latent_diversity(two, distance="l2") == pytest.approx(5)
    # All pairs of different items are equally likely: the mean of distances 1, 2, 3 and of both
    # directions.
    line = np.array([[0.0], [1], [3]])
    assert latent_diversity(line, pairs=20000) == pytest.approx(2, abs=0.05)
    with pytest.raises(ValueError, match="at least 2"):
        latent_diversity(np.zeros((1, 3)))


def test_pose_diversity_compares_within_groups():
    clips = [np.full((4, 2, 2), value) for value in (0.0, 1, 10, 14)]
    assert pose_diversity(clips[:2]) == 1
    assert pose_diversity(clips, group=2) == pytest.approx((1 + 4) / 2)
    with pytest.raises(ValueError, match=r"of one shape, got \[1, 2, 2\] and \[4, 2, 2\]"):
        pose_diversity([*clips, clips[0][:1]])


def test_motion_beats_are_where_the_motion_turns():
    motion = swinging(200, 40)
    beats = motion_beats(Joints.of(motion), smoothing=2)
    np.testing.assert_allclose(np.diff(beats), 20 / 25, atol=0.021)
    turns = (np.arange(20, 200, 20) - 0.3) / 25
    assert np.abs(turns[:, None] - beats).min(axis=1).max() < 0.021
    assert not len(motion_beats(Joints.of(resting(50))))


def test_shifted_beats_score_as_the_formula_says():
    beats = np.array([1.0, 3.0, 5.0])
    assert beat_alignment(beats, beats, 25) == 1
    assert beat_alignment(beats, beats + 3 / 25, 25) == pytest.approx(np.exp(-0.5))
    assert beat_alignment(beats, beats + 3 / 60, 60) == pytest.approx(np.exp(-0.5))
    # One of the two sides has a beat alone in the middle.
    more = np.append(beats, 100.0)
    assert beat_alignment(more, beats, 25) == pytest.approx(0.75)
    assert beat_alignment(more, beats, 25, over="motion") == 1
    assert np.isnan(beat_alignment(np.zeros(0), beats, 25))
    assert beat_alignment(beats, np.zeros(0), 25) == 0


def test_joint_beat_constancy_of_shifted_beats():
    motion = swinging(400, 40)
    turns = (np.arange(20, 400, 20) - 0.3) / 25
    # The slowest step lies beside the turn; a threshold of 0 lets it count.
    exact = joint_beat_constancy(motion, turns, threshold=0)
    assert exact == pytest.approx(1, abs=0.01)
    late = joint_beat_constancy(motion, turns + 0.3, threshold=0)
    assert late == pytest.approx(np.exp(-0.5), abs=0.05)
    # A true standstill is slower than a third of the mean speed: the older program drops it.
    assert joint_beat_constancy(motion, turns, threshold=0.3) == 0
    assert np.isnan(joint_beat_constancy(motion, np.zeros(0)))


def test_joint_beat_constancy_leaves_out_both_ends_of_motion_and_sound():
    # The body turns once, near 1.8 s; the sound's only beat, 0.3 s later, lies within what is left.
    points = np.repeat(REST[None], 250, axis=0).astype(float)
    for start in (layout.FACE_NOSE_TIP, *range(68, 74)):
        points[:, start, 0] += 0.002 * (np.arange(250) - 45.2) ** 2
    motion, beat = motion_of(points), np.array([2.1])
    assert joint_beat_constancy(motion, beat, threshold=0) == 0
    assert joint_beat_constancy(motion, beat, threshold=0, cut=0) == pytest.approx(np.exp(-0.5))


def test_joint_beats_are_those_of_central_differences():
    # A step of 0.1 a frame, and a single one of none: the speed about it is half, at two frames.
    steps = np.full(99, 0.1)
    steps[50], steps[51] = 0, 0.02
    points = np.repeat(REST[None], 100, axis=0).astype(float)
    points[:, 69:74, 0] += np.concatenate([[0], np.cumsum(steps)])[:, None]
    motion = motion_of(points)
    motion.confidence[:, [layout.FACE_NOSE_TIP, 68]] = 0
    # The mean of 0 and 0.02 a frame, at frame 51, is a tenth of the usual speed.
    beat = np.array([51 / 25])
    assert joint_beat_constancy(motion, beat, threshold=0.05, cut=0) == pytest.approx(1)
    assert joint_beat_constancy(motion, beat, threshold=0.15, cut=0) == 0


def test_angle_beats_are_minima_of_the_angles_change():
    # The forearm swings about the elbow and stands still every 20 frames.
    points = np.repeat(REST[None], 200, axis=0).astype(float)
    angle = 0.8 * np.cos(2 * np.pi * (np.arange(200) + 0.3) / 40)
    elbow, wrist = LEFT_WRIST - 2, LEFT_WRIST
    points[:, wrist] = points[:, elbow] + np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    motion = motion_of(points)
    beats = angle_beats(motion)
    assert len(beats) == 9
    np.testing.assert_allclose(np.diff(beats), 20 / 25, atol=0.041)
    assert angle_beat_constancy(motion, beats) == 1
    assert angle_beat_constancy(motion, beats + 0.1) == pytest.approx(np.exp(-0.5))
    assert not len(angle_beats(resting(50)))
    assert angle_beat_constancy(resting(50), beats) == 0


def test_angles_of_points_that_were_not_seen_do_not_count():
    points = np.repeat(REST[None], 200, axis=0).astype(float)
    angle = 0.8 * np.cos(2 * np.pi * (np.arange(200) + 0.3) / 40)
    for wrist in (LEFT_WRIST, LEFT_WRIST + 1):
        bone = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        points[:, wrist] = points[:, wrist - 2] + bone
    whole = motion_of(points)
    hidden = Motion(points.copy(), whole.confidence.copy())
    # The right arm is lost: where it lies is noise.
    right = [LEFT_WRIST - 1, LEFT_WRIST + 1]
    hidden.points[:, right] += np.random.default_rng(0).normal(0, 0.5, (200, 2, 2))
    hidden.confidence[:, right] = 0
    beats = angle_beats(whole)
    np.testing.assert_allclose(angle_beats(hidden), beats)
    # Lost for a second, the arm has no beats there, and none made up.
    away = Motion(points.copy(), whole.confidence.copy())
    away.points[90:115, 68:74] += np.random.default_rng(1).normal(0, 0.5, (25, 6, 2))
    away.confidence[90:115, 68:74] = 0
    assert set(angle_beats(away)) <= set(beats)
    nobody = Motion(points, np.zeros_like(whole.confidence))
    assert np.isnan(angle_beat_constancy(nobody, beats))


def test_sound_beats_are_found_where_tones_set_in():
    waveform = np.zeros(16000 * 3, np.float32)
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(4000) / 16000)
    for start in (0.5, 1.2, 2.3):
        at = int(start * 16000)
        waveform[at : at + 4000] += (tone * np.exp(-np.arange(4000) / 1500)).astype(np.float32)
    beats = sound_beats(Speech(waveform))
    assert np.abs(beats[:, None] - [0.5, 1.2, 2.3]).min(axis=0).max() < 0.07
    assert not len(sound_beats(Speech(np.zeros(16000, np.float32))))


def test_pcm_counts_joints_within_the_threshold():
    real = resting(10)
    moved = real.points.copy()
    moved[:5, LEFT_WRIST, 0] += 0.2
    near = Joints.of(motion_of(real.points + 0.05 * (np.arange(ALL) == LEFT_WRIST)[:, None]))
    assert pcm(Joints.of(real), Joints.of(real)) == 1
    # The wrist takes its hand of 21 points along.
    assert pcm(Joints.of(real), Joints.of(motion_of(moved))) == pytest.approx(1 - 0.5 * 22 / 116)
    assert pcm(Joints.of(real), near) == 1
    assert pcm(Joints.of(real), near, threshold=0.05) == pytest.approx(1 - 22 / 116)
    with pytest.raises(ValueError, match="do not belong together"):
        pcm(Joints.of(real), Joints.of(resting(9)))


def test_only_what_the_real_motion_shows_is_compared():
    real = resting(10)
    real.confidence[:, LEFT_WRIST] = 0
    other = resting(10)
    other.points[:, LEFT_WRIST] += 5
    assert pcm(Joints.of(real), Joints.of(other)) == 1
    assert lvd(Joints.of(real), Joints.of(other)) == 0


def test_srgr_weighs_frames_by_their_meaning():
    real, made = Joints.of(resting(10)), Joints.of(resting(10))
    made.points[5:] += [0.06, 0.06]
    weights_ = np.full(10, 0.165)
    assert srgr(real, real, weights_) == pytest.approx(1)
    # 0.12 in L1, 0.085 in L2.
    assert srgr(real, made, weights_) == pytest.approx(0.5)
    assert srgr(real, made, weights_, distance="l2") == pytest.approx(1)
    early = np.r_[np.full(5, 0.33), np.zeros(5)]
    assert srgr(real, made, early) == pytest.approx(1)
    assert srgr(real, made, early[::-1]) == 0


def test_l1div_of_a_point_that_goes_to_and_fro():
    points = np.repeat(REST[None], 10, axis=0).astype(float)
    points[::2, 69, 1] += 1  # A shoulder: nothing hangs on it.
    assert l1div(Joints.of(motion_of(points))) == pytest.approx(0.5)
    assert l1div(Joints.of(resting(10))) == pytest.approx(0, abs=1e-5)
    # Frames that show nobody are no frames at rest.
    longer = motion_of(np.concatenate([points, points]))
    longer.confidence[10:] = 0
    assert l1div(Joints.of(longer)) == pytest.approx(0.5)


def test_lvd_of_speeds_and_velocities():
    def moving(step):
        points = np.repeat(REST[None], 10, axis=0).astype(float)
        points[:, 69, 0] += step * np.arange(10)
        return Joints.of(motion_of(points))

    assert lvd(moving(0.1), moving(0.1)) == pytest.approx(0, abs=1e-6)
    assert lvd(moving(0.1), moving(0.4)) == pytest.approx(0.3, abs=1e-5)
    # As fast, the other way.
    assert lvd(moving(0.1), moving(-0.1)) == pytest.approx(0, abs=1e-5)
    assert lvd(moving(0.1), moving(-0.1), of="velocity") == pytest.approx(0.2, abs=1e-5)
    half = moving(0.1)
    half.seen[5:] = False
    assert lvd(half, moving(0.4)) == pytest.approx(0.3, abs=1e-5)


def test_recall_of_perfect_and_of_meaningless_embeddings():
    pairs = np.eye(64)
    found = recall(pairs, pairs)
    assert found.forth == dict.fromkeys((1, 2, 3, 5, 10), 1.0) == found.back
    assert found.batch == 32
    assert found.pairs == 640
    random = np.random.default_rng(0)
    chance = recall(random.normal(size=(320, 8)), random.normal(size=(320, 8)))
    assert chance.forth[1] == pytest.approx(1 / 32, abs=0.02)
    assert chance.back[10] == pytest.approx(chance.chance(10), abs=0.05)
    # What says nothing must not score.
    flat = recall(np.ones((64, 3)), np.ones((64, 3)))
    assert flat.forth[10] == 0


def test_recall_ranks_both_ways():
    # Speech 1 is nearest to gesture 0; gesture 1 is nearest to speech 1 all the same.
    first = np.array([[1.0, 0.0], [0.9, 0.1]])
    second = np.array([[1.0, 0.0], [0.6, 0.8]])
    found = recall(first, second, ks=(1, 2), rounds=1)
    assert found.forth == {1: 0.5, 2: 1.0}
    assert found.back == {1: 1.0, 2: 1.0}


def test_a_motion_at_another_rate_lasts_as_long():
    motion = swinging(100, 40, fps=50)
    slower = at_rate(motion)
    assert len(slower) == 50
    np.testing.assert_allclose(slower.points, motion.points[::2], atol=1e-6)
    assert at_rate(slower) is slower
