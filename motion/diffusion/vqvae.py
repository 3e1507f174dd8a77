"""The motion autoencoder of FineGesture (section 3.1, figure 1): frames <-> latents, by groups.

The paper has one latent a frame for the whole body. Here each group of points has its own, made by
its own convolutions, so that there is something in a frame to attend between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from einops import rearrange
from torch import Tensor, nn

from ..quantizer import ResidualQuantizer
from .groups import DIMS, GROUP_DIMS, GROUPS, Grouping


@dataclass(frozen=True)
class VQVAEOptions:
    """Sizes. width: of a group's convolutions. code_dim, codes, levels: of its codebooks, each of
    which quantises what the one before left over (the paper: 64, 256 and 1)."""

    width: int = 64
    code_dim: int = 64
    codes: int = 256
    levels: int = 1


@dataclass
class Coded:
    """vectors: [B, T, 232] after quantisation, normalised. commitment: scalar."""

    vectors: Tensor
    commitment: Tensor


class Latents(Protocol):
    """What the diffusion works in."""

    dim: int
    grouping: Grouping

    def encode(self, vectors: Tensor) -> Tensor: ...
    def decode(self, latents: Tensor, quantise: bool = True) -> Tensor: ...


class RawLatents(nn.Module):
    """The paper's ablation without VQ-VAE: groups of normalised motion vectors as they are."""

    dim = GROUP_DIMS

    def __init__(self) -> None:
        super().__init__()
        self.grouping = Grouping()
        _statistics(self)

    def encode(self, vectors: Tensor) -> Tensor:
        """Motion vectors [B, T, 232] -> [B, T, G, 42]."""
        return self.grouping.split((vectors - self.mean) / self.spread)

    def decode(self, latents: Tensor, quantise: bool = True) -> Tensor:
        """The inverse of `encode`; there is nothing to quantise."""
        return self.grouping.join(latents) * self.spread + self.mean


class MotionVQVAE(nn.Module):
    """Four convolutions there; two residual blocks and four convolutions back, for every group."""

    def __init__(self, options: VQVAEOptions) -> None:
        super().__init__()
        self.options = options
        self.dim = options.code_dim
        self.grouping = Grouping()
        _statistics(self)
        width, dim = options.width, options.code_dim
        self.encoder = nn.Sequential(
            _convolution(GROUP_DIMS, width),
            nn.SiLU(),
            _convolution(width, width),
            nn.SiLU(),
            _convolution(width, width),
            nn.SiLU(),
            _convolution(width, dim),
        )
        self.decoder = nn.Sequential(
            _convolution(dim, width),
            GroupBlock(width),
            GroupBlock(width),
            nn.SiLU(),
            _convolution(width, width),
            nn.SiLU(),
            _convolution(width, width),
            nn.SiLU(),
            _convolution(width, GROUP_DIMS),
        )
        self.quantizers = nn.ModuleList(
            ResidualQuantizer(options.levels, options.codes, dim, dropout=0.0) for _ in GROUPS
        )

    def encode(self, vectors: Tensor) -> Tensor:
        """Motion vectors [B, T, 232] in shoulder widths -> latents [B, T, G, code_dim]."""
        groups = self.grouping.split((vectors - self.mean) / self.spread)
        x = self.encoder(rearrange(groups, "b t g d -> b (g d) t"))
        return rearrange(x, "b (g d) t -> b t g d", g=len(GROUPS))

    def decode(self, latents: Tensor, quantise: bool = True) -> Tensor:
        """Latents [B, T, G, code_dim] -> motion vectors [B, T, 232] in shoulder widths.

        quantise: put each latent on its nearest codes first.
        """
        if quantise:
            # As for a tokenizer: near codes differ by less than half precision can tell.
            parts = zip(self.quantizers, latents.float().unbind(2), strict=True)
            latents = torch.stack([quantizer(x).values for quantizer, x in parts], 2)
        return self._normalised(latents) * self.spread + self.mean

    def forward(self, vectors: Tensor, seen: Tensor, quantise: bool = True) -> Coded:
        """vectors: [B, T, 232]; seen: the same shape, 1 where the data knows. In training the
        codebooks follow the latents of what it knows. quantise: without, the latents are decoded
        as they are."""
        latents = self.encode(vectors).float()
        if not quantise:
            return Coded(self._normalised(latents), latents.new_zeros(()))
        known = self.grouping.seen(seen) > 0
        coded = [
            quantizer(x, valid)
            for quantizer, x, valid in zip(
                self.quantizers, latents.unbind(2), known.unbind(2), strict=True
            )
        ]
        made = self._normalised(torch.stack([each.values for each in coded], 2))
        commitment = torch.stack([each.commitment for each in coded]).mean()
        return Coded(made, commitment)

    def _normalised(self, latents: Tensor) -> Tensor:
        """Latents [B, T, G, code_dim] -> normalised vectors [B, T, 232]."""
        x = self.decoder(rearrange(latents, "b t g d -> b (g d) t"))
        return self.grouping.join(rearrange(x, "b (g d) t -> b t g d", g=len(GROUPS)))


class GroupBlock(nn.Module):
    """Residual block of two convolutions, every group by itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.SiLU(), _convolution(width, width), nn.SiLU(), _convolution(width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """x: [B, G * width, T] and the same out."""
        return x + self.layers(x)


def _convolution(inputs: int, outputs: int) -> nn.Conv1d:
    """Over time, every group by itself: [B, G * inputs, T] -> [B, G * outputs, T]."""
    count = len(GROUPS)
    return nn.Conv1d(count * inputs, count * outputs, 3, padding=1, groups=count)


def _statistics(module: nn.Module) -> None:
    """The training set's mean and spread of each number of a motion vector, [232]."""
    module.register_buffer("mean", torch.zeros(DIMS))
    module.register_buffer("spread", torch.ones(DIMS))
