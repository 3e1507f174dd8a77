"""Spatial attention to the photo: one network writes its tokens down, another reads them.

Hu et al., "Animate Anyone" (CVPR 2024), section 3.2: the keys and values of a frame's
self-attention are its own tokens and, behind them, the tokens that the reference network has at the
same place. All attention processors here take the keywords that diffusers hands to every attention
of a transformer: ``photo`` and ``frames``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

PhotoTokens = dict[str, Tensor]
"""What the reference network writes, by the transformer's name: [R, tokens, C]."""


class WriteTokens:
    """Self-attention of the reference network, which notes its input: the normalised tokens."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        photo: PhotoTokens | None = None,
    ) -> Tensor:
        """hidden_states: [B, tokens, C]. photo: filled here."""
        if photo is not None:
            photo[self.name] = hidden_states
        return attend(attn, hidden_states, hidden_states)


class ReadTokens:
    """Self-attention of the denoising network, which also looks at the photo's tokens.

    rows: pictures at a time, which bounds the memory of the joined keys and values; None for all.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: int | None = None

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        photo: PhotoTokens | None = None,
        frames: int = 1,
    ) -> Tensor:
        """hidden_states: [B * frames, tokens, C]. photo: R <= B samples, which the last R of the
        batch read; the others, the unconditional half of guidance, see only themselves."""
        tokens = None if photo is None else photo[self.name]
        alone = len(hidden_states) - (0 if tokens is None else len(tokens) * frames)
        rows = self.rows or len(hidden_states)
        parts = [attend(attn, own, own) for own in hidden_states[:alone].split(rows) if len(own)]
        if tokens is not None:
            parts += self._joined(attn, hidden_states[alone:], tokens, frames, rows)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _joined(
        self, attn: Any, states: Tensor, tokens: Tensor, frames: int, rows: int
    ) -> list[Tensor]:
        """Attention to own tokens and the photo's, some pictures at a time."""
        # Projected once a sample, not once a frame.
        key, value = attn.to_k(tokens), attn.to_v(tokens)
        sample = torch.arange(len(states), device=states.device) // frames
        parts = []
        for own, which in zip(states.split(rows), sample.split(rows), strict=True):
            keys = torch.cat([attn.to_k(own), key[which]], dim=1)
            values = torch.cat([attn.to_v(own), value[which]], dim=1)
            parts.append(_finish(attn, _scaled(attn, attn.to_q(own), keys, values)))
        return parts


class TokenAttention:
    """Cross-attention to the photo's CLIP embedding."""

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        photo: PhotoTokens | None = None,
        frames: int = 1,
    ) -> Tensor:
        """hidden_states: [B, tokens, C]. encoder_hidden_states: [B, 1, D]."""
        if encoder_hidden_states.shape[1] == 1 and not torch.is_grad_enabled():
            # The softmax over one key is 1, whatever the query asks. (In training every parameter
            # must take part, or distributed gradients wait for it.)
            value = _finish(attn, attn.to_v(encoder_hidden_states))
            return value.expand(-1, hidden_states.shape[1], -1)
        return attend(attn, hidden_states, encoder_hidden_states)


def attend(attn: Any, queries: Tensor, context: Tensor) -> Tensor:
    """Plain attention by the projections of a diffusers `Attention`. [B, tokens, C] each."""
    value = attn.to_v(context)
    return _finish(attn, _scaled(attn, attn.to_q(queries), attn.to_k(context), value))


def _scaled(attn: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    split = [x.unflatten(-1, (attn.heads, -1)).transpose(1, 2) for x in (query, key, value)]
    return functional.scaled_dot_product_attention(*split).transpose(1, 2).flatten(2)


def _finish(attn: Any, attended: Tensor) -> Tensor:
    project, dropout = attn.to_out
    return dropout(project(attended))
