"""Which tokens are masked: in training at random, in decoding by the cosine schedule."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def masked_count(iteration: int, iterations: int, length: int) -> int:
    """How many of ``length`` tokens are masked again after ``iteration`` (1..iterations).

    ceil(cos(pi/2 * i/N) * T), Contextual Gesture appendix E; none after the last one.
    """
    if iteration >= iterations:
        return 0
    return math.ceil(math.cos(math.pi / 2 * iteration / iterations) * length)


def training_mask(free: Tensor, generator: torch.Generator) -> Tensor:
    """Choose U(0.5, 1) of each sample's free positions (at least one).

    free: [B, T] bool, positions that may be masked. Returns [B, T] bool.
    """
    ratio = 0.5 + 0.5 * torch.rand(len(free), 1, generator=generator)
    count = (ratio * free.sum(1, keepdim=True).cpu()).ceil()
    order = torch.rand(free.shape, generator=generator).masked_fill(~free.cpu(), 2.0)
    rank = order.argsort(1).argsort(1)
    return ((rank < count) & free.cpu()).to(free.device)


def corrupt(tokens: Tensor, chosen: Tensor, mask_token: int, generator: torch.Generator) -> Tensor:
    """BERT's rule for the chosen tokens: 80 % masked, 10 % random, 10 % kept.

    tokens: [B, T]; chosen: [B, T] bool; mask_token: also the number of codes. Returns [B, T].
    """
    kind = torch.rand(tokens.shape, generator=generator).to(tokens.device)
    other = torch.randint(mask_token, tokens.shape, generator=generator).to(tokens.device)
    tokens = torch.where(chosen & (kind < 0.8), mask_token, tokens)
    return torch.where(chosen & (kind >= 0.8) & (kind < 0.9), other, tokens)


def draw(
    logits: Tensor, temperature: float, generator: torch.Generator, keep: float = 0.9
) -> tuple[Tensor, Tensor]:
    """Draw a token at each place, with the noise from the CPU.

    logits: [B, T, K]. temperature: 0 takes the likeliest. keep: nucleus, the share of the
    probability that the candidates must cover. Returns tokens [B, T] and their
    probability [B, T] under the unfiltered logits at temperature 1.
    """
    logits = logits.float()
    probability = logits.softmax(-1)
    if temperature == 0:
        tokens = logits.argmax(-1)
    else:
        ranked, order = (logits / temperature).softmax(-1).sort(-1, descending=True)
        before = ranked.cumsum(-1) - ranked
        ranked = ranked.masked_fill(before > keep, 0.0)
        # Inverse transform sampling: one uniform number a token.
        level = torch.rand(logits.shape[:-1], generator=generator).to(logits.device)
        sums = ranked.cumsum(-1)
        place = (sums < level[..., None] * sums[..., -1:]).sum(-1, keepdim=True)
        tokens = order.gather(-1, place.clamp(max=logits.shape[-1] - 1))[..., 0]
    return tokens, probability.gather(-1, tokens[..., None])[..., 0]


def fill_in(
    predict: Callable[[Tensor], Tensor],
    tokens: Tensor,
    mask_token: int,
    iterations: int,
    temperature: float,
    generator: torch.Generator,
    choice_noise: float = 0.0,
) -> Tensor:
    """Replace the masked tokens in ``iterations`` steps, surest first.

    predict: [B, T] tokens -> logits [B, T, K]. tokens: [B, T] with `mask_token` where unknown;
    the others stay. Every sample must have the same number of masked tokens. choice_noise: Gumbel
    noise on the logarithm of the sureness, which falls to none at the last step (Chang et al.,
    "MaskGIT", CVPR 2022, whose program has 4.5). Returns [B, T].
    """
    length = int((tokens[0] == mask_token).sum())
    for iteration in range(1, iterations + 1):
        masked = tokens == mask_token
        drawn, sureness = draw(predict(tokens), temperature, generator)
        tokens = torch.where(masked, drawn, tokens)
        count = masked_count(iteration, iterations, length)
        # A token that was kept once stays kept, as in MoMask.
        if choice_noise:
            level = torch.rand(sureness.shape, generator=generator).clamp(1e-9, 1 - 1e-7)
            gumbel = -(-level.log()).log().to(sureness.device)
            sureness = sureness.log() + choice_noise * (1 - iteration / iterations) * gumbel
        sureness = sureness.masked_fill(~masked, torch.inf)
        unsure = sureness.argsort(1)[:, :count]
        tokens = tokens.scatter(1, unsure, mask_token)
    return tokens
