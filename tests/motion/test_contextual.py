"""The motion generator as the pipeline uses it, with tiny random weights."""

import dataclasses

import numpy as np
import pytest
import torch

from gesticulate.errors import UsageError, WeightsError
from gesticulate.evaluation.lip_sync import lip_opening
from gesticulate.evaluation.seams import seams
from gesticulate.keypoints.layout import FACE_NOSE_TIP, MOTION_BODY
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST
from gesticulate.motion.checkpoint import (
    load_generator,
    load_tokenizers,
    save_generator,
    save_tokenizers,
)
from gesticulate.motion.contextual import ContextualGenerator, Speaker
from gesticulate.motion.finish import finish, make_motion
from gesticulate.motion.generator import NOBODY, GeneratorOptions, GestureGenerator
from gesticulate.motion.quantizer import UNUSED
from gesticulate.motion.tokenizer import MotionTokenizer, TokenizerOptions
from gesticulate.pipelines.stages import MotionGenerator
from gesticulate.speech.track import SpeechFeatures

CHANNELS = 6


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Weights files of tiny tokenizers and a tiny generator."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    pair = []
    for dims, spread in ((136, 0.02), (96, 0.2)):
        tokenizer = MotionTokenizer(
            TokenizerOptions(dims=dims, width=16, code_dim=8, codes=32, levels=3)
        )
        tokenizer.spread.fill_(spread)
        tokenizer(spread * torch.randn(8, 40, dims))
        pair.append(tokenizer)
    save_tokenizers(folder / "tokenizer.safetensors", *pair)
    options = GeneratorOptions(
        speech_channels=CHANNELS, speakers=2, width=16, heads=2, hidden=32, layers=1,
        residual_layers=1, speech_layers=1, codes=32, levels=3, code_dim=8,
    )  # fmt: skip
    generator = GestureGenerator(options, 136, 96)
    generator.face.space.take(pair[0].quantizer)
    generator.body.space.take(pair[1].quantizer)
    # The lower inner lip hangs, so that there is something for silence to close.
    generator.face.regress.bias.data[[2 * 65 + 1, 2 * 66 + 1, 2 * 67 + 1]] = 3.0
    save_generator(folder / "generator.safetensors", generator, ["somebody"])
    return str(folder / "tokenizer.safetensors"), str(folder / "generator.safetensors")


@pytest.fixture(scope="module")
def generator(files):
    return ContextualGenerator(*files)


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


def test_it_is_a_motion_generator(generator):
    assert isinstance(generator, MotionGenerator)


@pytest.mark.parametrize("frames", [1, 2, 79, 80, 81, 300])
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


def test_windows_cover_every_frame_once(generator):
    window, context, ahead = 80, generator.options.context, generator.options.lookahead
    for length in (1, 80, 81, 136, 137, 1000):
        starts = generator.window_starts(length)
        assert starts[0] == 0
        assert starts[-1] < length
        firsts = [max(0, start - context) for start in starts]
        assert firsts[-1] + window >= length
        for first, following in zip(firsts, starts[1:], strict=False):
            assert following == first + window - ahead


def test_seams_are_as_smooth_as_the_rest(generator):
    made = make_motion(generator, speech(1200), reference())
    found = seams(made.points, generator.window_starts(1200)[1:])
    assert found.count > 15
    assert found.speed_ratio < 1.4
    assert found.acceleration_ratio < 1.4


def test_an_hour_of_speech_has_windows_to_its_end(generator):
    starts = generator.window_starts(90_000)
    assert np.diff(starts).max() <= 80
    assert 90_000 - starts[-1] <= 80


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


def test_theexpected_opening_does_not_depend_on_its_pieces(generator, monkeypatch):
    import gesticulate.motion.contextual as module

    features = speech(150).features
    whole = generator.expected_opening(features, reference())
    monkeypatch.setattr(module, "PIECE", 40)
    pieces = generator.expected_opening(features, reference())
    np.testing.assert_allclose(pieces, whole, atol=1e-5)


