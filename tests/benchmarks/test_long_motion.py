"""The figures of long motion: what drifts is told, what does not is not."""

import numpy as np
import pytest
from controls import lip_change
from long_motion import drift, figures, repeated

from gesticulate.examples import demo_speech
from gesticulate.keypoints.layout import MOTION_BODY, MOTION_FACE
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST
from gesticulate.speech.track import SAMPLE_RATE

MINUTE = 1500


def swaying(lift: float = 0.0, size: float = 0.1, seed: int = 0) -> Motion:
    """A minute with arms so many shoulder widths higher than at rest, swaying about there."""
    points = np.repeat(REST[None], MINUTE, axis=0)
    phase = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    sway = size * np.sin(np.arange(MINUTE) / 25 * 2 * np.pi + phase)
    points[:, MOTION_BODY, 1] += sway[:, None] - lift
    return Motion(points, np.ones((MINUTE, 116)))


def test_a_posture_that_drifts_is_told():
    steady = [figures(swaying(seed=seed), swaying()) for seed in range(3)]
    rows = {row[0]: row[1:] for row in drift(steady)}
    assert abs(rows["mean pose, body"][2]) < 0.01
    assert rows["amplitude, wrists"][0] == pytest.approx(0.1 / np.sqrt(2), rel=0.02)
    lifted = [*steady, figures(swaying(lift=0.5, size=0.02), swaying())]
    rows = {row[0]: row[1:] for row in drift(lifted)}
    # Hand points are relative to their wrist: moved with it, they rise twice as far.
    hands_too = 0.5 + 0.5 * 42 / 48
    assert 0.5 - 0.01 < rows["mean pose, body"][2] < hands_too + 0.01
    assert rows["amplitude, wrists"][2] < -0.05
    assert abs(rows["mean pose, face"][2]) < 1e-6


def test_speeches_are_repeated_for_as_long_as_asked():
    speech = repeated((demo_speech(), demo_speech()), 30.0)
    assert len(speech.waveform) == 30 * SAMPLE_RATE
    once = repeated((demo_speech(),), 5.0).waveform
    np.testing.assert_array_equal(speech.waveform[: len(once)], once)


def test_lips_that_differ_are_told():
    motion = swaying()
    assert lip_change([motion], [motion]) == 0
    points = motion.points.copy()
    points[:, MOTION_FACE][:, [65, 66, 67], 1] += 0.03
    assert lip_change([Motion(points, motion.confidence)], [motion]) > 0.03
