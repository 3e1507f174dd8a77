from dataclasses import replace

import numpy as np
import pytest

from gesticulate.errors import InputError
from gesticulate.keypoints import layout
from gesticulate.keypoints.face import CANONICAL_FACE, eye_opening, lip_gap
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST, Person, from_motion, to_motion
from gesticulate.keypoints.poses import Poses
from gesticulate.keypoints.retarget import resample, retarget

ARMS_AND_HANDS = [*range(layout.LEFT_SHOULDER, layout.RIGHT_WRIST + 1), *range(91, 133)]


@pytest.fixture
def photo(make_motion, make_person) -> Poses:
    return from_motion(make_motion()[3:4], make_person(8, 200.0, (300, 260)), (600, 600))


def wild(seed: int, frames: int = 80, slower: int = 1) -> Motion:
    """Smooth motion far beyond what a body does: hands spin and flip, faces are thrown about."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames)[:, None, None] / (25.0 * slower)
    phase, speed = rng.uniform(0, 6.3, (1, 116, 2)), rng.uniform(0.2, 2.0, (1, 116, 2))
    points = REST + rng.uniform(0.1, 1.0, (1, 116, 2)) * np.sin(phase + 6.3 * speed * t)
    face = 0.1 * (points - REST)[:, layout.MOTION_FACE]
    swing = np.sin(4 * t[:, 0] + rng.uniform(0, 6, (1, 6))).reshape(frames, 2, 3)
    turn = np.eye(2, 3) + swing * [[0.3, 0.8, 1.5], [0.8, 0.3, 1.5]]
    points[:, layout.MOTION_FACE] = CANONICAL_FACE.join(turn, face)
    points[:, layout.FACE_NOSE_TIP] = REST[layout.FACE_NOSE_TIP] + 5 * face[:, 0]
    for hand in (layout.MOTION_LEFT_HAND, layout.MOTION_RIGHT_HAND):
        spin = np.pi * (1 + np.sin(2 * t[:, 0, 0] + rng.uniform(0, 6)))
        flip = np.cos(5 * t[:, 0, 0] + rng.uniform(0, 6))
        shape = REST[hand] * np.stack([flip, np.ones(frames)], -1)[:, None]
        c, s = np.cos(spin)[:, None], np.sin(spin)[:, None]
        x, y = shape[..., 0], shape[..., 1]
        points[:, hand] = np.stack([c * x - s * y, s * x + c * y], -1)
    return Motion(points, np.ones((frames, 116)), 25.0 * slower)


def chirality(xy: np.ndarray, hand: slice) -> np.ndarray:
    a, b = xy[:, hand][:, 5] - xy[:, hand][:, 0], xy[:, hand][:, 17] - xy[:, hand][:, 0]
    return np.sign(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


@pytest.mark.parametrize("seed", range(3))
def test_the_first_frame_is_the_photo_and_confidence_is_the_photos(photo, seed):
    poses = retarget(wild(seed), photo)
    assert np.array_equal(poses.points[0], photo.points[0])
    assert (poses.confidence == photo.confidence).all()
    assert np.isfinite(poses.points).all()
    assert (poses.size, len(poses)) == (photo.size, 80)


def test_a_clip_on_its_own_first_frame_comes_back(make_motion, make_person):
    clip = from_motion(make_motion(size=0.5), make_person(4), (256, 256))
    poses = retarget(to_motion(clip, Person.measure(clip)), clip[:1])
    error = np.linalg.norm(poses.xy - clip.xy, axis=-1)
    assert error[:, layout.FACE].mean() < 0.6
    assert error[:, ARMS_AND_HANDS].mean() < 2.0


def test_motion_within_the_limits_is_read_back_from_the_result(photo, make_motion):
    motion = make_motion(frames=200, size=0.4)
    person = Person.measure(photo)
    again = to_motion(retarget(motion, photo), person)
    face = np.abs(again.points - motion.points)[25:, layout.MOTION_FACE]
    assert face.max() < 0.03
    wrists = [layout.MOTION_ARMS.start + 4, layout.MOTION_ARMS.start + 5]
    for wrist in wrists:
        for axis in range(2):
            asked, done = motion.points[30:, wrist, axis], again.points[30:, wrist, axis]
            assert np.corrcoef(asked, done)[0, 1] > 0.95
            assert 0.6 < np.ptp(done) / np.ptp(asked) < 1.1


def test_size_and_place_of_the_photo_change_nothing(photo, make_motion):
    larger = photo.scaled((1200, 1200))
    poses = retarget(make_motion(), photo).scaled((1200, 1200))
    assert np.abs(retarget(make_motion(), larger).xy - poses.xy).max() < 0.05


def test_a_flipped_photo_does_the_flipped_motion(photo, mirror, make_motion):
    motion = make_motion()
    index = list(layout.MOTION_POINTS)
    order = [index.index(layout.MIRROR[i]) for i in index]
    flipped = Motion(motion.points[:, order] * [-1, 1], motion.confidence)
    back = mirror(retarget(flipped, mirror(photo)))
    seen = photo.confidence[0] > 0
    assert np.abs(back.xy - retarget(motion, photo).xy)[:, seen].max() < 0.05


@pytest.mark.parametrize("seed", range(12))
def test_hands_never_show_their_other_side(make_motion, make_person, seed):
    rng = np.random.default_rng(seed)
    still = make_motion(1)
    points = still.points.copy()
    for hand in (layout.MOTION_LEFT_HAND, layout.MOTION_RIGHT_HAND):
        spin, narrow = rng.uniform(-3.14, 3.14), rng.choice([-1, 1]) * rng.uniform(0.15, 1)
        turn = np.array([[np.cos(spin), -np.sin(spin)], [np.sin(spin), np.cos(spin)]])
        points[0, hand] = (points[0, hand] * [narrow, 1]) @ turn.T
    photo = from_motion(replace(still, points=points), make_person(seed), (256, 256))
    poses = retarget(wild(seed, 200), photo)
    for hand in (layout.LEFT_HAND, layout.RIGHT_HAND):
        signs = chirality(poses.xy, hand)
        assert (signs == signs[0]).all()
        size = np.linalg.norm(np.ptp(poses.xy[:, hand], axis=1), axis=-1)
        assert size.min() / size[0] > 0.7
        assert size.max() / size[0] < 1.4


@pytest.mark.parametrize("seed", range(4))
def test_wild_motion_stays_plausible(photo, seed):
    person = Person.measure(photo)
    poses = retarget(wild(seed, 200), photo)
    shift = np.linalg.norm(poses.xy - photo.xy, axis=-1) / person.width
    assert shift[:, layout.LEFT_SHOULDER].max() < 0.15
    assert shift[:, [layout.LEFT_WRIST, layout.RIGHT_WRIST]].max() < 1.0
    assert not shift[:, [*range(11, 23)]].any()
    for a, b in ((5, 7), (7, 9), (6, 8), (8, 10)):
        length = np.linalg.norm(poses.xy[:, a] - poses.xy[:, b], axis=-1)
        assert 0.6 * length[0] < length.min()
        assert length.max() < 1.2 * length[0] + 0.23 * person.width
    jaw = poses.xy[:, layout.FACE]
    width = np.linalg.norm(jaw[:, 0] - jaw[:, 16], axis=-1)
    assert width.min() > 0.65 * width[0]
    assert width.max() / width[0] < 1.3


def test_nothing_jumps(photo):
    # Ten times the frames in the same time: the largest step shrinks to about a tenth.
    def largest_step(slower: int) -> float:
        poses = retarget(wild(5, 200 * slower, slower), photo)
        step = np.linalg.norm(np.diff(poses.xy, axis=0), axis=-1)
        return float(step.max() / Person.measure(photo).width)

    assert largest_step(10) < 0.25 * largest_step(1)


def test_lips_close_where_the_photo_smiles(photo, make_motion):
    points = photo.points.copy()
    lower = layout.FACE.start + np.array([*range(55, 60), *range(65, 68), *range(6, 11)])
    points[:, lower, 1] += 8
    smiling = Poses(points, photo.size)
    scale = Person.measure(smiling).face.scale
    shut = Motion(np.tile(REST, (40, 1, 1)), np.ones((40, 116)))
    gap = lip_gap(retarget(shut, smiling).xy[:, layout.FACE]) / scale
    assert gap[0] > 0.1
    assert gap[15:].max() < 0.005
    motion = make_motion(100)
    gap = lip_gap(retarget(motion, smiling).xy[:, layout.FACE])[20:] / scale
    asked = lip_gap(motion.points[:, layout.MOTION_FACE])[20:]
    assert np.corrcoef(gap, asked)[0, 1] > 0.98
    assert gap.min() < 0.01
    assert gap.max() > 0.06


def test_eyes_close_all_the_way_by_the_photos_own_opening(photo):
    motion = Motion(np.tile(REST, (40, 1, 1)), np.ones((40, 116)))
    points = motion.points.copy()
    upper, lower = [37, 38, 43, 44], [41, 40, 47, 46]
    slit = 0.3 * (points[:, lower] - points[:, upper])
    middle = (points[:, lower] + points[:, upper]) / 2
    points[20:30, upper], points[20:30, lower] = (
        (middle - slit / 2)[20:30],
        (middle + slit / 2)[20:30],
    )
    opening = eye_opening(retarget(replace(motion, points=points), photo).xy[:, layout.FACE])
    assert opening[20:30].max() < 0.2 * opening[35]
    assert opening[15] == pytest.approx(opening[0], rel=0.1)


def test_what_the_photo_does_not_show_stays_unseen_and_its_arm_hardly_moves(photo, make_motion):
    points = photo.points.copy()
    points[:, layout.LEFT_HAND] = 0
    points[:, layout.LEFT_WRIST] = 0
    poses = retarget(make_motion(), Poses(points, photo.size))
    assert not poses.confidence[:, layout.LEFT_HAND].any()
    assert not poses.confidence[:, layout.LEFT_WRIST].any()
    shift = np.linalg.norm(poses.xy - points[:, :, :2], axis=-1) / Person.measure(photo).width
    assert shift[:, layout.LEFT_ELBOW].max() < 0.12 < shift[:, layout.RIGHT_WRIST].max()


def test_folded_hands_move_together(make_motion, make_person):
    still = make_motion(1)
    points = still.points.copy()
    arms = points[:, layout.MOTION_ARMS]
    arms[:, 2:4] = [[0.8, 0.7], [-0.8, 0.7]]
    arms[:, 4:6] = [[0.1, 1.0], [-0.1, 1.0]]
    photo = from_motion(replace(still, points=points), make_person(2), (256, 256))
    poses = retarget(wild(1), photo)
    apart = poses.xy[:, layout.LEFT_WRIST] - poses.xy[:, layout.RIGHT_WRIST]
    assert np.linalg.norm(apart - apart[0], axis=-1).max() < 0.12 * Person.measure(photo).width


def test_several_photos_at_once_are_refused(talking, make_motion):
    with pytest.raises(InputError, match="pose of one photo, got 60"):
        retarget(make_motion(), talking)


@pytest.mark.parametrize(("fps", "frames"), [(30.0, 72), (12.5, 30), (60.0, 144), (25.0, 60)])
def test_resampling_gives_the_frames_asked_for_on_the_same_course(talking, fps, frames):
    other = resample(talking, fps, frames)
    assert (len(other), other.fps) == (frames, fps)
    assert np.array_equal(other.points[0], talking.points[0])
    at = np.minimum(np.arange(frames) * 25.0 / fps, 59)
    for point in (layout.LEFT_WRIST, layout.FACE.start + 57):
        for axis in range(2):
            linear = np.interp(at, np.arange(60), talking.xy[:, point, axis])
            assert np.abs(other.xy[:, point, axis] - linear).max() < 0.5


def test_resampling_keeps_a_parabola_and_unseen_points():
    points = np.zeros((20, 133, 3), np.float32)
    points[:, :, 0] = (np.arange(20)[:, None] - 8.0) ** 2
    points[:, :, 2] = 1
    points[10:, 50, 2] = 0
    other = resample(Poses(points, (9, 9)), 100.0, 76)
    at = np.arange(76) / 4
    inside = (at > 1) & (at < 18)
    assert np.abs(other.xy[inside, 0, 0] - (at[inside] - 8) ** 2).max() < 1e-3
    assert (other.confidence[:37, 50] > 0).all()
    assert not other.confidence[40:, 50].any()


def test_resampling_a_motion_keeps_its_kind(make_motion):
    other = resample(make_motion(), 50.0, 120)
    assert isinstance(other, Motion)
    assert np.abs(other.points[::2] - make_motion().points).max() < 1e-5
