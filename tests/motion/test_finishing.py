"""What is done behind every generator, a stranger's too; and the streams' seeds."""

import dataclasses

import numpy as np
import pytest
from nod_generator import NodGenerator

from gesticulate.errors import GesticulateError
from gesticulate.evaluation.blinks import blink_rate
from gesticulate.evaluation.lip_sync import lip_opening
from gesticulate.keypoints.layout import FACE_NOSE_TIP, MOTION_ARMS, MOTION_BODY
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST
from gesticulate.motion.finish import AS_IT_IS, FOR_TOKENS, RawMotion, finish, make_motion
from gesticulate.motion.lips import LOWER_INNER, set_opening
from gesticulate.motion.manner import Manner
from gesticulate.motion.seeds import draws, noise, stream_seed
from gesticulate.speech.track import SpeechFeatures

FPS = 25.0


def speech(frames, spoken=None):
    flat = np.zeros(frames, np.float32)
    voice = flat + 1
    if spoken is not None:
        voice[spoken:] = 0
    return SpeechFeatures(np.zeros((frames, 4), np.float32), voice, flat - 20, flat, FPS)


def reference():
    return Motion(REST[None].astype(np.float32), np.ones((1, 116), np.float32))


class TalkingHands:
    """A stranger's generator: hands that never rest, lips that never close, no first frame."""

    name, fps, speech_encoder = "stranger", FPS, "mel"

    def generate(self, speech, reference, *, seed=0):
        time = np.arange(len(speech)) / speech.fps
        points = np.repeat(REST[None], len(speech), axis=0)
        points[:, MOTION_BODY] += 0.3 + 0.1 * np.sin(2 * np.pi * time + seed)[:, None, None]
        points[:, FACE_NOSE_TIP, 0] += 0.05 * np.sin(time)
        points[:, LOWER_INNER[1:4], 1] += 0.04
        return Motion(points, np.ones((len(speech), 116)), speech.fps)


def test_a_strangers_motion_is_finished_too():
    made = make_motion(TalkingHands(), speech(500, spoken=300), reference())
    np.testing.assert_array_equal(made.points[0], reference().points[0])
    assert lip_opening(made)[20:290].max() > 0.05
    assert lip_opening(made)[310:].max() < 0.01
    away = np.abs(made.points - REST)[:, MOTION_BODY].max((1, 2))
    assert away[100:300].min() > 0.05
    assert away[-100:].max() < 1e-3
    assert blink_rate(made, FPS) > 5


def test_what_a_stranger_made_is_otherwise_left():
    """No smoothing, no calmed mouth, no posture: they would not know its motion."""
    raw = TalkingHands().generate(speech(300), reference())
    made = make_motion(TalkingHands(), speech(300), reference())
    np.testing.assert_allclose(
        made.points[50:, MOTION_ARMS], raw.points[50:, MOTION_ARMS], atol=1e-4
    )
    brows = slice(17, 27)
    np.testing.assert_allclose(made.points[50:, brows], raw.points[50:, brows], atol=1e-4)


def test_a_stranger_is_asked_for_fewer_and_smaller_gestures():
    full, half = (
        make_motion(TalkingHands(), speech(300), reference(), expressiveness=e).points - REST
        for e in (1.0, 0.5)
    )
    np.testing.assert_allclose(half[:, MOTION_ARMS], 0.5 * full[:, MOTION_ARMS], atol=1e-4)
    still = make_motion(TalkingHands(), speech(300), reference(), manner=Manner(amplitude=0))
    gesturing = slice(MOTION_ARMS.start + 2, MOTION_BODY.stop)
    np.testing.assert_allclose((still.points - REST)[:, gesturing], 0, atol=1e-5)


def test_a_generator_says_what_its_motion_needs():
    raw = TalkingHands().generate(speech(300), reference())
    no_blinks = dataclasses.replace(AS_IT_IS, blinks=False)
    opening = np.full(300, 0.03)
    known = RawMotion.of(raw, opening, no_blinks)
    made = finish(known, speech(300), reference())
    assert blink_rate(made, FPS) == 0
    assert blink_rate(finish(raw, speech(300), reference()), FPS) > 5
    # The expected opening is followed, and not the gap of the points.
    closed = RawMotion.of(set_opening(raw, np.zeros(300)), opening, no_blinks)
    assert lip_opening(finish(closed, speech(300), reference()))[20:].min() > 0.05
    half = known[100:200]
    assert (len(half), len(half.lip_opening), half.finishing) == (100, 100, no_blinks)


def test_the_manner_keeps_to_its_span():
    raw = RawMotion.of(TalkingHands().generate(speech(300), reference()), None, FOR_TOKENS)
    plain = finish(raw, speech(300), reference()).points
    small = finish(raw, speech(300), reference(), manner=Manner(amplitude=0), span=(100, 200))
    np.testing.assert_allclose(small.points[:100], plain[:100], atol=1e-5)
    np.testing.assert_allclose(small.points[200:], plain[200:], atol=1e-5)
    assert np.abs(small.points - plain)[120:180].max() > 0.05


def test_motion_that_is_not_the_speechs_is_refused():
    raw = NodGenerator().generate(speech(50), reference())
    with pytest.raises(GesticulateError, match=r"50 frames at 25 .* speech of 60 at 25"):
        finish(raw, speech(60), reference())
    points = raw.points.copy()
    points[7, 3] = np.nan
    with pytest.raises(GesticulateError, match="2 coordinates that are no finite"):
        finish(Motion(points, raw.confidence), speech(50), reference())


def test_streams_have_seeds_of_their_own():
    found = {stream_seed(seed, name) for seed in range(50) for name in ("face", "body", "blinks")}
    assert len(found) == 150
    assert min(found) >= 0
    assert stream_seed(-3, "face") != stream_seed(3, "face")
    # The same on every machine: a seed in somebody's notes goes on giving their video.
    assert stream_seed(0, "face") == 6119920142852913158
    assert draws(1, "blinks").random() == draws(1, "blinks").random()
    assert noise(1, "face").initial_seed() == stream_seed(1, "face")


def test_another_seed_blinks_elsewhere_and_a_longer_speech_the_same():
    def lids(frames, seed):
        made = finish(
            TalkingHands().generate(speech(frames), reference()),
            speech(frames),
            reference(),
            seed=seed,
        )
        return made.points[:, 37, 1] - REST[37, 1]

    assert np.abs(lids(250, 0) - lids(250, 1)).max() > 0.01
    np.testing.assert_allclose(lids(500, 0)[:250], lids(250, 0), atol=1e-6)
