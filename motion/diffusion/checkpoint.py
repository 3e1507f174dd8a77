"""Weights of the diffusion generators as fp16 safetensors, with their options in the metadata."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple

from ...weights.checkpoint import fill, read, tensors_of, write
from .fine_network import FineDenoiser, FineOptions
from .noise import NoiseOptions
from .skeleton_network import SkeletonDenoiser, SkeletonOptions
from .vqvae import MotionVQVAE, RawLatents, VQVAEOptions

# Only training needs these.
_LEFT_OUT = (".sums", ".counts")


class FineGesture(NamedTuple):
    """What a FineGesture file holds. people: names of the speaker table's rows from row 1 on."""

    latents: MotionVQVAE | RawLatents
    denoiser: FineDenoiser
    people: list[str]


def save_skeleton(path: Path, denoiser: SkeletonDenoiser) -> None:
    """Write a skeleton denoiser."""
    write(path, tensors_of(denoiser), "skeleton-diffusion", dataclasses.asdict(denoiser.options))


def load_skeleton(path: Path) -> SkeletonDenoiser:
    """Read what `save_skeleton` wrote. Raises: WeightsError."""
    tensors, options = read(path, "skeleton-diffusion")
    noise = NoiseOptions(**options.pop("noise"))
    return fill(SkeletonDenoiser(SkeletonOptions(**options, noise=noise)), tensors, path)


def save_vqvae(path: Path, vqvae: MotionVQVAE) -> None:
    """Write a motion VQ-VAE."""
    tensors = tensors_of(vqvae, left_out=_LEFT_OUT)
    write(path, tensors, "motion-vqvae", dataclasses.asdict(vqvae.options))


def load_vqvae(path: Path) -> MotionVQVAE:
    """Read what `save_vqvae` wrote. Raises: WeightsError."""
    tensors, options = read(path, "motion-vqvae")
    return fill(MotionVQVAE(VQVAEOptions(**options)), tensors, path, left_out=_LEFT_OUT)


def save_fine(path: Path, fine: FineGesture) -> None:
    """Write a FineGesture denoiser with the latents that it was trained in."""
    vqvae = dataclasses.asdict(fine.latents.options) if _coded(fine) else None
    options = {
        "vqvae": vqvae,
        "denoiser": dataclasses.asdict(fine.denoiser.options),
        "people": fine.people,
    }
    tensors = tensors_of(fine.latents, "latents.", _LEFT_OUT)
    write(path, tensors | tensors_of(fine.denoiser, "denoiser."), "fine-gesture", options)


def load_fine(path: Path) -> FineGesture:
    """Read what `save_fine` wrote. Raises: WeightsError."""
    tensors, options = read(path, "fine-gesture")
    coded, sizes = options["vqvae"], options["denoiser"]
    latents = MotionVQVAE(VQVAEOptions(**coded)) if coded else RawLatents()
    noise = NoiseOptions(**sizes.pop("noise"))
    denoiser = FineDenoiser(FineOptions(**sizes, noise=noise))
    return FineGesture(
        fill(latents, tensors, path, "latents.", _LEFT_OUT),
        fill(denoiser, tensors, path, "denoiser."),
        options["people"],
    )


def _coded(fine: FineGesture) -> bool:
    return isinstance(fine.latents, MotionVQVAE)
