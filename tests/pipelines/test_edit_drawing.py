"""Which frame an edit is drawn from, and where the drawing shows."""

import numpy as np
import pytest

from gesticulate.errors import InputError
from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses
from gesticulate.pipelines.edit.matte import composed, matte
from gesticulate.pipelines.edit.photo import choose_photo

WIDTH, FRAMES, SPAN = 60.0, 60, (20, 40)


@pytest.fixture
def person(pipeline, photo) -> np.ndarray:
    """[133, 3] of the person in the demo photo, with arms and hands put beside the body."""
    points = pipeline.estimator.detect(photo)[0]
    points[:, 2] = np.maximum(points[:, 2], 0.9)
    left = np.arange(layout.LEFT_HAND.start, layout.LEFT_HAND.stop)
    points[left, :2] = np.array([400.0, 400.0]) + np.random.default_rng(0).normal(size=(21, 2))
    points[left + 21, :2] = points[left, :2] - [300, 0]
    return points


def test_the_photo_is_near_and_outside_the_span(person):
    poses = Poses(np.tile(person, (FRAMES, 1, 1)), (512, 512))
    assert choose_photo(poses, SPAN, WIDTH, True) in (20, 39)


def test_frames_without_hands_and_folded_hands_are_avoided(person):
    points = np.tile(person, (FRAMES, 1, 1))
    points[:45, layout.LEFT_HAND, 2] = 0
    assert choose_photo(Poses(points, (512, 512)), SPAN, WIDTH, True) >= 45
    points = np.tile(person, (FRAMES, 1, 1))
    points[30:, layout.RIGHT_HAND, :2] = points[30:, layout.LEFT_HAND, :2]
    assert choose_photo(Poses(points, (512, 512)), SPAN, WIDTH, True) <= 20


def test_nothing_to_draw_from_is_said(person):
    points = np.tile(person, (FRAMES, 1, 1))
    points[:, layout.LEFT_HAND.start : layout.RIGHT_HAND.stop, 2] = 0
    poses = Poses(points, (512, 512))
    with pytest.raises(InputError, match="an arm with its hand"):
        choose_photo(poses, SPAN, WIDTH, True)
    assert choose_photo(poses, SPAN, WIDTH, False) in (20, 39)
    points[:, layout.FACE, 2] = 0
    with pytest.raises(InputError, match="the whole face"):
        choose_photo(Poses(points, (512, 512)), SPAN, WIDTH, False)


def test_where_the_drawings_agree_the_frame_is_real(person):
    rng = np.random.default_rng(0)
    real = rng.integers(0, 255, (512, 512, 3), dtype=np.uint8)
    was = real.copy()
    # A drawing that is wrong far from the edit does no harm; near by it is replaced with it.
    was[400:420, 400:420] = 255 - was[400:420, 400:420]
    was[141:145, 100:140] = 0
    assert composed(real, was, was, person, person, WIDTH) is real
    edited = was.copy()
    edited[100:140, 100:140] = 255 - edited[100:140, 100:140] // 2
    frame = composed(real, was, edited, person, person, WIDTH)
    np.testing.assert_array_equal(frame[180:], real[180:])
    assert np.abs(frame[141:145, 110:130].astype(int) - edited[141:145, 110:130]).mean() < 40
    np.testing.assert_array_equal(frame[110:130, 110:130], edited[110:130, 110:130])
    assert composed(real, was, edited, person, person, WIDTH, share=0.0) is real


def test_the_place_a_limb_has_left_is_covered(person):
    moved = person.copy()
    hand = slice(layout.LEFT_HAND.start, layout.LEFT_HAND.stop)
    moved[hand, 0] -= 50
    blank = np.zeros((512, 512, 3), np.uint8)
    alpha = matte(blank, blank, person, moved, WIDTH)
    assert alpha[400, 400] > 0.9
    assert alpha[400, 100] == 0
