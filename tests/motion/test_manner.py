"""Gesture rate, amplitude and style: that they do what they say, and touch nothing else."""

import numpy as np
import pytest

from gesticulate.errors import InputError, UsageError
from gesticulate.evaluation.gestures import amplitude
from gesticulate.keypoints.layout import FACE_NOSE_TIP, MOTION_FACE
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import CANONICAL, REST, from_motion
from gesticulate.motion.manner import AS_MADE, Manner, asked, in_manner
from gesticulate.motion.strokes import (
    GESTURING,
    WRISTS,
    apexes,
    stroke_rate,
    strokes,
    wrist_speed,
)
from gesticulate.motion.style import NAMED, Style, find
from gesticulate.speech.track import SpeechFeatures

FPS = 25.0
FRAMES = 1000  # 40 s


def gesturing(every: float = 1.0, size: float = 0.2, head: float = 0.03) -> Motion:
    """The right hand goes up or down once in so many seconds, in 0.4 s; the head sways."""
    time = np.arange(FRAMES) / FPS
    at, place = np.arange(0.5, FRAMES / FPS, every), np.zeros(FRAMES)
    for i, moment in enumerate(at):
        way = 0.5 * (1 - np.cos(np.pi * np.clip((time - moment) / 0.4 + 0.5, 0, 1)))
        place += size * way * (1 if i % 2 else -1)
    points = np.repeat(REST[None], FRAMES, axis=0)
    points[:, WRISTS[1], 1] += place
    points[:, FACE_NOSE_TIP, 0] += head * np.sin(time)
    return Motion(points, np.ones((FRAMES, 116)), FPS)


def speech() -> SpeechFeatures:
    """Four syllables a second, every third of them loud; somebody speaks all the time."""
    time = np.arange(FRAMES) / FPS
    loud = -30 + 6 * np.sin(2 * np.pi * 4 * time) + 4 * np.sin(2 * np.pi * 4 / 3 * time)
    flat = np.zeros((FRAMES, 1), np.float32)
    return SpeechFeatures(flat, np.ones(FRAMES, np.float32), loud, flat[:, 0], FPS)


def roughest(motion: Motion) -> float:
    """The largest acceleration of a wrist, in shoulder widths per frame squared."""
    return float(np.abs(np.diff(motion.points[:, WRISTS], 2, axis=0)).max())


def test_every_stroke_is_counted_once():
    assert np.abs(strokes(gesturing(1.0)) / FPS - np.arange(0.5, 40, 1.0)).max() <= 0.041
    assert stroke_rate(gesturing(1.0)) == pytest.approx(60)
    assert stroke_rate(gesturing(2.0)) == pytest.approx(30)
    # How large they are says nothing about how many they are, until nobody sees them.
    assert stroke_rate(gesturing(1.0, size=0.1)) == stroke_rate(gesturing(1.0, size=0.4))
    assert stroke_rate(gesturing(1.0, size=0.005)) == 0


def test_every_stroke_has_an_apex_where_the_hand_stops():
    """A stroke of 0.4 s about each second's half ends at 0.7 s, and the hand stays there."""
    found = apexes(gesturing(1.0)) / FPS
    assert len(found) == 40
    assert np.abs(found - np.arange(0.7, 40, 1.0)).max() <= 0.121
    # Back and forth without a rest, it turns at once.
    time = np.arange(FRAMES) / FPS
    points = np.repeat(REST[None], FRAMES, axis=0)
    points[:, WRISTS[0], 1] += 0.3 * np.cos(2 * np.pi * time)
    turns = apexes(Motion(points, np.ones((FRAMES, 116)), FPS)) / FPS
    assert np.abs(turns - np.round(2 * turns) / 2).max() <= 0.041
    assert not len(apexes(gesturing(1.0, size=0.005)))
    assert not len(apexes(gesturing()[:1]))


def test_unseen_wrists_make_no_strokes():
    motion = gesturing()
    confidence = motion.confidence.copy()
    confidence[:, WRISTS] = 0
    assert np.isnan(stroke_rate(Motion(motion.points, confidence, FPS)))
    confidence[500:, WRISTS] = 1
    points = np.where(confidence[..., None] > 0, motion.points, 0)
    assert stroke_rate(Motion(points, confidence, FPS)) == pytest.approx(60, abs=4)


