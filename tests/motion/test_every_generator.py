"""What every motion generator promises, asked of all of them."""

from dataclasses import replace

import numpy as np
import pytest
from stage_contracts import check_motion_generator
from tiny_generators import CHANNELS, GENERATORS

from gesticulate import registry, weights
from gesticulate.errors import UsageError, WeightsError
from gesticulate.evaluation.lip_sync import lip_opening
from gesticulate.evaluation.seams import seams
from gesticulate.keypoints.layout import FACE_NOSE_TIP, MOTION_BODY
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST
from gesticulate.motion.finish import finish, make_motion
from gesticulate.speech.features import MelEncoder
from gesticulate.speech.track import SpeechFeatures


@pytest.fixture(scope="module", params=GENERATORS)
def generator(request, tmp_path_factory):
    return GENERATORS[request.param](tmp_path_factory.mktemp("weights"))


def speech(frames, voice=None, seed=0, fps=25.0):
    rng = np.random.default_rng(seed)
    return SpeechFeatures(
        features=rng.normal(size=(frames, CHANNELS)).astype(np.float32),
        voice=np.ones(frames, np.float32) if voice is None else voice,
        energy=np.zeros(frames, np.float32),
        onset=np.zeros(frames, np.float32),
        fps=fps,
    )


def reference():
    points = REST[None].astype(np.float32).copy()
    points[:, MOTION_BODY] += 0.1
    return Motion(points, np.ones((1, 116), np.float32))


def test_it_keeps_the_contract(generator):
    check_motion_generator(generator, MelEncoder(), reference())


def test_it_is_registered(generator):
    assert registry.factory("motion_generators", generator.name) is type(generator)


@pytest.mark.parametrize("frames", [1, 2, 23, 24, 25, 81, 150])
def test_any_length_begins_at_the_reference(generator, frames):
    made = make_motion(generator, speech(frames), reference())
    assert made.points.shape == (frames, 116, 2)
    assert np.isfinite(made.points).all()
    np.testing.assert_array_equal(made.points[0], reference().points[0])
    np.testing.assert_array_equal(made.confidence, np.ones((frames, 116)))


def test_a_seed_is_a_motion(generator):
    a, b, c = (make_motion(generator, speech(100), reference(), seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(a.points, b.points)
    assert np.abs(a.points - c.points)[:, MOTION_BODY].max() > 1e-3


def test_seams_are_as_smooth_as_the_rest(generator):
    made = make_motion(generator, speech(800), reference())
    found = seams(made.points, generator.window_starts(800)[1:])
    assert found.count >= 10
    assert found.speed_ratio < 1.4
    assert found.acceleration_ratio < 1.4


def test_windows_cover_every_frame(generator):
    for length in (1, 24, 80, 81, 1000):
        starts = generator.window_starts(length)
        assert starts[0] == 0
        assert (np.diff(starts) > 0).all()
        assert starts[-1] < length


def test_the_beginning_does_not_depend_on_what_comes_much_later(generator):
    long = speech(400)
    made = make_motion(generator, long, reference())
    cut = SpeechFeatures(
        *(x[:200] for x in (long.features, long.voice, long.energy, long.onset)), 25.0
    )
    short = make_motion(generator, cut, reference())
    # The mouth is scaled by the whole speech. Each stream draws from a seed of its own.
    for part in (slice(17, 48), MOTION_BODY):
        np.testing.assert_allclose(made.points[:100, part], short.points[:100, part], atol=5e-3)


def test_expressiveness_scales_the_way_from_the_rest_pose(generator):
    raw = generator.generate(speech(60), reference())
    # Where the hands' speed is limited, half the way is not half of the limited one.
    raw = replace(raw, finishing=replace(raw.finishing, hand_speed=None))
    full, half = (finish(raw, speech(60), reference(), expressiveness=e).points for e in (1.0, 0.5))
    start = reference().points
    for part in (MOTION_BODY, FACE_NOSE_TIP):
        wanted = 0.5 * (full - start)[:, part]
        np.testing.assert_allclose((half - start)[:, part], wanted, atol=1e-4)


def test_silence_closes_the_mouth_and_rests_the_hands(generator):
    voice = np.ones(300, np.float32)
    voice[100:] = 0
    made = make_motion(generator, speech(300, voice), reference())
    assert lip_opening(made)[110:].max() < 0.01
    away = np.abs(made.points - reference().points)[:, MOTION_BODY].max((1, 2))
    assert away[-80:].max() < 1e-3
    assert away[40:100].max() > 0.01


def test_the_wrong_speech_encoder_is_named(generator):
    with pytest.raises(UsageError, match=rf"'{generator.name}' reads {CHANNELS} .* at 30"):
        make_motion(generator, speech(10, fps=30.0), reference())


@pytest.mark.parametrize("name", GENERATORS)
def test_missing_weights_are_named(name, tmp_path):
    with pytest.raises(WeightsError, match="No weights at"):
        registry.factory("motion_generators", name)(weights=str(tmp_path / "none.safetensors"))


def test_untrained_weights_name_the_command(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    untrained = [name for name in GENERATORS if name in weights.names() and weights.get(name).train]
    for name in untrained:
        with pytest.raises(WeightsError, match=f"gesticulate train {name}"):
            registry.build("motion_generators", name)
