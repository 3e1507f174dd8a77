"""The measures of quality control on skeletons whose answer is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gesticulate.datasets.annotate import Remarks, repeated_share
from gesticulate.datasets.options import Quality
from gesticulate.datasets.quality import (
    NEAR,
    SEARCH,
    check_body,
    check_clip,
    check_sound,
    lag_correlation,
    lip_opening,
    measure_poses,
    measure_sound,
)
from gesticulate.keypoints import canonical, layout
from gesticulate.keypoints.poses import Poses

FRAMES = 150
EYES = 40.0


def speaker(opening: np.ndarray) -> Poses:
    """A person from the front; opening: [T] of the inner lips, in distances of the eye corners."""
    points = np.zeros((len(opening), layout.NUM_POINTS, 3), np.float32)
    points[..., 2] = 1
    points[:, layout.FACE, :2] = canonical.FACE[:, :2] * EYES + (128, 80)
    lower = [layout.FACE.start + i for i in (65, 66, 67)]
    upper = [layout.FACE.start + i for i in (61, 62, 63)]
    points[:, lower, 1] = points[:, upper, 1][:, ::-1] + EYES * opening[:, None]
    points[:, lower, 0] = points[:, upper, 0][:, ::-1]
    points[:, layout.LEFT_SHOULDER, :2] = (198, 160)
    points[:, layout.RIGHT_SHOULDER, :2] = (58, 160)
    return Poses(points, (256, 256))


def syllables(seed: int) -> np.ndarray:
    """[T] in 0..1 at the pace of syllables, other ones for other seeds."""
    rate = np.random.default_rng(seed).uniform(2, 5, FRAMES)
    return 0.5 + 0.5 * np.sin(2 * np.pi * np.cumsum(rate) / 25)


def clean(poses: Poses) -> dict[str, float]:
    return measure_poses(poses) | Remarks(((0.2,),) * 5, 0.0, 1.0).measures


def test_a_good_clip_passes() -> None:
    poses = speaker(0.2 * syllables(0))
    measures = clean(poses) | measure_sound(poses, np.ones(FRAMES), -40 + 20 * syllables(0))
    quality = Quality()
    assert check_clip(measures, quality)
    assert check_body(measures, quality)
    assert check_sound(measures, quality)
    assert measures["face_pixels"] == pytest.approx(EYES * (0.854 + 0.723), rel=0.01)
    assert measures["turn"] == pytest.approx(0, abs=0.01)
    assert measures["lip_sync"] == pytest.approx(1, abs=0.05)
    assert measures["lag"] == 0


@pytest.mark.parametrize(
    ("reason", "limits"),
    [
        ("face_pixels", {"min_face_pixels": 64.0}),
        ("change", {"min_change": 1.1}),
    ],
)
def test_limits_are_what_is_compared(reason: str, limits: dict[str, float]) -> None:
    measures = clean(speaker(0.2 * syllables(0)))
    verdict = check_clip(measures, dataclasses.replace(Quality(), **limits))
    assert not verdict
    assert (verdict.reason, verdict.limit) == (reason, next(iter(limits.values())))
    assert verdict.value == measures[reason]


def test_faces_that_are_not_seen() -> None:
    poses = speaker(0.2 * syllables(0))
    poses.points[:60, layout.FACE, 2] = 0
    verdict = check_clip(clean(poses), Quality())
    assert (verdict.reason, verdict.value) == ("face_seen", pytest.approx(0.6))


def test_a_face_turned_away() -> None:
    poses = speaker(0.2 * syllables(0))
    poses.points[:, layout.FACE.start + layout.FACE_NOSE_TIP, 0] += 0.7 * 2 * 0.781 * EYES
    verdict = check_clip(clean(poses), Quality())
    assert (verdict.reason, verdict.value) == ("turn", pytest.approx(0.7, abs=0.01))


def test_shoulders_out_of_the_picture_leave_the_head() -> None:
    poses = speaker(0.2 * syllables(0))
    poses.points[:, layout.RIGHT_SHOULDER, 2] = 0
    measures = clean(poses)
    assert check_clip(measures, Quality())
    assert check_body(measures, Quality()).reason == "shoulders_seen"


def test_a_second_person_must_be_seen_twice() -> None:
    alone, second = (0.2,), (0.2, 0.19)
    assert Remarks((alone, second, alone), 0, 1).other_face == 0
    assert Remarks((second, alone, second), 0, 1).other_face == pytest.approx(0.95)
    assert Remarks(((), alone), 0, 1).other_face == 0


@pytest.mark.parametrize(("rate", "share"), [(25, 0.0), (12.5, 0.5), (25 / 3, 2 / 3)])
def test_repeated_frames_are_counted(rate: float, share: float) -> None:
    shown = np.floor(np.arange(100) * rate / 25 + 1e-6)
    changes = np.abs(np.diff(shown)) * np.random.default_rng(0).uniform(0.8, 1.2, 99) + 0.01
    assert repeated_share(changes) == pytest.approx(share, abs=0.02)


def test_a_listener_and_a_film_without_speech() -> None:
    resting = speaker(np.full(FRAMES, 0.05))
    energy = -40 + 20 * syllables(0)
    listener = measure_sound(resting, np.ones(FRAMES), energy)
    assert check_sound(listener, Quality()).reason == "lip_motion"
    music = measure_sound(speaker(0.2 * syllables(0)), np.zeros(FRAMES), energy)
    assert check_sound(music, Quality()).reason == "voice"


def test_lips_against_the_sound() -> None:
    wave = syllables(0)
    verdict = check_sound(
        measure_sound(speaker(0.2 * wave), np.ones(FRAMES), np.full(FRAMES, -20.0)), Quality()
    )
    assert verdict, "a constant sound contradicts nothing"
    slow = 0.5 + 0.5 * np.sin(2 * np.pi * 2 * np.arange(FRAMES) / 25)
    late = 0.5 + 0.5 * np.sin(2 * np.pi * 2 * (np.arange(FRAMES) + 6) / 25)
    measures = measure_sound(speaker(0.2 * slow), np.ones(FRAMES), -40 + 20 * late)
    assert measures["lag"] == pytest.approx(-6 / 25, abs=1 / 25)


def test_lag_correlation_is_pearsons() -> None:
    lips, energy = syllables(1), -40 + 20 * syllables(2)
    found = lag_correlation(lips, energy)
    from scipy.signal import butter, sosfiltfilt

    band = butter(2, (1.5, 6.0), "bandpass", fs=25, output="sos")
    a, b = sosfiltfilt(band, lips), sosfiltfilt(band, np.maximum(energy, energy.max() - 30))
    for lag in (-SEARCH, -3, 0, 4, SEARCH):
        pairs = [(a[t], b[t + lag]) for t in range(FRAMES) if 0 <= t + lag < FRAMES]
        expected = np.corrcoef(np.array(pairs).T)[0, 1]
        assert found[SEARCH + lag] == pytest.approx(expected)
    assert NEAR < SEARCH


def test_lag_is_positive_where_the_sound_is_late() -> None:
    wave = syllables(0)
    measures = measure_sound(speaker(0.2 * wave), np.ones(FRAMES), -40 + 20 * np.roll(wave, 4))
    assert measures["lag"] == pytest.approx(4 / 25)
    assert measures["lip_sync"] > 0.9


def test_lip_opening_is_in_eye_distances() -> None:
    opening = 0.2 * syllables(0)
    poses = speaker(opening)
    np.testing.assert_allclose(lip_opening(poses), opening, atol=1e-5)
    poses.points[3, layout.FACE, 2] = 0
    assert np.isnan(lip_opening(poses)[3])


def test_too_little_to_compare_says_nothing() -> None:
    assert not lag_correlation(np.full(FRAMES, np.nan), np.zeros(FRAMES)).any()
    assert not lag_correlation(syllables(0)[:20], syllables(0)[:20]).any()
