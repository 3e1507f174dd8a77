"""The transformer block of the gesture generator: self-attention, speech attention, AdaIN."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn


def rotate(x: Tensor, positions: Tensor) -> Tensor:
    """Rotary position embedding (Su et al., RoFormer, equation 34).

    x: [B, H, N, D], D even; positions: [N], in frames. What attention sees of two rotated vectors
    depends on the distance of their positions alone.
    """
    half = x.shape[-1] // 2
    # Sequences are at most a few hundred frames long, so 1000 serves as the base instead of 10000.
    frequencies = 1000.0 ** (-torch.arange(half, device=x.device) / half)
    angles = positions[:, None] * frequencies
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


class Attention(nn.Module):
    """Multi-head attention with rotary positions, optionally to near frames only."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self,
        x: Tensor,
        context: Tensor,
        at: Tensor | None = None,
        context_at: Tensor | None = None,
        reach: int | None = None,
    ) -> Tensor:
        """x: [B, N, W] attends to context: [B, M, W].

        at, context_at: [N] and [M], positions in frames; without, tokens have no order. reach:
        attend to at most so many frames to either side; a token before the first frame
        (position < 0) sees everything.
        """
        q = rearrange(self.query(x), "b n (h d) -> b h n d", h=self.heads)
        k, v = rearrange(self.key_value(context), "b m (s h d) -> s b h m d", s=2, h=self.heads)
        # Written out: for windows of 80 frames PyTorch's fused attention is several times slower
        # backwards on a CPU, and memory is no concern.
        if at is not None and context_at is not None:
            q, k = rotate(q, at), rotate(k, context_at)
        nearness = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        if at is not None and context_at is not None and reach is not None:
            far = (at[:, None] - context_at[None, :]).abs() > reach
            nearness = nearness.masked_fill(far & (at >= 0)[:, None], -torch.inf)
        y = nearness.softmax(-1).to(v.dtype) @ v
        return self.out(rearrange(y, "b h n d -> b n (h d)"))


class AdaIN(nn.Module):
    """Adaptive instance normalisation over time (Huang & Belongie 2017, equation 8).

    The speaker's style sets each channel's scale and shift; a zero-initialised layer makes it
    plain instance normalisation at the start.
    """

    def __init__(self, width: int, style_dim: int) -> None:
        super().__init__()
        self.affine = nn.Linear(style_dim, 2 * width)
        nn.init.zeros_(self.affine.weight)
        nn.init.zeros_(self.affine.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x: [B, N, W]; style: [B, S]."""
        scale, shift = self.affine(style)[:, None].chunk(2, dim=-1)
        return self.normalise(x) * (1 + scale) + shift

    def normalise(self, x: Tensor) -> Tensor:
        """Each channel over time. x: [B, N, W] and the same out."""
        x = x - x.mean(1, keepdim=True)
        # Written out: PyTorch's variance along other dimensions than the last takes ten times as
        # long on a CPU.
        return x * (x.square().mean(1, keepdim=True) + 1e-4).rsqrt()


class SelfBlock(nn.Module):
    """Pre-norm self-attention and feed-forward."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.feed_forward = feed_forward(width, hidden, dropout)

    def forward(self, x: Tensor, at: Tensor, reach: int | None = None) -> Tensor:
        """x: [B, N, W]; at: [N], positions in frames."""
        y = self.norm(x)
        x = x + self.attention(y, y, at, at, reach)
        return x + self.feed_forward(x)


class GestureBlock(nn.Module):
    """Self-attention, cross-attention to speech, feed-forward with the speaker's AdaIN.

    Contextual Gesture, figure 3, draws one residual around both attentions and normalises after
    it. Here each attention has its own residual and is normalised before: with one residual
    around both, what self-attention found reaches the output only as the query of the second.
    cross: whether there is attention to speech; the ablations do without.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        hidden: int,
        style_dim: int,
        dropout: float,
        cross: bool = True,
    ) -> None:
        super().__init__()
        self.cross = cross
        self.self_norm = nn.LayerNorm(width)
        self.self_attention = Attention(width, heads)
        if cross:
            self.cross_norm = nn.LayerNorm(width)
            self.cross_attention = Attention(width, heads)
        self.feed_forward = feed_forward(width, hidden, dropout)
        self.adain = AdaIN(width, style_dim)

    def forward(
        self, x: Tensor, speech: Tensor, style: Tensor, at: Tensor, speech_at: Tensor, reach: int
    ) -> Tensor:
        """x: [B, N, W]; speech: [B, T, W]; style: [B, S]; at, speech_at: [N], [T] in frames."""
        y = self.self_norm(x)
        x = x + self.self_attention(y, y, at, at)
        if self.cross:
            x = x + self.cross_attention(self.cross_norm(x), speech, at, speech_at, reach)
        return x + self.adain(self.feed_forward(x), style)


def feed_forward(width: int, hidden: int, dropout: float) -> nn.Sequential:
    """LayerNorm and a two-layer MLP."""
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, hidden),
        nn.GELU(),
        nn.Linear(hidden, width),
        nn.Dropout(dropout),
    )
