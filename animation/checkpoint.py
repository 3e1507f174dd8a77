"""The diffusion renderer's own weights file: one .safetensors with its options."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from ..errors import WeightsError
from ..weights.checkpoint import read, tensors_of, write
from .networks import AnimationNetwork, AnimationOptions

KIND = "animation"


def save_animation(path: Path, network: AnimationNetwork) -> None:
    """Write the weights (fp16) and what builds the network again."""
    write(path, tensors_of(network), KIND, dataclasses.asdict(network.options))


def load_animation(path: Path, dtype: torch.dtype = torch.float32) -> AnimationNetwork:
    """Read what `save_animation` wrote, in eval mode. Raises: WeightsError."""
    tensors, values = read(path, KIND)
    try:
        options = AnimationOptions(
            **{key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        )
    except TypeError as error:
        raise WeightsError(
            f"{path} was written by another version ({error}); convert or train it again."
        ) from None
    return assemble(options, tensors, str(path), dtype)


def assemble(
    options: AnimationOptions,
    tensors: dict[str, torch.Tensor],
    source: str,
    dtype: torch.dtype = torch.float32,
) -> AnimationNetwork:
    """A network around tensors of its state's names, without a second copy of them.

    source: where they come from, for the error. Raises: WeightsError where one is missing, of
    another shape, or has no place.
    """
    with torch.device("meta"):
        network = AnimationNetwork(options)
    own = network.state_dict()
    missing, unexpected = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    if missing or unexpected:
        raise WeightsError(
            f"{source} does not fit: {len(missing)} tensors missing {missing[:3]}, "
            f"{len(unexpected)} unexpected {unexpected[:3]}. Convert or train it again."
        )
    for name, value in tensors.items():
        if value.shape != own[name].shape:
            raise WeightsError(
                f"{source} does not fit: {name} is {list(value.shape)}, expected "
                f"{list(own[name].shape)}."
            )
    network.load_state_dict({k: v.to(dtype) for k, v in tensors.items()}, assign=True)
    return network.eval().requires_grad_(False)
