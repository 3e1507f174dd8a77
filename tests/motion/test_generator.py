"""The networks of the gesture generator at tiny size."""

import dataclasses

import pytest
import torch

from gesticulate.motion.generator import GeneratorOptions, GestureGenerator
from gesticulate.motion.transformer import AdaIN, Attention, rotate
from gesticulate.motion.vectors import DESCRIPTION

TINY = GeneratorOptions(
    speech_channels=6, speakers=3, width=16, heads=2, hidden=32, layers=2, residual_layers=1,
    speech_layers=1, dropout=0.0, window=20, codes=12, levels=3, code_dim=8,
)  # fmt: skip


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    made = GestureGenerator(TINY, 136, 96).eval()
    for stream in made.streams.values():
        torch.nn.init.normal_(stream.start)
    return made


def condition(stream, speech, batch=1, starts=False, speaker=0, hide=None):
    torch.manual_seed(1)
    reference = torch.randn(1, DESCRIPTION).expand(batch, -1)
    return stream.condition(
        speech, reference, torch.full((batch,), starts), torch.full((batch,), speaker), hide
    )


def test_attention_agrees_with_plain_loops():
    torch.manual_seed(0)
    attention = Attention(8, 2)
    x, context = torch.randn(1, 5, 8), torch.randn(1, 6, 8)
    at, context_at = torch.arange(-1, 4), torch.arange(6)
    made = attention(x, context, at, context_at, reach=2)
    q = attention.query(x)[0].view(5, 2, 4)
    k, v = attention.key_value(context)[0].view(6, 2, 2, 4).unbind(1)
    rows = []
    for n in range(5):
        heads = []
        for h in range(2):
            query = rotate(q[None, n, None, h][:, :, None], at[n, None])[0, 0, 0]
            near = [m for m in range(6) if n == 0 or abs(int(at[n]) - m) <= 2]
            keys = torch.stack(
                [
                    rotate(k[None, m, None, h][:, :, None], context_at[m, None])[0, 0, 0]
                    for m in near
                ]
            )
            weight = (keys @ query / 4**0.5).softmax(0)
            heads.append(weight @ v[near, h])
        rows.append(attention.out(torch.cat(heads)))
    torch.testing.assert_close(made[0], torch.stack(rows), atol=1e-5, rtol=1e-4)


def test_rotary_attention_sees_distances_only():
    torch.manual_seed(0)
    q, k = torch.randn(1, 1, 1, 8), torch.randn(1, 1, 1, 8)

    def product(i, j):
        return (rotate(q, torch.tensor([i])) * rotate(k, torch.tensor([j]))).sum()

    torch.testing.assert_close(product(3, 7), product(13, 17), atol=1e-5, rtol=1e-4)
    assert not torch.isclose(product(3, 7), product(3, 9), atol=1e-3)


def test_adain_gives_each_channel_the_styles_mean_and_spread():
    adain = AdaIN(4, 3)
    torch.nn.init.normal_(adain.affine.weight)
    style = torch.randn(2, 3)
    made = adain(5 + 3 * torch.randn(2, 50, 4), style)
    scale, shift = adain.affine(style).chunk(2, -1)
    torch.testing.assert_close(made.mean(1), shift, atol=1e-4, rtol=0)
    torch.testing.assert_close(made.std(1, unbiased=False), (1 + scale).abs(), atol=1e-3, rtol=0)


def test_shapes(generator):
    for stream in generator.streams.values():
        known = condition(stream, torch.randn(2, 20, 6), batch=2)
        assert stream.base_logits(torch.full((2, 20), 12), known).shape == (2, 20, 12)
        for level in (1, 2):
            tokens = torch.zeros(2, 20, level, dtype=torch.long)
            assert stream.residual_logits(tokens, known).shape == (2, 20, 12)


def test_tokens_are_read_as_codes_and_predicted_by_nearness(generator):
    space = generator.face.space
    tokens = torch.randint(12, (1, 5, 2))
    plain = sum(space.codes[level][tokens[..., level]] for level in range(2))
    torch.testing.assert_close(space.read(tokens) * space.scale(0), plain)
    # A point on a code is nearest to it, and log-odds are differences of squared distances.
    point = space.codes[1, 3:4] / space.scale(1)
    logits = space.logits(point[None], 1)[0, 0]
    distances = ((space.codes[1] - space.codes[1, 3]) / space.scale(1)).square().sum(1)
    assert int(logits.argmax()) == 3
    slope = (logits[3] - logits) / distances.clamp(min=1e-9)
    assert slope[distances > 0].std() < 1e-4 * slope[distances > 0].mean()


def test_speech_start_speaker_and_hiding_all_matter(generator):
    stream = generator.face
    torch.nn.init.normal_(stream.base.blocks[0].adain.affine.weight, std=0.1)
    speech, masked = torch.randn(1, 20, 6), torch.full((1, 20), 12)

    def logits(sound, **known):
        return stream.base_logits(masked, condition(stream, sound, **known))

    plain = logits(speech)
    assert torch.equal(plain, logits(speech))
    for other in (
        logits(speech + 1),
        logits(speech, starts=True),
        logits(speech, speaker=1),
        logits(speech, hide=torch.tensor([True])),
    ):
        assert (plain - other).abs().max() > 1e-4
    hidden = [logits(s, hide=torch.tensor([True])) for s in (speech, speech + 1)]
    assert torch.equal(*hidden)


def test_cross_attention_to_speech_is_local():
    # Without self-attention's mixing, a change of sound reaches no further than the convolutions
    # of the speech encoder (+-4), its attention (+-reach) and the cross-attention (+-reach) do.
    options = dataclasses.replace(TINY, face_reach=2, layers=1, window=40)
    generator = GestureGenerator(options, 136, 96).eval()
    stream = generator.face
    torch.nn.init.zeros_(stream.base.blocks[0].self_attention.out.weight)
    # AdaIN's statistics mix all frames: give it nothing to normalise.
    torch.nn.init.zeros_(stream.base.blocks[0].feed_forward[-2].weight)
    speech = torch.randn(1, 40, 6)
    changed = speech.clone()
    changed[:, 20] += 1
    masked = torch.full((1, 40), 12)
    a, b = (stream.base_logits(masked, condition(stream, s)) for s in (speech, changed))
    felt = ((a - b).abs().amax(-1)[0] > 1e-6).nonzero()[:, 0]
    assert felt.min() >= 20 - 8
    assert felt.max() <= 20 + 8
    assert 20 in felt


def test_without_cross_attention_a_frame_is_told_its_own_speech_only():
    torch.manual_seed(0)
    options = dataclasses.replace(TINY, cross_attention=False)
    made = GestureGenerator(options, 136, 96).eval()
    assert not [name for name in made.state_dict() if ".cross_" in name]
    stream = made.body
    heard = condition(stream, torch.randn(1, 20, 6))
    tokens = torch.randint(12, (1, 20))
    logits = stream.base_logits(tokens, heard)
    assert logits.shape == (1, 20, 12)
    silent = dataclasses.replace(heard, speech=torch.zeros_like(heard.speech))
    assert (stream.base_logits(tokens, silent) - logits).abs().max() > 1e-4
    with torch.no_grad():
        stream.base.direct.weight.zero_()
    torch.testing.assert_close(
        stream.base_logits(tokens, silent), stream.base_logits(tokens, heard)
    )
