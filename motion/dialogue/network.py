"""The denoiser of Co3Gesture (Qi et al., ICLR 2025), in 2D: two branches with shared weights.

Each branch denoises one person's motion from the own speech and the mix of both (temporal
interaction), and from what the other branch's motion encoder makes of the partner (mutual
attention). Its code is not published; what paper and page leave open is filled in here: history
frames before the window and the noise are those of our skeleton diffusion, self-attention and a
feed-forward layer a block, and speech added to the own frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..content import ContentEncoder, ContentOptions
from ..diffusion.noise import NoiseOptions
from ..diffusion.skeleton_network import StepEmbedding
from ..heard import BEFORE_RECORDED
from ..transformer import Attention, SelfBlock, feed_forward
from ..vectors import BODY_DIMS, FACE_DIMS

Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class PairOptions:
    """Sizes of the denoiser.

    speech_channels, speech_encoder: of the speech encoder it reads, and its name. dims: numbers of
    a frame. width, heads, hidden: of all transformers. layers: blocks. encoder_layers: of the
    motion encoder. speech_layers, speech_reach: of the speech encoder. window: frames made at a
    time. history: clean frames before them.
    """

    speech_channels: int
    dims: int = FACE_DIMS + BODY_DIMS
    width: int = 192
    heads: int = 4
    hidden: int = 576
    layers: int = 4
    encoder_layers: int = 1
    speech_layers: int = 1
    speech_reach: int = 8
    dropout: float = 0.1
    window: int = 80
    history: int = 8
    noise: NoiseOptions = field(default_factory=NoiseOptions)
    speech_encoder: str = BEFORE_RECORDED


class Heard(NamedTuple):
    """Encoded speech [B, T, W]: the own, and the mix of both."""

    own: Tensor
    mix: Tensor


class TemporalInteraction(nn.Module):
    """TIM: how much a person goes with the own words, and how much with the talk as a whole.

    m = CrossAttn(x, own speech), n = CrossAttn(x, mix), sigma = pool(m n^T) in (0, 1),
    x <- x + sigma m + (1 - sigma) n. The pooling of the T x T correlation map is not published: its
    mean through a learned logistic function.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.own = Attention(width, heads)
        self.mix = Attention(width, heads)
        self.slope = nn.Parameter(torch.ones(()))
        self.offset = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, heard: Heard, at: Tensor, heard_at: Tensor) -> Tensor:
        """x: [B, N, W]; at, heard_at: [N] and [T], positions in frames. Returns [B, N, W]."""
        y = self.norm(x)
        m = self.own(y, heard.own, at, heard_at)
        n = self.mix(y, heard.mix, at, heard_at)
        sigma = self.share(m, n)
        return x + sigma * m + (1 - sigma) * n

    def share(self, m: Tensor, n: Tensor) -> Tensor:
        """sigma: [B, N, W] twice -> [B, 1, 1]."""
        correlation = m @ n.transpose(1, 2) * m.shape[-1] ** -0.5
        return torch.sigmoid(self.slope * correlation.mean((1, 2), keepdim=True) + self.offset)


