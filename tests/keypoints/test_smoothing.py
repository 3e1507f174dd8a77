import numpy as np
import pytest
from scipy.signal import savgol_filter

from gesticulate.keypoints import layout
from gesticulate.keypoints.face import LOWER_INNER_LIP, UPPER_INNER_LIP, lip_gap
from gesticulate.keypoints.poses import Poses
from gesticulate.keypoints.smoothing import _local_quadratic, fill_gaps, jumps, smooth


def noisy(poses: Poses, pixels: float, seed: int = 0) -> Poses:
    noise = np.random.default_rng(seed).normal(0, pixels, poses.xy.shape)
    points = poses.points.copy()
    points[..., :2] += noise
    points[:, layout.LEFT_HAND.start] = points[:, layout.LEFT_WRIST]
    points[:, layout.RIGHT_HAND.start] = points[:, layout.RIGHT_WRIST]
    return Poses(points, poses.size, poses.fps)


def jitter(xy: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(xy, 2, axis=0), axis=-1).mean())


def test_full_confidence_gives_a_savitzky_golay_filter():
    values = np.random.default_rng(0).normal(size=(50, 3, 2))
    ours = _local_quadratic(values, np.ones((50, 3)), 11)
    assert np.abs(ours - savgol_filter(values, 11, 2, axis=0))[5:-5].max() < 1e-3


def test_confidence_weighs_and_gaps_part():
    rng = np.random.default_rng(1)
    values, weight = rng.normal(size=(40, 2, 2)), rng.uniform(0.2, 1, (40, 2))
    weight[20, 1] = 0
    ours = _local_quadratic(values, weight, 9)
    for point, at, window in ((0, 15, range(11, 20)), (1, 18, range(14, 20)), (0, 1, range(6))):
        k = np.array(list(window))
        fit = np.polyfit(k - at, values[k, point], 2, w=np.sqrt(weight[k, point]))
        assert np.abs(ours[at, point] - fit[2]).max() < 5e-3
    assert np.array_equal(ours[20, 1], values[20, 1])


def test_jitter_falls_and_strokes_stay(talking):
    rough = noisy(talking, 0.8)
    calm = smooth(rough)
    for part in (layout.FACE, layout.LEFT_HAND, [layout.LEFT_ELBOW, layout.RIGHT_ELBOW]):
        assert jitter(calm.xy[:, part]) < 0.4 * jitter(rough.xy[:, part])
    error = np.linalg.norm(calm.xy - talking.xy, axis=-1)[:, layout.MOTION_POINTS]
    assert (
        error.mean()
        < 0.65 * np.linalg.norm(rough.xy - talking.xy, axis=-1)[:, layout.MOTION_POINTS].mean()
    )
    reach = np.ptp(calm.xy[:, layout.RIGHT_WRIST], axis=0)
    assert (reach > 0.95 * np.ptp(talking.xy[:, layout.RIGHT_WRIST], axis=0)).all()


def test_a_quick_stroke_keeps_its_speed(talking):
    points = talking.points.copy()
    rise = np.clip((np.arange(60) - 28) / 6, 0, 1)  # A quarter of a second, minimum jerk.
    stroke = 60 * rise**3 * (10 - 15 * rise + 6 * rise**2)
    arm = [layout.RIGHT_WRIST, *range(layout.RIGHT_HAND.start, layout.RIGHT_HAND.stop)]
    points[:, arm, 1] -= stroke[:, None]
    raw = Poses(points, talking.size)
    speed = [np.abs(np.diff(p.xy[:, layout.RIGHT_WRIST, 1])).max() for p in (raw, smooth(raw))]
    assert speed[1] > 0.85 * speed[0]


def test_lips_that_close_for_two_frames_stay_closed(talking):
    points = talking.points.copy()
    face = points[:, layout.FACE]
    face[:, LOWER_INNER_LIP, 1] = face[:, UPPER_INNER_LIP, 1] + 4.0
    face[30:32, LOWER_INNER_LIP, 1] = face[30:32, UPPER_INNER_LIP, 1]
    gap = lip_gap(smooth(Poses(points, talking.size)).xy[:, layout.FACE])
    assert gap[30:32].max() < 0.2
    assert gap[20:27].min() > 3.5


