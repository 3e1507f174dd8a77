"""Weights of the dialogue generator as fp16 safetensors, with its options in the metadata."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ...weights.checkpoint import fill, read, tensors_of, write
from ..diffusion.noise import NoiseOptions
from .network import PairDenoiser, PairOptions


def save_pair(path: Path, denoiser: PairDenoiser) -> None:
    """Write a denoiser of two people."""
    write(path, tensors_of(denoiser), "dialogue", dataclasses.asdict(denoiser.options))


def load_pair(path: Path) -> PairDenoiser:
    """Read what `save_pair` wrote. Raises: WeightsError."""
    tensors, options = read(path, "dialogue")
    noise = NoiseOptions(**options.pop("noise"))
    return fill(PairDenoiser(PairOptions(**options, noise=noise)), tensors, path)
