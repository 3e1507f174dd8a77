"""The networks of the dialogue generator against plain versions, and what they claim."""

import numpy as np
import pytest
import torch
from stage_contracts import check_dialogue_generator
from tiny_generators import CHANNELS, dialogue

from gesticulate.evaluation.lip_sync import lip_opening
from gesticulate.keypoints.layout import FACE_NOSE_TIP, MOTION_BODY
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST
from gesticulate.motion.dialogue.finish import make_talk
from gesticulate.motion.dialogue.network import (
    Heard,
    MutualAttention,
    PairDenoiser,
    PairOptions,
    TemporalInteraction,
)
from gesticulate.motion.dialogue.talk import Talk
from gesticulate.speech.features import MelEncoder
from gesticulate.speech.track import SpeechFeatures

WIDTH, HEADS = 8, 2


def plain_attention(module, x, context, at, context_at):
    """Multi-head attention with rotary positions, one query at a time, rotations by complex
    numbers. x: [N, W], context: [M, W]."""
    size = WIDTH // HEADS
    keys, values = (context @ w.T + b for w, b in zip(
        module.key_value.weight.chunk(2), module.key_value.bias.chunk(2), strict=True
    ))  # fmt: skip
    queries = x @ module.query.weight.T + module.query.bias
    speed = torch.tensor([1000.0 ** (-i / (size // 2)) for i in range(size // 2)])

    def turned(vector, place):
        pairs = torch.complex(vector[: size // 2], vector[size // 2 :])
        return pairs * torch.exp(1j * place * speed)

    rows = []
    for query, place in zip(queries, at, strict=True):
        parts = []
        for head in range(HEADS):
            part = slice(head * size, (head + 1) * size)
            q = turned(query[part], place)
            near = [
                (q * turned(key[part], other).conj()).real.sum() / size**0.5
                for key, other in zip(keys, context_at, strict=True)
            ]
            shares = torch.stack(near).softmax(0)
            parts.append(
                sum(share * value[part] for share, value in zip(shares, values, strict=True))
            )
        rows.append(torch.cat(parts))
    return torch.stack(rows) @ module.out.weight.T + module.out.bias


@pytest.fixture(autouse=True)
def fixed():
    torch.manual_seed(0)


def test_temporal_interaction_is_its_formula():
    module = TemporalInteraction(WIDTH, HEADS)
    with torch.no_grad():
        module.slope.fill_(3.0)
        module.offset.fill_(0.2)
    x, own, mix = torch.randn(5, WIDTH), torch.randn(4, WIDTH), torch.randn(4, WIDTH)
    at, heard_at = torch.arange(-1, 4), torch.arange(4)
    made = module(x[None], Heard(own[None], mix[None]), at, heard_at)[0]
    y = module.norm(x)
    m = plain_attention(module.own, y, own, at, heard_at)
    n = plain_attention(module.mix, y, mix, at, heard_at)
    correlation = sum(float((a @ b).detach()) for a in m for b in n) / 25 / WIDTH**0.5
    sigma = 1 / (1 + np.exp(-(3.0 * correlation + 0.2)))
    torch.testing.assert_close(made, x + sigma * m + (1 - sigma) * n, atol=1e-5, rtol=1e-4)
    assert 0 < sigma < 1


def test_mutual_attention_is_its_formula():
    module = MutualAttention(WIDTH, HEADS)
    x, partner, at = torch.randn(3, WIDTH), torch.randn(3, WIDTH), torch.arange(3)
    made = module(x[None], partner[None], at)[0]
    plain = x + plain_attention(module.attention, module.norm(x), partner, at, at)
    torch.testing.assert_close(made, plain, atol=1e-5, rtol=1e-4)


@pytest.fixture
def denoiser():
    sizes = PairOptions(CHANNELS, 6, 16, 2, 32, 2, dropout=0.0, window=10, history=3)
    return PairDenoiser(sizes).eval()


def inputs(size=2):
    noisy = torch.randn(size, 10, 6), torch.randn(size, 10, 6)
    history = torch.randn(size, 3, 6), torch.randn(size, 3, 6)
    speech = torch.randn(size, 10, 16), torch.randn(size, 10, 16)
    return noisy, torch.tensor([3, 70])[:size], history, speech, torch.randn(size, 10, 16)


def test_swapped_people_give_exactly_swapped_results(denoiser):
    noisy, step, history, speech, mix = inputs()
    first, second = denoiser(noisy, step, history, speech, mix)
    other = denoiser(noisy[::-1], step, history[::-1], speech[::-1], mix)
    assert torch.equal(first, other[1])
    assert torch.equal(second, other[0])
    assert not torch.equal(first, second)


@pytest.mark.parametrize("what", ["partner", "history", "own", "mix", "step"])
def test_everything_that_is_told_is_heard(denoiser, what):
    noisy, step, history, speech, mix = inputs(1)
    before = denoiser(noisy, step, history, speech, mix)[0]
    if what == "partner":
        noisy = noisy[0], noisy[1] + 1
    elif what == "history":
        history = history[0], history[1] + 1
    elif what == "own":
        speech = speech[0] + 1, speech[1]
    elif what == "mix":
        mix = mix + torch.randn_like(mix)
    else:
        step = step + 20
    assert (denoiser(noisy, step, history, speech, mix)[0] - before).abs().max() > 1e-4


def test_gradients_reach_every_weight(denoiser):
    noisy, step, history, _, _ = inputs()
    features = [torch.randn(2, 10, CHANNELS) for _ in range(3)]
    hide = torch.tensor([True, False])
    left, right, mix = (denoiser.hear(track, hide) for track in features)
    first, second = denoiser(noisy, step, history, (left, right), mix)
    (first.square().mean() + second.mean()).backward()
    still = [n for n, p in denoiser.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


def test_what_was_hidden_is_the_learned_vector(denoiser):
    features = torch.randn(2, 10, CHANNELS)
    heard = denoiser.hear(features, torch.tensor([True, False]))
    torch.testing.assert_close(heard[0], denoiser.unheard.expand(10, -1))
    torch.testing.assert_close(heard[1:], denoiser.hear(features[1:]))


def features(voice, seed):
    rng = np.random.default_rng(seed)
    frames = len(voice)
    made = rng.normal(size=(frames, CHANNELS)).astype(np.float32) * voice[:, None]
    flat = np.zeros(frames, np.float32)
    return SpeechFeatures(made, voice, flat, flat, 25.0)


def one_sided(frames=120):
    left, right = np.zeros(frames, np.float32), np.zeros(frames, np.float32)
    left[: frames // 2] = 1
    sides = features(left, 1), features(right, 2)
    mix = features(np.maximum(left, right), 3)
    return Talk(*sides, mix)


def reference(shift):
    points = REST[None].astype(np.float32).copy()
    points[:, MOTION_BODY] += shift
    return Motion(points, np.ones((1, 116), np.float32))


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    return dialogue(tmp_path_factory.mktemp("weights"))


def test_it_keeps_the_contract(generator):
    check_dialogue_generator(generator, MelEncoder(), (reference(0.1), reference(-0.1)))


def test_silence_of_one_does_not_freeze_the_other(generator):
    made = make_talk(generator, one_sided(), (reference(0.1), reference(0.1)), seed=1)
    talking = np.diff(made[0].points[:60, MOTION_BODY], axis=0)
    assert np.abs(talking).max((1, 2)).mean() > 1e-3
    head = np.abs(np.diff(made[1].points[:, FACE_NOSE_TIP], axis=0)).max(1)
    assert (np.convolve(head, np.ones(25), "valid") > 1e-4).all()
    # The silent one has closed lips from the moment the photo has eased out.
    assert lip_opening(made[1])[12:].max() < 0.01
    away = np.abs(made[1].points - reference(0.1).points)[:, MOTION_BODY]
    assert away[25:60].max() < 0.02
