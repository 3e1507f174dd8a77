"""Masks and decoding of the masked generator."""

import math

import pytest
import torch

from gesticulate.motion.masking import corrupt, draw, fill_in, masked_count, training_mask

MASK = 32


def test_the_cosine_schedule():
    for length in (1, 64, 80):
        counts = [masked_count(i, 5, length) for i in range(1, 6)]
        assert counts == [
            math.ceil(math.cos(math.pi / 2 * i / 5) * length) for i in range(1, 5)
        ] + [0]


def test_fill_in_masks_as_many_as_the_schedule_says_and_keeps_what_is_sure():
    generator = torch.Generator().manual_seed(0)
    seen = []
    logits = torch.randn(1, 40, MASK, generator=generator) * 3

    def predict(tokens):
        seen.append(tokens.clone())
        return logits

    start = torch.full((1, 40), MASK)
    start[:, :8] = 7
    filled = fill_in(predict, start, MASK, 5, 0.0, generator)
    masked = [int((tokens == MASK).sum()) for tokens in seen]
    assert masked == [32] + [masked_count(i, 5, 32) for i in range(1, 5)]
    assert (filled != MASK).all()
    assert (filled[:, :8] == 7).all()
    for before, after in zip(seen, [*seen[1:], filled], strict=True):
        kept = before != MASK
        assert torch.equal(before[kept], after[kept])
    # The surest token of all is kept first.
    sureness = logits.softmax(-1).max(-1).values[0, 8:]
    assert seen[1][0, 8 + int(sureness.argmax())] != MASK


def test_between_half_and_all_of_the_free_positions_are_masked():
    generator = torch.Generator().manual_seed(0)
    free = torch.ones(500, 80, dtype=torch.bool)
    free[:, :16] = False
    chosen = training_mask(free, generator)
    assert not (chosen & ~free).any()
    share = chosen.sum(1) / 64
    assert share.min() >= 0.5
    assert share.max() <= 1.0
    assert share.mean() == pytest.approx(0.75, abs=0.02)
    assert chosen[:, 16:].float().mean(0).std() < 0.05


def test_berts_rule():
    generator = torch.Generator().manual_seed(0)
    tokens = torch.zeros(200, 100, dtype=torch.long)
    chosen = torch.rand(tokens.shape, generator=generator) < 0.5
    shown = corrupt(tokens, chosen, 1000, generator)
    assert torch.equal(shown[~chosen], tokens[~chosen])
    of_chosen = shown[chosen]
    assert (of_chosen == 1000).float().mean() == pytest.approx(0.8, abs=0.02)
    assert (of_chosen == 0).float().mean() == pytest.approx(0.1, abs=0.02)
    assert ((of_chosen > 0) & (of_chosen < 1000)).float().mean() == pytest.approx(0.1, abs=0.02)


def test_draw_follows_the_distribution_within_the_nucleus():
    logits = torch.tensor([0.6, 0.3, 0.06, 0.04]).log().expand(1, 20000, 4)
    tokens, probability = draw(logits, 1.0, torch.Generator().manual_seed(0), keep=0.85)
    shares = torch.bincount(tokens[0], minlength=4) / 20000
    torch.testing.assert_close(shares, torch.tensor([2 / 3, 1 / 3, 0.0, 0.0]), atol=0.02, rtol=0)
    torch.testing.assert_close(
        probability, logits.softmax(-1).gather(-1, tokens[..., None])[..., 0]
    )
    assert (draw(logits, 0.0, torch.Generator())[0] == 0).all()


def test_choice_noise_keeps_others_than_the_surest_first():
    sureness = torch.linspace(0.5, 0.99, 40)
    logits = torch.zeros(1, 40, MASK)
    logits[0, :, 0] = (sureness * (MASK - 1) / (1 - sureness)).log()
    seen = []

    def predict(tokens):
        seen.append(tokens.clone())
        return logits

    def kept_first(noise, seed):
        seen.clear()
        start = torch.full((1, 40), MASK)
        generator = torch.Generator().manual_seed(seed)
        filled = fill_in(predict, start, MASK, 5, 0.0, generator, noise)
        assert (filled == 0).all()
        return set((seen[1][0] != MASK).nonzero()[:, 0].tolist())

    count = 40 - masked_count(1, 5, 40)
    assert kept_first(0.0, 0) == set(range(40 - count, 40))
    noisy = [kept_first(4.5, seed) for seed in range(20)]
    assert all(len(kept) == count for kept in noisy)
    assert len(set().union(*noisy)) > 10
    assert kept_first(4.5, 3) == kept_first(4.5, 3)
