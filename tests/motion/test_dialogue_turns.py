"""Two people in talk from a generator of one: who listens, and who is who."""

import numpy as np
import pytest
from nod_generator import NodGenerator
from stage_contracts import check_dialogue_generator

from gesticulate.evaluation.lip_sync import lip_opening
from gesticulate.keypoints.layout import FACE_NOSE_TIP, MOTION_BODY, MOTION_FACE
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST
from gesticulate.motion.dialogue.finish import make_talk
from gesticulate.motion.dialogue.listening import attention, cues, listen, nods
from gesticulate.motion.dialogue.talk import Talk, seeds
from gesticulate.motion.dialogue.turn_taking import TurnTaking
from gesticulate.motion.seeds import draws
from gesticulate.motion.shaping import join_face, split_face
from gesticulate.speech.features import MelEncoder
from gesticulate.speech.track import SpeechFeatures

FPS = 25.0


def voice(frames, *spans):
    found = np.zeros(frames, np.float32)
    for start, end in spans:
        found[start:end] = 1
    return found


def speech(voiced):
    flat = np.zeros(len(voiced), np.float32)
    return SpeechFeatures(np.zeros((len(voiced), 4), np.float32), voiced, flat - 20, flat, FPS)


def talk_of(left, right):
    return Talk(speech(left), speech(right), speech(np.maximum(left, right)))


def reference(shift=0.1):
    points = REST[None].astype(np.float32).copy()
    points[:, MOTION_BODY] += shift
    return Motion(points, np.ones((1, 116), np.float32))


def chatter(frames, seed=0):
    """A motion that never rests: open lips, moving hands and head."""
    rng = np.random.default_rng(seed)
    points = np.repeat(reference().points, frames, axis=0)
    points[:, MOTION_BODY] += 0.2 * rng.normal(size=(frames, 1, 2))
    points[:, FACE_NOSE_TIP] += 0.05 * rng.normal(size=(frames, 2))
    points[:, 55:60, 1] += 0.05
    points[:, 65:68, 1] += 0.05
    return Motion(points, np.ones((frames, 116), np.float32))


def test_who_listens_has_closed_lips_and_resting_hands():
    own, partner = voice(200, (0, 60)), voice(200, (70, 190))
    made = listen(chatter(200), own, partner, reference(), seed=0)
    share = attention(own, partner, FPS)
    assert share[:60].max() < 0.05
    assert share[95:].min() > 0.99
    assert lip_opening(made)[95:].max() < 0.005
    away = np.abs(made.points - reference().points)[:, MOTION_BODY].max((1, 2))
    assert away[95:].max() < 1e-2
    was = chatter(200)
    np.testing.assert_allclose(made.points[20:60], was.points[20:60], atol=0.01)
    np.testing.assert_array_equal(made.points[0], was.points[0])


def test_a_listeners_head_does_not_turn_away():
    frames = 150
    motion = chatter(frames)
    head, expression, nose = split_face(motion.points)
    head[:, 0, 2] += np.sin(np.radians(35))
    points = motion.points.astype(np.float64)
    join_face(points, head, expression, nose + np.array([0.4, 0]))
    turned = Motion(points, motion.confidence)
    made = listen(turned, voice(frames), voice(frames, (0, 40)), reference(), seed=0)
    head, _, nose = split_face(made.points)
    rest, _, rest_nose = split_face(reference().points)
    listening = slice(15, 50)
    assert np.degrees(np.arcsin(np.abs(head - rest)[listening].max())) < 8
    assert np.linalg.norm(nose - rest_nose, axis=1)[listening].max() < 0.08
    np.testing.assert_array_equal(made.points[-10:], turned.points[-10:])


def test_silence_of_one_does_not_freeze_the_other():
    frames = 250
    talk = talk_of(voice(frames, (0, 250)), voice(frames))
    made = make_talk(TurnTaking(NodGenerator()), talk, (reference(), reference()), seed=1)
    for motion in made:
        nose = motion.points[:, FACE_NOSE_TIP]
        moved = np.linalg.norm(np.diff(nose, axis=0), axis=1)
        assert (np.convolve(moved, np.ones(50), "valid") > 1e-3).all(), "two seconds of stillness"


def test_nobody_speaks_and_nobody_is_changed():
    still = voice(100)
    motion = chatter(100)
    assert listen(motion, still, still, reference(), seed=0) is motion


def test_turns_keep_the_contract():
    check_dialogue_generator(
        TurnTaking(NodGenerator()), MelEncoder(), (reference(0.1), reference(-0.05))
    )


@pytest.mark.parametrize("spans", [((0, 60), (80, 150)), ((90, 150), (0, 70)), ((0, 50), (0, 90))])
def test_the_seeds_go_with_the_voices(spans):
    talk = talk_of(voice(150, spans[0]), voice(150, spans[1]))
    assert seeds(talk, 5) == seeds(talk.swapped(), 5)[::-1]
    assert len({*seeds(talk, 5), *seeds(talk, 6)}) == 4


def test_nods_follow_the_partners_phrases_and_spare_the_own():
    partner = voice(500, (0, 60), (75, 150), (165, 240), (250, 262), (300, 480))
    rng = np.random.default_rng(0)
    ends = cues(partner, FPS, rng)
    assert {60 / FPS, 150 / FPS, 240 / FPS, 480 / FPS} <= set(ends)
    assert 262 / FPS not in ends, "half a second is no phrase"
    assert any(300 / FPS < moment < 480 / FPS for moment in ends), "seven seconds without a nod"
    counts = []
    for seed in range(20):
        pitch = nods(voice(500, (155, 200)), partner, FPS, np.random.default_rng(seed))
        assert pitch.min() >= 0
        assert pitch.max() < 7
        assert not pitch[155:200].any()
        counts.append(int((np.diff((pitch > 0).astype(int)) == 1).sum()))
    assert 2 <= np.mean(counts) <= 6
    assert not nods(voice(500), voice(500), FPS, rng).any()


def test_a_nod_takes_the_face_down_and_back():
    frames = 200
    own, partner = voice(frames), voice(frames, (0, 100))
    seed = next(s for s in range(20) if nods(own, partner, FPS, draws(s, "nods"))[90:].max() > 3)
    still = Motion(
        np.repeat(reference().points, frames, axis=0), np.ones((frames, 116), np.float32)
    )
    made = listen(still, own, partner, reference(), seed)
    pitch = nods(own, partner, FPS, draws(seed, "nods"))
    lowest = int(pitch.argmax())
    head, _, nose = split_face(made.points)
    rest, _, rest_nose = split_face(reference().points)
    # A rotation by a small angle about x has -angle in the second row's depth.
    angle = np.degrees(np.arcsin(-(head[lowest] - rest[0])[1, 2]))
    assert angle == pytest.approx(pitch[lowest], rel=0.1)
    assert nose[lowest, 1] > rest_nose[0, 1] + 0.01
    np.testing.assert_allclose(nose[-1], rest_nose[0], atol=1e-3)
    assert np.abs(made.points[:, MOTION_FACE]).max() < 3
