"""The diffusion renderer's weights by name, file or folder."""

from __future__ import annotations

from pathlib import Path

import torch

from .. import weights as registry
from .checkpoint import load_with_coders, save_animation
from .coders import PictureCoders
from .networks import FULL, AnimationNetwork, AnimationOptions
from .public import (
    CODER_FILES,
    NETWORK_FILES,
    load_public_coders,
    load_public_network,
    public_files,
)

PUBLIC = "animate-anyone"


def load_weights(
    weights: str = PUBLIC, dtype: torch.dtype = torch.float32
) -> tuple[AnimationNetwork, PictureCoders]:
    """Networks of a type, and what stands before and behind them (float32), on the CPU.

    weights: "animate-anyone" for the public ones: the converted file where there is one, else the
    public files; a .safetensors file of `gesticulate convert animation` or of training; or a
    folder of the public files.
    Raises: WeightsError where they are missing, damaged, or do not fit; UsageError where main
    memory cannot hold them.
    """
    if Path(weights).is_dir():
        return _load_public(Path(weights), FULL, dtype)
    if weights == PUBLIC and not registry.available(PUBLIC):
        return _load_public(None, FULL, dtype)
    network, coders = load_with_coders(registry.locate(weights), dtype)
    return network, coders if coders is not None else load_public_coders()


def convert(
    folder: Path | None = None, out: Path | None = None, options: AnimationOptions = FULL
) -> Path:
    """Make one .safetensors file of the public files; returns its path.

    folder: of the public files; None for where they are found or fetched. out: None for where the
    renderer looks for it. options: the networks' sizes.
    Raises: WeightsError as `load_weights`.
    """
    out = out or registry.user_folder() / registry.get(PUBLIC).file
    network, coders = _load_public(folder, options, torch.float32)
    out.parent.mkdir(parents=True, exist_ok=True)
    save_animation(out, network, coders)
    return out


def _load_public(
    folder: Path | None, options: AnimationOptions, dtype: torch.dtype
) -> tuple[AnimationNetwork, PictureCoders]:
    # What is missing is said of all files at once, before any is read.
    public_files((*NETWORK_FILES, *CODER_FILES), folder)
    return load_public_network(folder, options, dtype), load_public_coders(folder)