def test_the_body_and_hand_wrists_stay_one_point(talking):
    calm = smooth(noisy(talking, 1.0))
    apart = calm.xy[:, layout.LEFT_WRIST] - calm.xy[:, layout.LEFT_HAND.start]
    assert np.abs(apart).max() < 1e-3


@pytest.mark.parametrize("frames", [1, 2])
def test_a_hand_that_jumps_away_and_back_is_interpolated(talking, frames):
    points = talking.points.copy()
    hand = [*range(layout.LEFT_HAND.start, layout.LEFT_HAND.stop), layout.LEFT_WRIST]
    points[20 : 20 + frames, hand, 0] += 50
    wrong = Poses(points, talking.size)
    found = jumps(wrong)
    assert found[20 : 20 + frames, hand].all()
    assert found.sum() == frames * len(hand)
    calm = smooth(wrong)
    assert np.abs(calm.xy[:, hand] - talking.xy[:, hand]).max() < 3
    assert (calm.confidence[20, hand] > 0).all()
    assert (calm.confidence[20, hand] < talking.confidence[20, hand]).all()


def test_a_stroke_that_goes_on_is_no_jump(talking):
    points = talking.points.copy()
    hand = [*range(layout.LEFT_HAND.start, layout.LEFT_HAND.stop), layout.LEFT_WRIST]
    points[20:, hand, 0] += 50
    assert not jumps(Poses(points, talking.size)).any()


def test_what_was_not_seen_stays_unseen(talking):
    points = talking.points.copy()
    points[10:40, layout.RIGHT_HAND] = 0
    points[:, layout.LEFT_ELBOW] = 0
    calm = smooth(Poses(points, talking.size))
    assert np.array_equal(calm.confidence > 0, points[..., 2] > 0)
    assert not calm.xy[:, layout.LEFT_ELBOW].any()
    assert not calm.xy[10:40, layout.RIGHT_HAND].any()


def test_short_gaps_fill_with_less_confidence_and_long_ones_stay(talking):
    points = talking.points.copy()
    points[10:14, layout.FACE] = 0
    points[20:40, layout.LEFT_HAND] = 0
    points[:5, layout.RIGHT_SHOULDER] = 0
    filled = fill_gaps(Poses(points, talking.size), max_gap=8)
    assert np.abs(filled.xy[10:14, layout.FACE] - talking.xy[10:14, layout.FACE]).max() < 3
    confidence = filled.confidence[9:15, layout.FACE.start]
    assert confidence[0] == confidence[5] == 1
    assert (confidence[1:5] < 1).all()
    assert (confidence[1:5] > 0.2).all()
    assert confidence[2] < confidence[1]
    assert not filled.confidence[20:40, layout.LEFT_HAND].any()
    assert not filled.confidence[:5, layout.RIGHT_SHOULDER].any()
    untouched = points[..., 2] > 0
    assert np.array_equal(filled.points[untouched], points[untouched])


def test_a_missing_hand_is_filled_about_its_moving_wrist(talking):
    points = talking.points.copy()
    hand = slice(layout.LEFT_HAND.start + 1, layout.LEFT_HAND.stop)
    points[15:20, hand] = 0
    points[17, layout.LEFT_WRIST, :2] += 9
    points[17, layout.LEFT_HAND.start, :2] += 9
    filled = fill_gaps(Poses(points, talking.size))
    assert np.abs(filled.xy[17, hand] - talking.xy[17, hand] - 9).max() < 1


def test_an_hour_of_frames_goes_through_in_blocks(talking):
    long = Poses(np.tile(talking.points, (50, 1, 1)), talking.size)
    blocks = smooth(long).xy
    alone = smooth(long[1800:2400]).xy
    assert np.abs(blocks[1900:2300] - alone[100:500]).max() < 1e-2


def test_other_frame_rates_have_the_same_span_in_time(talking):
    at = np.linspace(0, 59, 119)
    lower, share = np.floor(at).astype(int), (at % 1)[:, None, None]
    upper = np.minimum(lower + 1, 59)
    points = talking.points[lower] * (1 - share) + talking.points[upper] * share
    calm = smooth(Poses(points, talking.size, 50.0))
    plain = smooth(talking)
    assert np.abs(calm.xy[::2] - plain.xy)[5:-5].mean() < 0.3
