"""The denoiser of Democratizing High-Fidelity Co-Speech Gesture Video Generation (ICCV 2025).

A step token, the clean frames before the window and the noisy frames stand in one sequence; each
frame's embedding is fused with that of its speech. The public checkpoint is this network at its
sizes (csg.py); ours differs where `SkeletonOptions` says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..content import ContentEncoder, ContentOptions
from ..heard import BEFORE_RECORDED
from ..vectors import BODY_DIMS, FACE_DIMS
from .noise import NoiseOptions


@dataclass(frozen=True)
class SkeletonOptions:
    """Sizes of the denoiser.

    speech_channels, speech_encoder: of the speech encoder it reads, and its name. dims: numbers of
    a frame. width, heads, hidden, layers: of the transformer. fusion: width between the two layers
    that fuse a frame with its speech. speech_layers, speech_reach: of an encoder before the fusion;
    without layers, speech is embedded frame by frame, which is enough where the features have been
    made by a large encoder, as in the public model. window: frames made at a time. history: clean
    frames before them. norm_first: normalise before attention, which learns without a long warm-up.
    """

    speech_channels: int
    dims: int = FACE_DIMS + BODY_DIMS
    width: int = 192
    heads: int = 4
    hidden: int = 768
    layers: int = 6
    fusion: int = 384
    speech_layers: int = 1
    speech_reach: int = 8
    dropout: float = 0.1
    window: int = 80
    history: int = 8
    norm_first: bool = True
    noise: NoiseOptions = field(default_factory=NoiseOptions)
    speech_encoder: str = BEFORE_RECORDED


def sinusoids(positions: Tensor, width: int) -> Tensor:
    """Places as sines and cosines (Vaswani et al. 2017, section 3.5): [N] -> [N, width]."""
    even = torch.arange(0, width, 2, device=positions.device, dtype=torch.float32)
    angles = positions[:, None].float() * 10000.0 ** (-even / width)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


class StepEmbedding(nn.Module):
    """How noisy a sample is, as a token."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.layers = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, step: Tensor) -> Tensor:
        """step: [B] int64. Returns [B, W]."""
        return self.layers(sinusoids(step, self.width))


class SkeletonDenoiser(nn.Module):
    """Noisy motion vectors, the frames before them and speech -> clean motion vectors.

    Vectors are normalised: `normalise` and `restore` go there and back.
    """

    def __init__(self, options: SkeletonOptions) -> None:
        super().__init__()
        self.options = options
        width = options.width
        self.register_buffer("mean", torch.zeros(options.dims))
        self.register_buffer("spread", torch.ones(options.dims))
        self.register_buffer("speech_mean", torch.zeros(options.speech_channels))
        self.register_buffer("speech_std", torch.ones(options.speech_channels))
        self.embed_frame = nn.Linear(options.dims, width)
        self.embed_speech: nn.Module
        if options.speech_layers:
            self.embed_speech = ContentEncoder(
                ContentOptions(
                    options.speech_channels,
                    width,
                    options.heads,
                    options.hidden,
                    options.speech_layers,
                    options.speech_reach,
                    options.dropout,
                )
            )
        else:
            self.embed_speech = nn.Linear(options.speech_channels, width)
        # Stands in for speech where training hides it, for classifier-free guidance.
        self.unheard = nn.Parameter(torch.randn(width))
        self.embed_step = StepEmbedding(width)
        self.fuse = nn.Sequential(
            nn.Linear(2 * width, options.fusion), nn.GELU(), nn.Linear(options.fusion, width)
        )
        self.dropout = nn.Dropout(options.dropout)
        layer = nn.TransformerEncoderLayer(
            width,
            options.heads,
            options.hidden,
            options.dropout,
            "gelu",
            batch_first=True,
            norm_first=options.norm_first,
        )
        self.transformer = nn.TransformerEncoder(
            layer,
            options.layers,
            nn.LayerNorm(width) if options.norm_first else None,
            enable_nested_tensor=False,
        )
        self.read = nn.Linear(width, options.dims)

    def normalise(self, vectors: Tensor) -> Tensor:
        """Motion vectors [..., D] in shoulder widths, by the training set's mean and spread."""
        return (vectors - self.mean) / self.spread

    def restore(self, normalised: Tensor) -> Tensor:
        """The inverse of `normalise`."""
        return normalised * self.spread + self.mean

    def hear(self, features: Tensor, hide: Tensor | None = None) -> Tensor:
        """Speech features [B, T, C] -> [B, T, W]; hide: [B] bool, samples kept without speech."""
        x = self.embed_speech((features - self.speech_mean) / self.speech_std)
        return x if hide is None else torch.where(hide[:, None, None], self.unheard, x)

    def forward(self, noisy: Tensor, step: Tensor, history: Tensor, speech: Tensor) -> Tensor:
        """noisy: [B, T, D]; step: [B] int64; history: [B, H, D], the clean frames before, 0 where
        a point was not seen; speech: [B, T, W], as `hear` makes it. Returns [B, T, D]."""
        frames = self.embed_frame(torch.cat([history, noisy], 1))
        # The clean frames have no speech: what was said then is no cue for what they show.
        silence = torch.zeros_like(frames[:, : history.shape[1]])
        fused = self.fuse(torch.cat([frames, torch.cat([silence, speech], 1)], -1))
        x = torch.cat([self.embed_step(step)[:, None], fused], 1)
        places = sinusoids(torch.arange(x.shape[1], device=x.device), x.shape[2])
        x = self.transformer(self.dropout(x + places))
        return self.read(x[:, 1 + history.shape[1] :])
