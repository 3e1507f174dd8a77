"""A photo's mouth that moves as it is told, on a head that moves as it may."""

import dataclasses

import numpy as np
import pytest
from nod_generator import NodGenerator

from gesticulate.keypoints.layout import MOTION_FACE
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.mouth import measure_mouth
from gesticulate.keypoints.person import REST
from gesticulate.motion.finish import make_motion
from gesticulate.motion.lips import set_opening
from gesticulate.motion.mouth_shape import shape_mouth
from gesticulate.speech.track import SpeechFeatures

FRAMES, FPS = 60, 25.0


def reference(opening: float = 0.0) -> Motion:
    still = Motion(REST[None].astype(np.float32), np.ones((1, 116), np.float32))
    return set_opening(still, np.array([opening]))


def still(of: Motion, frames: int = FRAMES) -> Motion:
    points = np.repeat(of.points, frames, axis=0)
    return Motion(points, np.ones(points.shape[:2], np.float32), FPS)


def told(**channels: float) -> np.ndarray:
    lips = np.zeros((FRAMES, 4), np.float32)
    for name, value in channels.items():
        lips[:, ("opening", "width", "jaw", "lower_lip").index(name)] = value
    return lips


def mouths(motion: Motion):
    return measure_mouth(motion.points[:, MOTION_FACE])


@pytest.mark.parametrize("smile", [0.0, 0.03])
def test_the_mouth_does_what_it_is_told_in_its_own_size(smile):
    """Whether the photo's lips are closed or parted."""
    photo = reference(smile)
    ones, none = np.ones(FRAMES), np.zeros(FRAMES)
    own = mouths(reference())
    lips = told(opening=0.3, width=-0.2, jaw=0.25, lower_lip=-0.05)
    made = mouths(shape_mouth(still(photo), photo, lips, ones, none))
    np.testing.assert_allclose(made.opening, 0.3 * own.width[0], atol=1e-3)
    np.testing.assert_allclose(made.width, 0.8 * own.width[0], rtol=1e-3)
    np.testing.assert_allclose(made.jaw - own.jaw, 0.25 * own.width[0], atol=1e-3)
    closed = mouths(shape_mouth(still(photo), photo, told(), ones, none))
    np.testing.assert_allclose(closed.opening, 0, atol=1e-6)
    assert (made.lower_lip < closed.lower_lip - 0.02).all()


def test_what_the_generators_mouth_did_is_gone_and_the_rest_stays():
    photo, ones, none = reference(), np.ones(FRAMES), np.zeros(FRAMES)
    motion = still(photo)
    rng = np.random.default_rng(0)
    motion.points[:, MOTION_FACE][:, 48:] += 0.02 * rng.standard_normal((FRAMES, 20, 2))
    motion.points[:, 100:] += 0.5
    made = shape_mouth(motion, photo, told(), ones, none)
    np.testing.assert_allclose(mouths(made).opening, 0, atol=1e-6)
    np.testing.assert_allclose(mouths(made).width, mouths(photo).width[0], rtol=1e-4)
    untouched = [*range(3), *range(14, 48)]
    np.testing.assert_allclose(
        made.points[:, MOTION_FACE][:, untouched],
        motion.points[:, MOTION_FACE][:, untouched],
        atol=1e-6,
    )
    np.testing.assert_array_equal(made.points[:, 100:], motion.points[:, 100:])


def test_a_mouth_at_rest_is_closed_and_one_that_begins_is_the_photos():
    photo = reference(0.03)
    lips = told(opening=0.4, width=0.1, jaw=0.3)
    share, fade = np.ones(FRAMES), np.zeros(FRAMES)
    share[30:], fade[0] = 0, 1
    made = shape_mouth(still(photo), photo, lips, share, fade)
    np.testing.assert_allclose(made.points[0], photo.points[0], atol=1e-5)
    np.testing.assert_allclose(mouths(made).opening[30:], 0, atol=1e-6)
    np.testing.assert_allclose(mouths(made).width[30:], mouths(photo).width[0], rtol=1e-4)


def test_lips_of_the_speech_come_before_the_generators():
    flat = np.zeros(FRAMES, np.float32)
    speech = SpeechFeatures(np.zeros((FRAMES, 4), np.float32), flat + 1, flat - 20, flat, FPS)
    heard = dataclasses.replace(speech, lips=told(opening=0.4))
    silent = dataclasses.replace(heard, voice=flat)
    own, lips, rest = (
        mouths(make_motion(NodGenerator(), given, reference())).opening
        for given in (speech, heard, silent)
    )
    wanted = 0.4 * mouths(reference()).width[0]
    np.testing.assert_allclose(lips[10:-1], wanted, atol=2e-3)
    assert abs(own[10:-1] - wanted).min() > 0.01
    np.testing.assert_allclose(rest[10:], 0, atol=1e-6)
    assert heard[5:9].lips.shape == (4, 4)
