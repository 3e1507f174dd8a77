"""Lips, blinks and the finishing of decoded motion."""

import numpy as np
import pytest

from gesticulate.evaluation.blinks import blink_rate
from gesticulate.evaluation.lip_sync import lip_opening
from gesticulate.keypoints.layout import MOTION_ARMS, MOTION_FACE, MOTION_LEFT_HAND
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST
from gesticulate.motion.blinks import add_blinks, closure
from gesticulate.motion.lips import (
    LOWER_INNER,
    UPPER_INNER,
    WIDEST,
    articulate,
    gate,
    opening,
    set_opening,
)
from gesticulate.motion.shaping import ARMS, SHOULDERS, calm_mouth, smooth, stay_near


def resting(frames):
    points = np.repeat(REST[None], frames, 0).astype(np.float32)
    return Motion(points, np.ones((frames, 116), np.float32))


def open_mouth(frames, by=0.04, tilt=0.0):
    """Lips apart by so many shoulder widths, the face rolled by ``tilt`` radians."""
    motion = resting(frames)
    points = motion.points.copy()
    face = points[:, MOTION_FACE]
    face[:, UPPER_INNER[1:4], 1] -= by / 4
    face[:, LOWER_INNER[1:4], 1] += 3 * by / 4
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]], np.float32)
    points[:, MOTION_FACE] = face @ turn
    return Motion(points, motion.confidence)


@pytest.mark.parametrize("tilt", [0.0, 0.4])
def test_lips_open_as_far_as_asked_for(tilt):
    motion = open_mouth(4, tilt=tilt)
    np.testing.assert_allclose(opening(motion), 0.04, atol=1e-3)
    wanted = np.array([opening(motion)[0], 0.02, 0.0, 0.07])
    made = set_opening(motion, wanted)
    np.testing.assert_allclose(opening(made), wanted, atol=1e-5)
    np.testing.assert_allclose(made.points[0], motion.points[0], atol=1e-6)
    moved = np.abs(made.points - motion.points).max((0, 2)) > 1e-6
    # Nothing above the upper lip moves, nor the body.
    assert not moved[17:48].any()
    assert not moved[68:].any()
    # The chin goes with the lower lip, about as far as it.
    chin = np.linalg.norm((made.points - motion.points)[:, 8], axis=-1)
    assert 0.4 * 0.04 < chin[2] < 0.04


def test_crossed_lips_are_pulled_apart():
    motion = open_mouth(4, by=-0.02)
    assert opening(motion).max() < 0
    made = set_opening(motion, np.array([0.0, 0.0, 0.03, 0.03]))
    np.testing.assert_allclose(opening(made), [0, 0, 0.03, 0.03], atol=1e-4)


def test_the_gate_opens_around_speech_within_a_tenth_of_a_second():
    voice = np.zeros(100)
    voice[40:60] = 1
    share = gate(voice, 25.0)
    assert share[42:58].min() > 0.99
    assert share[:34].max() < 0.01
    assert share[66:].max() < 0.01
    rise = ((share[:50] > 0.1) & (share[:50] < 0.9)).sum() / 25
    assert 0.04 <= rise <= 0.16
    voice[50:52] = 0
    assert gate(voice, 25.0)[42:58].min() > 0.95


@pytest.mark.parametrize("pause", [3, 4, 5, 6, 8, 12, 30])
def test_short_pauses_close_the_lips_too(pause):
    """A pause of a quarter of a second was talked through."""
    voice = np.ones(100)
    voice[40 : 40 + pause] = 0
    share = gate(voice, 25.0)
    within = share[40 : 40 + pause]
    assert within.min() < 0.15
    # Closed for 0.12 s at least, as closed as two tenths of a second of transition let them be.
    assert (within < 0.5).sum() >= 3
    assert share[:38].min() > 0.97
    assert share[42 + pause :].min() > 0.97
    # Long ones leave the lips their lead and lag.
    if pause >= 8:
        assert within[0] > 0.8
        assert within[-1] > 0.8


def test_the_gate_at_the_ends_and_of_silence():
    assert gate(np.zeros(40), 25.0).max() == 0
    assert gate(np.ones(40), 25.0).min() == 1
    voice = np.zeros(60)
    voice[20:40] = 1
    share = gate(voice, 25.0)
    assert share[:14].max() < 0.01
    assert share[46:].max() < 0.01
    assert share[18:42].min() > 0.65
    assert len(gate(np.zeros(0), 25.0)) == 0


