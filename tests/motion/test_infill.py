"""A span of a motion made anew between frames that stay, with the embedded weights."""

import itertools

import numpy as np
import pytest

from gesticulate.errors import UsageError
from gesticulate.evaluation.seams import seams
from gesticulate.keypoints.layout import MOTION_BODY, MOTION_FACE, MOTION_LEFT_HAND
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST
from gesticulate.motion.contextual import ContextualGenerator
from gesticulate.motion.finish import finish
from gesticulate.motion.infill import whole, windows
from gesticulate.speech.track import SpeechFeatures


@pytest.fixture(scope="module")
def generator():
    return ContextualGenerator()


def speech(frames, channels, seed=0):
    features = np.random.default_rng(seed).normal(size=(frames, channels)).astype(np.float32)
    flat = np.zeros(frames, np.float32)
    return SpeechFeatures(features, np.ones(frames, np.float32), flat, flat, 25.0)


def swinging(frames):
    """Hands that swing once in two seconds."""
    points = np.tile(REST, (frames, 1, 1)).astype(np.float32)
    points[:, 72:74, 1] -= 0.3 + 0.2 * np.sin(np.arange(frames) / 8)[:, None]  # the wrists
    return Motion(points, np.ones((frames, 116), np.float32))


def anew(generator, heard, own, span, **options):
    """The span made anew, and finished as the pipeline does."""
    raw = generator.infill(heard, own, span, **options)
    return finish(raw, heard, whole(own)[:1], seed=options.get("seed", 0))


@pytest.fixture(scope="module")
def heard(generator):
    return speech(150, generator.generator.options.speech_channels)


@pytest.mark.parametrize("length", [40, 100, 300])
@pytest.mark.parametrize("start", [0, 20, 35])
@pytest.mark.parametrize("stop", [40, 90, 300])
def test_windows_decide_every_frame_of_the_span(length, start, stop):
    stop = min(stop, length)
    found = windows((start, stop), length, 80, 16, 8)
    assert found[0][1] == start
    decided = start
    for first, begins in found:
        assert 0 <= first <= begins <= decided < first + 80
        assert start in (0, begins) or begins - first >= min(16, begins)
        decided = min(first + 80, stop)
    assert decided == stop
    assert found[-1][0] + 80 >= min(stop + 16, length)
    assert all(after - before <= 72 for (_, before), (_, after) in itertools.pairwise(found))


def test_the_context_stays_and_the_span_is_new(generator, heard):
    own = swinging(150)
    made = [anew(generator, heard, own, (60, 100), seed=seed).points for seed in (1, 1, 2)]
    np.testing.assert_array_equal(made[0], made[1])
    far = np.abs(made[0] - made[2]).max((1, 2))
    assert far[62:98].min() > 1e-3
    # Outside, all follow the motion's own tokens; the lips' mean opening is that of all frames.
    assert far[:40].max() < 1e-3
    moved = np.abs(made[0] - own.points)[:, MOTION_BODY]
    assert moved[10:45].mean() < 0.05
    assert moved[10:45].mean() < moved[62:98].mean()


def test_other_streams_keep_their_motion(generator, heard):
    own = swinging(150)
    made = generator.infill(heard, own, (60, 100), streams=("body",), seed=3)
    other = generator.infill(heard, own, (60, 100), streams=("body",), seed=4)
    np.testing.assert_allclose(
        made.points[:, MOTION_FACE][:, 27:36], other.points[:, MOTION_FACE][:, 27:36], atol=1e-5
    )


def test_a_span_longer_than_a_window_has_no_seam(generator):
    heard = speech(320, generator.generator.options.speech_channels)
    made = anew(generator, heard, swinging(320), (30, 290), streams=("body",)).points
    # Where a new window alone decides, behind the frames that fade from one to the other.
    joints = [begin + 8 for _, begin in windows((30, 290), 320, 80, 16, 8)[1:]]
    assert len(joints) >= 3
    found = seams(made[:, MOTION_BODY], joints)
    assert found.speed_ratio < 2
    assert found.acceleration_ratio < 2


def test_a_hand_out_of_sight_for_a_while_does_not_jump(generator, heard):
    own = swinging(150)
    confidence = own.confidence.copy()
    points = own.points.copy()
    confidence[70:80, MOTION_LEFT_HAND] = 0
    points[70:80, MOTION_LEFT_HAND] = 9.0
    gap = anew(generator, heard, Motion(points, confidence), (100, 130), seed=1)
    assert np.abs(gap.points).max() < 3
    assert (gap.confidence > 0.3).all()


def test_what_does_not_fit_is_refused(generator, heard):
    own = swinging(150)
    with pytest.raises(ValueError, match="span"):
        generator.infill(heard, own, (100, 160))
    with pytest.raises(ValueError, match="span"):
        generator.infill(heard, own[:120], (10, 60))
    with pytest.raises(UsageError, match="channels"):
        generator.infill(speech(150, 3), own, (10, 60))
