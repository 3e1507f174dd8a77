"""Which frame an edit is drawn from, what is behind it, and where the drawing shows."""

import cv2
import numpy as np
import pytest

from gesticulate.errors import InputError
from gesticulate.keypoints import layout
from gesticulate.keypoints.person import Person
from gesticulate.keypoints.poses import Poses
from gesticulate.pipelines.edit.matte import composed, left_places, matte
from gesticulate.pipelines.edit.photo import best_photos, head_distance, sharpest
from gesticulate.pipelines.edit.plate import Plates, clean_plates, no_plates, person_at
from gesticulate.pipelines.edit.source import different

WIDTH, FRAMES, SPAN = 60.0, 60, (20, 40)
NOTHING = no_plates((512, 512))


@pytest.fixture
def person(pipeline, photo) -> np.ndarray:
    """[133, 3] of the person in the demo photo, with arms and hands put beside the body."""
    points = pipeline.estimator.detect(photo)[0]
    points[:, 2] = np.maximum(points[:, 2], 0.9)
    left = np.arange(layout.LEFT_HAND.start, layout.LEFT_HAND.stop)
    points[left, :2] = np.array([400.0, 400.0]) + np.random.default_rng(0).normal(size=(21, 2))
    points[left + 21, :2] = points[left, :2] - [300, 0]
    return points


def best(poses: Poses, hands: bool = True, heads: Poses | None = None) -> list[int]:
    """Frames to draw from, the best one first."""
    return list(best_photos(poses, SPAN, Person.measure(poses), hands=hands, heads=heads))


def turned(poses: Poses, yaw: float) -> Poses:
    """The poses with heads turned by so much of the face's depth."""
    face = Person.measure(poses).face
    points = poses.points.copy()
    nose = points[:, layout.FACE, :2][:, layout.FACE_NOSE_TIP, None]
    head = np.tile([[1.0, 0.0, yaw], [0.0, 1.0, 0.0]], (len(poses), 1, 1))
    points[:, layout.FACE, :2] = face.join(head, np.zeros((len(poses), 68, 2))) + nose
    return Poses(points, poses.size)


def test_the_photo_is_near_and_outside_the_span(person):
    poses = Poses(np.tile(person, (FRAMES, 1, 1)), (512, 512))
    assert best(poses)[0] in (20, 39)


def test_frames_without_hands_and_folded_hands_are_avoided(person):
    points = np.tile(person, (FRAMES, 1, 1))
    points[:45, layout.LEFT_HAND, 2] = 0
    assert best(Poses(points, (512, 512)))[0] >= 45
    points = np.tile(person, (FRAMES, 1, 1))
    points[30:, layout.RIGHT_HAND, :2] = points[30:, layout.LEFT_HAND, :2]
    assert best(Poses(points, (512, 512)))[0] <= 20


def test_nothing_to_draw_from_is_said(person):
    points = np.tile(person, (FRAMES, 1, 1))
    points[:, layout.LEFT_HAND.start : layout.RIGHT_HAND.stop, 2] = 0
    poses = Poses(points, (512, 512))
    with pytest.raises(InputError, match="an arm with its hand"):
        best(poses)
    assert best(poses, hands=False)[0] in (20, 39)
    measured = Person.measure(poses)
    points[:, layout.FACE, 2] = 0
    faceless = Poses(points, (512, 512))
    with pytest.raises(InputError, match="shows the whole face"):
        best_photos(faceless, SPAN, measured, hands=False, heads=None)


def test_the_photo_has_its_head_turned_as_the_span_has(person):
    frontal = Poses(np.tile(person, (FRAMES, 1, 1)), (512, 512))
    aside = turned(frontal, 0.4)
    points = frontal.points.copy()
    points[45:] = aside.points[45:]
    poses = Poses(points, (512, 512))
    away = head_distance(poses, aside[20:40], Person.measure(frontal))
    assert away[:45].min() > 3 * away[45:].max()
    assert best(poses)[0] in (20, 39)
    assert best(poses, heads=aside[20:40])[0] >= 45
    assert best(poses, heads=frontal[20:40])[0] in (20, 39)


def test_of_equals_the_sharp_one_is_the_photo(person):
    poses = Poses(np.tile(person, (4, 1, 1)), (512, 512))
    frame = np.random.default_rng(0).integers(0, 255, (512, 512, 3), dtype=np.uint8)
    blurred = cv2.GaussianBlur(frame, (0, 0), 3)
    frames = {0: blurred, 1: blurred, 2: frame, 3: blurred}
    for hands in (True, False):
        assert sharpest(dict.fromkeys(range(4), 5.0), frames, poses, hands=hands) == 2