def test_blinks_come_about_as_often_as_people_blink():
    frames = 25 * 180
    closed = closure(frames, 25.0, np.random.default_rng(0))
    blinking = add_blinks(resting(frames), closed)
    assert 12 <= blink_rate(blinking, 25.0) <= 28
    assert closed[0] == 0
    np.testing.assert_allclose(lip_opening(blinking), lip_opening(resting(frames)), atol=1e-6)


def test_smoothing_takes_jitter_and_leaves_a_stroke():
    rng = np.random.default_rng(0)
    still = resting(100)
    shaking = Motion(still.points + rng.normal(0, 0.01, still.points.shape), still.confidence)
    calmed = smooth(shaking, 0.03, 0.15, 0.06)
    body = slice(68, 116)
    before, after = (np.diff(m.points[:, body], axis=0).std() for m in (shaking, calmed))
    assert after < 0.35 * before
    shoulders = np.diff(calmed.points[:, SHOULDERS], axis=0).std()
    assert shoulders < 0.5 * np.diff(calmed.points[:, ARMS], axis=0).std()
    points = still.points.copy()
    stroke = 0.5 * np.sin(np.arange(100) / 25 * 2 * np.pi)
    points[:, body, 1] += stroke[:, None]
    kept = smooth(Motion(points, still.confidence), 0.03, 0.15, 0.06).points[:, 80, 1] - REST[80, 1]
    assert np.abs(kept[20:80]).max() > 0.85 * 0.5


def test_no_smoothing_leaves_the_motion():
    moved = resting(30)
    points = moved.points + np.random.default_rng(0).normal(0, 0.01, moved.points.shape)
    made = smooth(Motion(points, moved.confidence), 0, 0, 0)
    np.testing.assert_allclose(made.points, points, atol=1e-5)


def test_lips_open_with_the_expected_syllables_and_not_in_silence():
    time = np.arange(100) / 25
    expected = 0.02 + 0.01 * np.sin(2 * np.pi * 3 * time)
    share = np.ones(100)
    share[60:] = 0
    drawn = np.full(100, 0.03)
    made = articulate(drawn, expected, share)
    assert np.corrcoef(made[:60], expected[:60])[0, 1] > 0.95
    assert made[:60].std() > 1.2 * expected[:60].std()
    assert made.min() >= 0
    assert articulate(40 * drawn * time, expected, share).max() <= WIDEST
    assert (made[60:] == 0).all()


def test_a_calm_mouth_is_half_as_wide_of_neutral():
    motion = open_mouth(5)
    calm = calm_mouth(motion, 0.5)
    np.testing.assert_allclose(opening(calm), 0.5 * opening(motion), atol=1e-3)
    np.testing.assert_allclose(calm.points[:, 17:48], motion.points[:, 17:48], atol=1e-3)
    np.testing.assert_allclose(calm_mouth(resting(2), 0.5).points, resting(2).points, atol=1e-5)


def test_arms_that_wander_off_stay_near_with_their_strokes():
    motion = resting(500)
    points = motion.points.copy()
    stroke = 0.2 * np.sin(np.arange(500) / 25 * 2 * np.pi)
    points[:, ARMS, 1] += stroke[:, None] - 1.0
    points[:, MOTION_LEFT_HAND, 0] += 0.5
    made = stay_near(Motion(points, motion.confidence), motion[:1], 0.35)
    hand = (made.points - motion.points)[:, MOTION_LEFT_HAND, 0]
    np.testing.assert_allclose(hand, 0.4 * 0.35, atol=0.001)
    away = made.points[:, ARMS, 1] - REST[ARMS, 1]
    assert -0.351 < away.mean() < -0.33
    np.testing.assert_allclose(
        away[100:-100] - away[100:-100].mean(),
        np.repeat(stroke[100:-100, None], 4, axis=1),
        atol=0.01,
    )
    others = np.ones(116, bool)
    others[ARMS] = others[MOTION_LEFT_HAND] = False
    np.testing.assert_array_equal(made.points[:, others], motion.points[:, others])
    # What is near is left there.
    points = motion.points.copy()
    points[:, MOTION_ARMS] += 0.1
    near = stay_near(Motion(points, motion.confidence), motion[:1], 0.35)
    assert np.abs(near.points - points).max() < 0.01
