from dataclasses import replace

import numpy as np
import pytest

from gesticulate.errors import InputError
from gesticulate.keypoints import layout
from gesticulate.keypoints.face import close_lips, lip_gap
from gesticulate.keypoints.person import CANONICAL, REST, Person, from_motion, to_motion
from gesticulate.keypoints.poses import Poses

MIRROR_116 = np.array(
    [list(layout.MOTION_POINTS).index(layout.MIRROR[i]) for i in layout.MOTION_POINTS]
)


def moved(poses: Poses, factor: float, shift: tuple[float, float]) -> Poses:
    points = poses.points.copy()
    points[..., :2] = points[..., :2] * factor + np.float32(shift)
    return replace(poses, points=points)


def test_a_motion_comes_back_from_the_person_who_does_it(make_motion, make_person):
    motion, person = make_motion(), make_person(3)
    again = to_motion(from_motion(motion, person, (256, 256)), person)
    assert np.abs(again.points - motion.points).max() < 2e-3
    assert np.array_equal(again.confidence, motion.confidence)


def test_poses_come_back_through_the_person_independent_frame(talking):
    person = Person.measure(talking)
    again = from_motion(to_motion(talking, person), person, talking.size)
    error = np.linalg.norm(again.xy - talking.xy, axis=-1)[:, layout.MOTION_POINTS]
    assert error.max() < 0.1


def test_two_people_who_do_the_same_have_the_same_motion(make_motion, make_person):
    motion = make_motion()
    people = make_person(1), make_person(2, width=140.0, neck=(300, 260))
    poses = [from_motion(motion, person, (600, 600)) for person in people]
    apart = np.abs(people[0].face.shape / 90 - people[1].face.shape / 140)[:, :2].max()
    one, other = (to_motion(p).points for p in poses)
    assert np.abs(one - other)[:, layout.MOTION_FACE].max() < min(0.012, apart)
    assert np.abs(one - other)[:, layout.MOTION_BODY].max() < 0.05


@pytest.mark.parametrize(("factor", "shift"), [(1.0, (40.0, -10.0)), (2.5, (0.0, 0.0))])
def test_size_and_place_in_the_picture_change_nothing(talking, factor, shift):
    plain, other = to_motion(talking), to_motion(moved(talking, factor, shift))
    assert np.abs(plain.points - other.points).max() < 1e-3


def test_a_flipped_picture_gives_the_flipped_motion(talking, mirror):
    plain, flipped = to_motion(talking), to_motion(mirror(talking))
    assert np.abs(flipped.points[:, MIRROR_116] * [-1, 1] - plain.points).max() < 1e-3


def test_a_photo_has_the_canonical_head(make_motion, make_person):
    photo = from_motion(make_motion()[3:4], make_person(5), (256, 256))
    motion = to_motion(photo)
    nose = layout.FACE_NOSE_TIP
    assert np.abs(motion.points[0, nose] - CANONICAL.nose).max() < 1e-5
    still = [*range(3), *range(14, 17), 27, 28, 29, *range(31, 36), 36, 39, 42, 45]
    assert np.abs(motion.points[0, still] - REST[still]).max() < 1e-5
    assert lip_gap(motion.points[0, :68]) > 0.02  # The photo's mouth is open, and that is kept.


def test_points_that_were_not_seen_rest_with_confidence_0(talking):
    points = talking.points.copy()
    points[:10, layout.LEFT_HAND] = 0
    points[:, layout.RIGHT_ELBOW] = 0
    motion = to_motion(Poses(points, talking.size))
    assert not motion.confidence[:10, layout.MOTION_LEFT_HAND].any()
    assert np.allclose(
        motion.points[:10, layout.MOTION_LEFT_HAND], REST[layout.MOTION_LEFT_HAND], atol=1e-6
    )
    assert motion.confidence[10:, layout.MOTION_LEFT_HAND].all()
    assert np.isfinite(motion.points).all()


def test_a_face_with_a_few_hidden_points_is_completed(talking):
    points = talking.points.copy()
    points[:, layout.FACE.start + 3 : layout.FACE.start + 9, 2] = 0
    plain, motion = to_motion(talking), to_motion(Poses(points, talking.size))
    assert not motion.confidence[:, 3:9].any()
    assert motion.confidence[:, 20].all()
    assert np.abs(motion.points[:, 17:68] - plain.points[:, 17:68]).max() < 0.01


def test_no_face_is_an_error_that_says_so(talking):
    points = talking.points.copy()
    points[:, layout.FACE, 2] = 0
    with pytest.raises(InputError, match="No face to measure"):
        Person.measure(Poses(points, talking.size))


def test_shoulders_outside_the_picture_are_guessed_from_the_face(talking):
    points = talking.points.copy()
    points[:, [layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]] = 0
    guessed = Person.measure(Poses(points, talking.size))
    known = Person.measure(talking)
    assert known.shoulders_seen
    assert not guessed.shoulders_seen
    assert abs(guessed.width / known.width - 1) < 0.1
    assert np.linalg.norm(guessed.neck - known.neck) < 0.1 * known.width


def test_closing_lips_brings_them_together_along_the_face():
    face = REST[layout.MOTION_FACE].copy()
    face[layout.FACE_NOSE_TIP] = 0
    face[65:68, 1] += 0.05
    face[55:60, 1] += 0.05
    roll = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    assert lip_gap(close_lips(face)) < 1e-3 < 0.03 < lip_gap(face)
    assert np.allclose(close_lips(face @ roll.T), close_lips(face) @ roll.T, atol=1e-9)
