"""Weights of the diffusion generators as fp16 safetensors, with their options in the metadata."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ...weights.checkpoint import fill, read, tensors_of, write
from .noise import NoiseOptions
from .skeleton_network import SkeletonDenoiser, SkeletonOptions


def save_skeleton(path: Path, denoiser: SkeletonDenoiser) -> None:
    """Write a skeleton denoiser."""
    write(path, tensors_of(denoiser), "skeleton-diffusion", dataclasses.asdict(denoiser.options))


def load_skeleton(path: Path) -> SkeletonDenoiser:
    """Read what `save_skeleton` wrote. Raises: WeightsError."""
    tensors, options = read(path, "skeleton-diffusion")
    noise = NoiseOptions(**options.pop("noise"))
    return fill(SkeletonDenoiser(SkeletonOptions(**options, noise=noise)), tensors, path)
