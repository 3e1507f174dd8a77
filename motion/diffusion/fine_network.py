"""The denoiser of FineGesture (3.2, 3.3, figure 2): attention in space, then in time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn

from ..content import ContentEncoder, ContentOptions
from ..heard import BEFORE_RECORDED
from ..transformer import AdaIN, Attention
from .groups import GROUPS
from .noise import NoiseOptions
from .skeleton_network import StepEmbedding


@dataclass(frozen=True)
class FineOptions:
    """Sizes of the denoiser; in brackets the paper's.

    speech_channels, speech_encoder: of the speech encoder it reads, and its name. latent: numbers
    of a group's latent. width, heads, hidden, layers: of the transformer (512, 8, not stated, 8).
    speech_width: of a frame's speech (128). speech_layers, speech_reach: of its encoder; the paper
    has a temporal convolution network of 12 layers. speakers, speaker_dim: rows of the speaker
    table, row 0 is anybody, and numbers of a row (8). window: frames made at a time. history: poses
    before them (4). spatial, temporal: the two attentions; the ablations do without one. adapt:
    what the speaker and the step scale and shift: each channel normalised over the window (AdaIN,
    as in the paper), or each frame normalised over its channels (`AdaLN`).
    """

    speech_channels: int
    latent: int
    width: int = 128
    heads: int = 4
    hidden: int = 256
    layers: int = 4
    speech_width: int = 128
    speech_layers: int = 1
    speech_reach: int = 8
    speakers: int = 1
    speaker_dim: int = 8
    dropout: float = 0.1
    window: int = 48
    history: int = 4
    spatial: bool = True
    temporal: bool = True
    adapt: Literal["instance", "layer"] = "instance"
    noise: NoiseOptions = field(
        default_factory=lambda: NoiseOptions(500, "linear", prediction="epsilon")
    )
    speech_encoder: str = BEFORE_RECORDED


class AdaLN(AdaIN):
    """Adaptive layer normalisation (Perez et al. 2018; Peebles & Xie 2023, section 3.2).

    Unlike AdaIN it keeps what stays the same over a window, and how far the rest moves.
    """

    def normalise(self, x: Tensor) -> Tensor:
        """Each frame over its channels. x: [B, N, W] and the same out."""
        return F.layer_norm(x, x.shape[-1:])


class SpatioTemporalBlock(nn.Module):
    """Attention between the groups of a frame, then between the frames of a group, then an MLP.

    The speaker and the step come in behind temporal attention and behind the MLP.
    """

    def __init__(self, options: FineOptions) -> None:
        super().__init__()
        width, heads = options.width, options.heads
        adaptive = AdaIN if options.adapt == "instance" else AdaLN
        if options.spatial:
            self.spatial_norm = nn.LayerNorm(width)
            self.spatial = Attention(width, heads)
        if options.temporal:
            self.temporal_norm = nn.LayerNorm(width)
            self.temporal = Attention(width, heads)
            self.attended = adaptive(width, width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, options.hidden),
            nn.GELU(),
            nn.Linear(options.hidden, width),
            nn.Dropout(options.dropout),
        )
        self.fed = adaptive(width, width)
        self.options = options

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x: [B, T, G, W]; style: [B, W] of the speaker and the step. Returns [B, T, G, W]."""
        batch, frames, groups, _ = x.shape
        if self.options.spatial:
            y = rearrange(self.spatial_norm(x), "b t g w -> (b t) g w")
            y = self.spatial(y, y)  # groups have no order
            x = x + rearrange(y, "(b t) g w -> b t g w", b=batch)
        along = rearrange(x, "b t g w -> (b g) t w")
        style = repeat(style, "b w -> (b g) w", g=groups)
        if self.options.temporal:
            y = self.temporal_norm(along)
            at = torch.arange(frames, device=x.device)
            along = along + self.attended(self.temporal(y, y, at, at), style)
        along = along + self.fed(self.mlp(along), style)
        return rearrange(along, "(b g) t w -> b t g w", b=batch)


class FineDenoiser(nn.Module):
    """Noisy latents, the poses before them, speech and speaker -> noise (or clean latents)."""

    def __init__(self, options: FineOptions) -> None:
        super().__init__()
        self.options = options
        width, latent = options.width, options.latent
        self.register_buffer("speech_mean", torch.zeros(options.speech_channels))
        self.register_buffer("speech_std", torch.ones(options.speech_channels))
        self.register_buffer("latent_mean", torch.zeros(len(GROUPS), latent))
        self.register_buffer("latent_std", torch.ones(len(GROUPS), latent))
        self.embed_speech = ContentEncoder(
            ContentOptions(
                options.speech_channels,
                options.speech_width,
                options.heads,
                2 * options.speech_width,
                options.speech_layers,
                options.speech_reach,
                options.dropout,
            )
        )
        # Stands in for speech where training hides it, for classifier-free guidance.
        self.unheard = nn.Parameter(torch.randn(options.speech_width))
        self.embed_step = StepEmbedding(width)
        # One layer over the concatenation of noisy latent, poses before, speech and step.
        context = options.history * latent + options.speech_width + width
        self.embed = nn.Linear(latent + context, width)
        self.group = nn.Parameter(0.02 * torch.randn(len(GROUPS), width))
        self.speaker = nn.Embedding(options.speakers, options.speaker_dim)
        self.speaker_style = nn.Linear(options.speaker_dim, width)
        self.step_style = nn.Linear(width, width)
        self.blocks = nn.ModuleList(SpatioTemporalBlock(options) for _ in range(options.layers))
        self.norm = nn.LayerNorm(width)
        self.read = nn.Linear(width, latent)

    def normalise(self, latents: Tensor) -> Tensor:
        """Latents [..., G, D], by the training set's mean and standard deviation."""
        return (latents - self.latent_mean) / self.latent_std

    def restore(self, normalised: Tensor) -> Tensor:
        """The inverse of `normalise`."""
        return normalised * self.latent_std + self.latent_mean

    def hear(self, features: Tensor, hide: Tensor | None = None) -> Tensor:
        """Speech features [B, T, C] -> [B, T, W]; hide: [B] bool, samples kept without speech."""
        x = self.embed_speech((features - self.speech_mean) / self.speech_std)
        return x if hide is None else torch.where(hide[:, None, None], self.unheard, x)

    def forward(
        self, noisy: Tensor, step: Tensor, history: Tensor, speech: Tensor, speaker: Tensor
    ) -> Tensor:
        """noisy: [B, T, G, D]; step: [B] int64; history: [B, H, G, D], latents of the poses before;
        speech: [B, T, W], as `hear` makes it; speaker: [B] int64. Returns [B, T, G, D]."""
        frames, groups = noisy.shape[1:3]
        told = self.embed_step(step)
        context = [
            repeat(rearrange(history, "b h g d -> b g (h d)"), "b g d -> b t g d", t=frames),
            repeat(speech, "b t w -> b t g w", g=groups),
            repeat(told, "b w -> b t g w", t=frames, g=groups),
        ]
        x = self.embed(torch.cat([noisy, *context], -1)) + self.group
        style = self.speaker_style(self.speaker(speaker)) + self.step_style(told)
        for block in self.blocks:
            x = block(x, style)
        return self.read(self.norm(x))