def test_without_residual_levels_the_base_tokens_are_decoded(generator, monkeypatch):
    monkeypatch.setattr(
        generator, "options", dataclasses.replace(generator.options, residual=False)
    )
    features = speech(generator.generator.options.window).features
    with torch.inference_mode():
        speaker = generator.speaker("body", features, reference(), True)
        known = torch.full((1, len(features), generator.generator.options.levels), UNUSED)
        tokens, codes = generator.window("body", speaker, known, torch.Generator().manual_seed(0))
        quantizer = generator.tokenizers["body"].quantizer
    torch.testing.assert_close(codes, quantizer.lookup(tokens[..., :1]))
    assert tokens.shape[-1] == generator.generator.options.levels


def test_expressiveness_scales_the_way_from_the_rest_pose(generator):
    raw = generator.generate(speech(120), reference())
    # Where the hands' speed is limited, half the way is not half of the limited one.
    unlimited = dataclasses.replace(raw.finishing, hand_speed=None)
    raw = dataclasses.replace(raw, finishing=unlimited)
    made = {
        e: finish(raw, speech(120), reference(), expressiveness=e).points
        for e in (0.0, 0.5, 1.0, 2.0)
    }
    start = reference().points
    for part in (MOTION_BODY, FACE_NOSE_TIP):
        full = (made[1.0] - start)[:, part]
        for e in (0.0, 0.5, 2.0):
            np.testing.assert_allclose((made[e] - start)[:, part], e * full, atol=1e-4)


def test_silence_closes_the_mouth(generator):
    voice = np.ones(150, np.float32)
    voice[50:100] = 0
    made = make_motion(generator, speech(150, voice), reference())
    opening = lip_opening(made)
    assert opening[58:92].max() < 0.01
    assert opening[10:45].max() > 0.05


def test_hands_rest_in_long_silence(generator):
    voice = np.ones(400, np.float32)
    voice[100:] = 0
    made = make_motion(generator, speech(400, voice), reference())
    away = np.abs(made.points - reference().points)[:, MOTION_BODY].max((1, 2))
    assert away[-100:].max() < 1e-3
    assert away[40:100].max() > 0.01


def test_the_wrong_speech_encoder_is_named(generator):
    wrong = speech(10, fps=30.0)
    with pytest.raises(UsageError, match=r"6 channels at 25 .* 'mel'.* got 6 at 30"):
        make_motion(generator, wrong, reference())


def test_damaged_weights_are_named(files, tmp_path):
    broken = tmp_path / "broken.safetensors"
    with open(files[1], "rb") as file:
        broken.write_bytes(file.read()[:-100])
    with pytest.raises(WeightsError, match="damaged"):
        load_generator(broken)
    with pytest.raises(WeightsError, match="holds 'motion-generator'"):
        load_tokenizers(files[1])
    with pytest.raises(WeightsError, match="No weights at"):
        load_tokenizers(tmp_path / "none.safetensors")


@pytest.mark.parametrize("guidance", [1.0, 2.5])
def test_guidance_goes_away_from_what_is_said_without_speech(generator, guidance):
    """Logits of unheard + guidance (heard - unheard), each asked for by itself."""
    stream = generator.generator.body
    inputs = generator._inputs(speech(80).features, reference())
    speaker = Speaker(stream, *inputs, starts=True, guidance=guidance)
    row, starts = torch.tensor([NOBODY]), torch.tensor([True])
    heard, unheard = (
        stream.condition(*inputs, starts, row, torch.tensor([hidden])) for hidden in (False, True)
    )
    base = torch.randint(32, (1, 80), generator=torch.Generator().manual_seed(0))
    both = torch.stack([base, base.flip(1)], -1)
    with torch.no_grad():
        for made, by in (
            (speaker.base(base), lambda known: stream.base_logits(base, known)),
            (speaker.residual(both), lambda known: stream.residual_logits(both, known)),
        ):
            expected = by(unheard) + guidance * (by(heard) - by(unheard))
            torch.testing.assert_close(made, expected, atol=1e-4, rtol=1e-4)
            assert not torch.allclose(by(heard), by(unheard), atol=1e-3)
