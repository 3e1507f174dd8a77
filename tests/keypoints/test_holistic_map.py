"""MediaPipe's landmarks as whole-body points: sides, pixels, hands, honest confidence."""

import numpy as np
import pytest

from gesticulate.keypoints import layout
from gesticulate.keypoints.mediapipe import from_holistic

SIZE = (200, 100)
# Blaze indices.
LEFT = {"shoulder": 11, "elbow": 13, "wrist": 15, "ankle": 27, "heel": 29, "toe": 31}
RIGHT = {"shoulder": 12, "elbow": 14, "wrist": 16, "ankle": 28, "heel": 30, "toe": 32}


@pytest.fixture
def pose() -> np.ndarray:
    """[33, 4]: everything at a place of its own; shoulders 80 pixels apart, wrists beside them."""
    rows = np.zeros((33, 4), np.float32)
    rows[:, 0] = np.linspace(0.4, 0.6, 33)
    rows[:, 1] = np.linspace(0.1, 0.9, 33)
    rows[:, 3] = np.linspace(0.5, 0.9, 33)
    rows[[11, 12], :2] = [[0.7, 0.5], [0.3, 0.5]]
    rows[[15, 16], :2] = [[0.8, 0.7], [0.2, 0.7]]
    return rows


def hand(x: float, y: float, spread: float = 20.0, seed: int = 0) -> np.ndarray:
    """[21, 2] shares of the picture: a hand with its root at x, y and points below it."""
    noise = np.random.default_rng(seed).uniform(-1, 1, (21, 2))
    pixels = spread * np.linspace(0, 1, 21)[:, None] * (0.3 * noise + (0, 0.7))
    return ((x, y) + pixels / SIZE).astype(np.float32)


def part(points: np.ndarray, name: str) -> np.ndarray:
    return points[layout.PARTS[name]]


def test_shares_become_pixels_with_centres_at_whole_numbers(pose: np.ndarray):
    points = from_holistic(pose, None, None, None, SIZE)
    assert points.shape == (133, 3)
    assert points.dtype == np.float32
    assert points[layout.LEFT_SHOULDER] == pytest.approx(
        [0.7 * 200 - 0.5, 0.5 * 100 - 0.5, pose[11, 3]], rel=1e-5
    )


def test_left_stays_left_by_name(pose: np.ndarray):
    points = from_holistic(pose, None, None, None, SIZE)
    for side, indices in (("left", LEFT), ("right", RIGHT)):
        for joint, index in indices.items():
            name = f"{side}_{'big_toe' if joint == 'toe' else joint}"
            expected = pose[index, :2] * SIZE - 0.5
            assert points[layout.NAMES.index(name), :2] == pytest.approx(expected, abs=1e-3), name
    assert points[layout.NAMES.index("left_small_toe"), 2] == 0


def test_nothing_seen_is_all_zero():
    assert not from_holistic(None, None, None, None, SIZE).any()
    nan = np.full((478, 2), np.nan, np.float32)
    gone = np.full((33, 4), np.nan, np.float32), nan, nan[:21], nan[:21]
    assert not from_holistic(*gone, SIZE).any()


def test_points_outside_the_picture_are_not_seen(pose: np.ndarray):
    pose[13, :2], pose[14, :2] = (1.02, 0.5), (0.5, -0.01)
    points = from_holistic(pose, None, None, None, SIZE)
    assert not points[[layout.LEFT_ELBOW, layout.RIGHT_ELBOW]].any()
    assert points[layout.LEFT_SHOULDER, 2] > 0


def test_wrist_of_the_body_is_the_root_of_the_hand(pose: np.ndarray):
    points = from_holistic(pose, None, hand(0.79, 0.69), None, SIZE)
    assert np.array_equal(points[layout.LEFT_WRIST], part(points, "left_hand")[0])
    assert (part(points, "left_hand")[:, 2] == 1).all()
    assert not part(points, "right_hand").any()
    assert points[layout.RIGHT_WRIST, 2] == pytest.approx(pose[16, 3])


def test_a_hand_counts_less_the_further_it_is_from_its_wrist(pose: np.ndarray):
    near, off, far = (
        part(from_holistic(pose, None, hand(0.8 - x, 0.7), None, SIZE), "left_hand")[0, 2]
        for x in (0.02, 0.12, 0.25)  # of 80 pixels between the shoulders: 0.05, 0.3, 0.63
    )
    assert near == 1
    assert 0.5 < off < 1
    assert far == 0


def test_the_same_hand_twice_is_kept_at_its_own_wrist(pose: np.ndarray):
    pose[[15, 16], :2] = [[0.55, 0.7], [0.45, 0.7]]
    one = hand(0.46, 0.7)
    points = from_holistic(pose, None, one + 0.002, one, SIZE)
    assert part(points, "right_hand")[:, 2].all()
    assert not part(points, "left_hand").any()


def test_two_clasped_hands_are_both_kept(pose: np.ndarray):
    pose[[15, 16], :2] = [[0.52, 0.7], [0.48, 0.7]]
    left, right = hand(0.52, 0.7, seed=1), hand(0.48, 0.7, seed=2)
    right[:, 1] = 1.4 - right[:, 1]
    points = from_holistic(pose, None, left, right, SIZE)
    assert part(points, "left_hand")[:, 2].all()
    assert part(points, "right_hand")[:, 2].all()


def test_a_lone_hand_on_the_other_wrist_belongs_there(pose: np.ndarray):
    points = from_holistic(pose, None, hand(0.21, 0.7), None, SIZE)
    assert part(points, "right_hand")[:, 2].all()
    assert not part(points, "left_hand").any()


@pytest.mark.parametrize("spread", [2.0, 200.0])
def test_a_hand_of_no_hands_size_is_none(pose: np.ndarray, spread: float):
    points = from_holistic(pose, None, hand(0.8, 0.7, spread), None, SIZE)
    assert not part(points, "left_hand").any()


def test_a_hand_cut_off_by_the_picture_is_unsure(pose: np.ndarray):
    pose[15, :2] = (0.8, 0.94)
    points = part(from_holistic(pose, None, hand(0.8, 0.94, 12), None, SIZE), "left_hand")
    inside = points[:, 2] > 0
    assert 0.3 < inside.mean() < 0.8
    assert (points[inside, 2] < 1).all()


def test_a_face_gives_nose_and_eyes(pose: np.ndarray):
    face = np.random.default_rng(0).uniform(0.4, 0.6, (478, 2)).astype(np.float32)
    points = from_holistic(pose, face, None, None, SIZE)
    assert (part(points, "face")[:, 2] == 1).all()
    assert np.array_equal(points[layout.NOSE], part(points, "face")[layout.FACE_NOSE_TIP])
    middle = part(points, "face")[layout.FACE_LEFT_EYE].mean(axis=0)
    assert points[layout.LEFT_EYE] == pytest.approx(middle)


def test_without_a_body_hands_are_taken_as_they_are():
    points = from_holistic(None, None, hand(0.3, 0.3), None, SIZE)
    assert part(points, "left_hand")[:, 2].all()
    assert points[layout.LEFT_WRIST, 2] == 1