class MutualAttention(nn.Module):
    """Queries from one person, keys and values from the other one's motion encoder; residual."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)

    def forward(self, x: Tensor, partner: Tensor, at: Tensor) -> Tensor:
        """x, partner: [B, N, W]; at: [N], positions in frames. Returns [B, N, W]."""
        return x + self.attention(self.norm(x), partner, at, at)


class PairBlock(nn.Module):
    """One block of a branch; both branches pass the same one."""

    def __init__(self, options: PairOptions) -> None:
        super().__init__()
        width, heads = options.width, options.heads
        self.norm = nn.LayerNorm(width)
        self.self_attention = Attention(width, heads)
        self.interaction = TemporalInteraction(width, heads)
        self.mutual = MutualAttention(width, heads)
        self.feed_forward = feed_forward(width, options.hidden, options.dropout)

    def forward(
        self, x: Tensor, partner: Tensor, heard: Heard, at: Tensor, heard_at: Tensor
    ) -> Tensor:
        """x: [B, N, W], one person; partner: [B, N, W], the other one's motion encoder's."""
        y = self.norm(x)
        x = x + self.self_attention(y, y, at, at)
        x = self.interaction(x, heard, at, heard_at)
        x = self.mutual(x, partner, at)
        return x + self.feed_forward(x)


class PairDenoiser(nn.Module):
    """Noisy motion vectors of two people, the frames before them and speech -> clean ones.

    Vectors are normalised: `normalise` and `restore` go there and back.
    """

    def __init__(self, options: PairOptions) -> None:
        super().__init__()
        self.options = options
        width = options.width
        self.register_buffer("mean", torch.zeros(options.dims))
        self.register_buffer("spread", torch.ones(options.dims))
        self.register_buffer("speech_mean", torch.zeros(options.speech_channels))
        self.register_buffer("speech_std", torch.ones(options.speech_channels))
        sizes = (width, options.heads, options.hidden)
        self.embed_speech = ContentEncoder(
            ContentOptions(
                options.speech_channels,
                *sizes,
                options.speech_layers,
                options.speech_reach,
                options.dropout,
            )
        )
        # Stands in for speech where training hides it, for classifier-free guidance.
        self.unheard = nn.Parameter(0.02 * torch.randn(width))
        self.embed_step = StepEmbedding(width)
        self.embed_frame = nn.Linear(options.dims, width)
        self.clean = nn.Parameter(0.02 * torch.randn(width))
        self.direct = nn.Linear(width, width)
        self.encoder = nn.ModuleList(
            SelfBlock(*sizes, options.dropout) for _ in range(options.encoder_layers)
        )
        self.encoded = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(PairBlock(options) for _ in range(options.layers))
        self.read = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, options.dims))

    def normalise(self, vectors: Tensor) -> Tensor:
        """Motion vectors [..., D] in shoulder widths, by the training set's mean and spread."""
        return (vectors - self.mean) / self.spread

    def restore(self, normalised: Tensor) -> Tensor:
        """The inverse of `normalise`."""
        return normalised * self.spread + self.mean

    def hear(self, features: Tensor, hide: Tensor | None = None) -> Tensor:
        """Speech features [B, T, C] -> [B, T, W]; hide: [B] bool, samples kept without speech.

        One encoder, run for either speaker and for the mix.
        """
        x = self.embed_speech((features - self.speech_mean) / self.speech_std)
        return x if hide is None else torch.where(hide[:, None, None], self.unheard, x)

    def forward(self, noisy: Pair, step: Tensor, history: Pair, speech: Pair, mix: Tensor) -> Pair:
        """Both people's clean motion vectors, [B, T, D] each.

        noisy: [B, T, D] each; step: [B] int64; history: [B, H, D] each, the clean frames before, 0
        where a point was not seen; speech: [B, T, W] each, and mix: [B, T, W], as `hear` makes
        them. The branches are run one after the other on the same weights, so that swapped people
        give exactly swapped results.
        """
        before = history[0].shape[1]
        at = torch.arange(-before, noisy[0].shape[1], device=mix.device)
        token = self.embed_step(step)[:, None]
        # Speech tells less of a sample the less noisy it is: TIM hears the step with it.
        heard = tuple(Heard(own + token, mix + token) for own in speech)
        first, second = (
            self._embed(frames, past, own, token)
            for frames, past, own in zip(noisy, history, speech, strict=True)
        )
        partners = self._encode(second, at), self._encode(first, at)
        made = []
        for x, partner, own in zip((first, second), partners, heard, strict=True):
            for block in self.blocks:
                x = block(x, partner, own, at, at[before:])
            made.append(self.read(x[:, before:]))
        return made[0], made[1]

    def _embed(self, noisy: Tensor, history: Tensor, speech: Tensor, token: Tensor) -> Tensor:
        """One person's frames, [B, H + T, W]."""
        past = self.embed_frame(history) + self.clean
        return torch.cat([past, self.embed_frame(noisy) + self.direct(speech)], 1) + token

    def _encode(self, x: Tensor, at: Tensor) -> Tensor:
        """The motion encoder: [B, H + T, W] -> the same, for the partner's attention."""
        for layer in self.encoder:
            x = layer(x, at)
        return self.encoded(x)