@pytest.mark.parametrize("rate", [0.25, 0.5, 0.75, 1.25, 1.5])
def test_the_rate_is_that_of_the_strokes(rate):
    motion = gesturing()
    made = in_manner(motion, speech(), Manner(rate=rate))
    assert stroke_rate(made) == pytest.approx(60 * rate, rel=0.1)
    rest = np.ones(116, bool)
    rest[GESTURING] = False
    np.testing.assert_array_equal(made.points[:, rest], motion.points[:, rest])
    np.testing.assert_allclose(made.points[0], motion.points[0], atol=1e-6)
    # A new stroke begins while the hand is still busy with another one.
    assert roughest(made) < (1.5 if rate < 1 else 2.6) * roughest(motion)


def test_rate_zero_leaves_no_stroke_and_one_changes_nothing():
    motion = gesturing()
    assert stroke_rate(in_manner(motion, speech(), Manner(rate=0))) == 0
    assert in_manner(motion, speech(), AS_MADE) is motion


def test_strokes_are_kept_all_over_the_speech():
    motion = gesturing()
    made = in_manner(motion, speech(), Manner(rate=0.5))
    # They are strokes of the motion, as quick as they were.
    own = np.abs(strokes(made)[:, None] - strokes(motion)[None]).min(axis=1) <= 2
    assert own.mean() > 0.8
    fastest = [np.median(wrist_speed(m)[strokes(m)]) for m in (made, motion)]
    assert fastest[0] == pytest.approx(fastest[1], rel=0.2)
    quarters, _ = np.histogram(strokes(made), bins=4, range=(0, FRAMES))
    assert quarters.min() >= 3


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.7])
def test_the_amplitude_is_that_of_the_hands(factor):
    motion = gesturing()
    made = in_manner(motion, speech(), Manner(amplitude=factor))
    wanted = factor * amplitude(motion, "wrists")
    assert amplitude(made, "wrists") == pytest.approx(wanted, abs=1e-4)
    np.testing.assert_array_equal(made.points[:, MOTION_FACE], motion.points[:, MOTION_FACE])


def test_a_style_is_taken_on():
    motion = gesturing()
    wanted = Style(rate=40, amplitude=0.12, head=0.04)
    made = Style.of([in_manner(motion, speech(), Manner(style=wanted))])
    assert made.rate == pytest.approx(40, rel=0.1)
    assert made.amplitude == pytest.approx(0.12, rel=0.02)
    assert made.head == pytest.approx(0.04, rel=0.05)
    wide = Manner(amplitude=1.5, style=wanted)
    made = Style.of([in_manner(motion, speech(), wide)])
    assert made.amplitude == pytest.approx(1.5 * 0.12, rel=0.02)


def test_what_a_style_does_not_know_stays():
    motion = gesturing()
    nothing = Style(rate=float("nan"), amplitude=float("nan"), head=float("nan"))
    made = in_manner(motion, speech(), Manner(style=nothing))
    np.testing.assert_allclose(made.points, motion.points, atol=1e-6)
    still = Motion(np.repeat(REST[None], 50, axis=0), np.ones((50, 116)), FPS)
    lively = in_manner(still, speech(), asked("lively"))
    np.testing.assert_allclose(lively.points, still.points, atol=1e-6)


def test_a_style_by_example(tmp_path):
    motion = gesturing(every=0.8, size=0.3)
    from_motion(motion, CANONICAL, (512, 512)).save(tmp_path / "somebody.npz")
    style = find(tmp_path / "somebody.npz")
    assert style.rate == pytest.approx(75, rel=0.05)
    assert style.amplitude == pytest.approx(Style.of([motion]).amplitude, rel=0.2)
    from_motion(motion[:40], CANONICAL, (512, 512)).save(tmp_path / "short.npz")
    with pytest.raises(InputError, match=r"lasts 1\.6 s; a style needs 2 s"):
        find(tmp_path / "short.npz")
    with pytest.raises(InputError, match="No pose file"):
        find(tmp_path / "none.npz")


def test_what_cannot_be_asked_for_is_told():
    with pytest.raises(UsageError, match=r"gesture rate is 9\. Expected 0 to 1\.5"):
        asked(None, rate=9)
    with pytest.raises(UsageError, match="gesture amplitude is nan"):
        asked(None, amplitude=float("nan"))
    with pytest.raises(UsageError, match=r"no style 'livly'.*Did you mean 'lively'.*calm"):
        asked("livly")
    assert asked("calm") == Manner(style=NAMED["calm"])