def test_frames_for_a_plate_differ(person):
    points = np.tile(person, (FRAMES, 1, 1))
    points[7, layout.NOSE, 0] += 80
    points[50, layout.LEFT_WRIST, 1] -= 120
    assert {7, 50} < set(different(Poses(points, (512, 512)), 4))


def test_a_plate_shows_what_the_person_covers_in_some_frames(pipeline, photo):
    photo = cv2.resize(photo, (256, 256), interpolation=cv2.INTER_AREA)
    points = pipeline.estimator.detect(photo)[0]
    matte = person_at(photo)[..., None]
    rows, columns = np.mgrid[:256, :256]
    wall = np.dstack([120 + 60 * np.sin(columns / 9), 90 + rows / 4, 140 - columns / 4])
    frames, poses = [], []
    for shift in (-60, -60, -30, 0, 0, 30, 60, 60):
        moved = np.roll(np.dstack([photo, matte * 255]), shift, axis=1)
        alpha = moved[..., 3:] / 255
        frames.append((wall + alpha * (moved[..., :3] - wall)).astype(np.uint8))
        poses.append(points + np.array([shift, 0, 0]))
    plates = clean_plates(frames, Poses(np.array(poses), (256, 256)), 80.0)
    head = np.s_[40:110, 90:170]
    assert np.abs(frames[3][head] - wall[head]).mean() > 20
    assert np.abs(plates.background[head] - wall[head]).mean() < 8
    assert plates.known
    assert plates.seen[head].mean() > 0.9
    # In a frame that is a little brighter, the plate is so too.
    brighter = np.clip(frames[3] + 10.0, 0, 255).astype(np.uint8)
    behind = plates.behind(brighter, (matte[..., 0] > 0.1).astype(np.float32))
    assert 5 < (behind - plates.background)[head].mean() < 15

    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, wall.shape, dtype=np.uint8) for _ in frames]
    assert not clean_plates(noise, Poses(np.array(poses), (256, 256)), 80.0).known


def test_behind_a_hand_that_moves_away_is_the_plate(person):
    hand = slice(layout.LEFT_HAND.start, layout.LEFT_HAND.stop)
    moved = person.copy()
    moved[[layout.LEFT_WRIST, *range(hand.start, hand.stop)], :2] -= [60, 120]
    wall = np.full((512, 512, 3), (90, 120, 150), np.float32)
    everywhere = np.ones((512, 512), bool)
    plates = Plates(wall, everywhere, True, wall, everywhere, person[[5, 6], :2].astype(np.float64))
    real = wall.astype(np.uint8)
    real[390:410, 390:410] = (250, 200, 180)
    drawn = wall.astype(np.uint8)
    drawn[395:400, 380:400] = (250, 200, 180)  # a finger that the renderer has left behind
    drawn[270:290, 330:350] = (250, 200, 180)
    frame = composed(real, real, drawn, person, moved, WIDTH, plates)
    left = left_places(person, moved, real.shape, WIDTH)
    assert left[400, 400] > 0.9
    assert left[280, 340] == 0
    assert np.abs(frame[385:415, 375:415] - wall[385:415, 375:415]).max() < 3
    np.testing.assert_array_equal(frame[278:283, 338:343], drawn[278:283, 338:343])


def test_where_the_drawings_agree_the_frame_is_real(person):
    rng = np.random.default_rng(0)
    real = rng.integers(0, 255, (512, 512, 3), dtype=np.uint8)
    was = real.copy()
    # A drawing that is wrong far from the edit does no harm; near by it is replaced with it.
    was[400:420, 400:420] = 255 - was[400:420, 400:420]
    was[141:145, 100:140] = 0
    assert composed(real, was, was, person, person, WIDTH, NOTHING) is real
    edited = was.copy()
    edited[100:140, 100:140] = 255 - edited[100:140, 100:140] // 2
    frame = composed(real, was, edited, person, person, WIDTH, NOTHING)
    np.testing.assert_array_equal(frame[180:], real[180:])
    assert np.abs(frame[141:145, 110:130].astype(int) - edited[141:145, 110:130]).mean() < 40
    np.testing.assert_array_equal(frame[110:130, 110:130], edited[110:130, 110:130])
    assert composed(real, was, edited, person, person, WIDTH, NOTHING, share=0.0) is real


def test_the_place_a_limb_has_left_is_covered(person):
    moved = person.copy()
    hand = slice(layout.LEFT_HAND.start, layout.LEFT_HAND.stop)
    moved[hand, 0] -= 50
    blank = np.zeros((512, 512, 3), np.uint8)
    alpha = matte(blank, blank, person, moved, WIDTH)
    assert alpha[400, 400] > 0.9
    assert alpha[400, 100] == 0
