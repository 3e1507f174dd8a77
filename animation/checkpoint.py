"""The diffusion renderer's own weights file: one .safetensors with its options.

A file that `gesticulate convert animation` makes also holds the autoencoder and CLIP, so that it is
all a run needs; a file of training holds what was trained.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import WeightsError
from ..weights.checkpoint import read, tensors_of, write
from .coders import PictureCoders
from .memory import check_main_memory
from .networks import AnimationNetwork, AnimationOptions

KIND = "animation"
_CODERS = "coders."


def save_animation(
    path: Path, network: AnimationNetwork, coders: PictureCoders | None = None
) -> None:
    """Write the weights (fp16) and what builds the networks again. coders: to be put beside."""
    tensors, options = tensors_of(network), dataclasses.asdict(network.options)
    if coders is not None:
        tensors |= tensors_of(coders, _CODERS)
        options["vae"] = _plain(coders.vae.config)
        options["clip"] = json.loads(coders.clip.config.to_json_string(use_diff=False))
    write(path, tensors, KIND, options)


def load_animation(path: Path, dtype: torch.dtype = torch.float32) -> AnimationNetwork:
    """The networks that `save_animation` wrote, in eval mode. Raises: WeightsError."""
    return load_with_coders(path, dtype)[0]


def load_with_coders(
    path: Path, dtype: torch.dtype = torch.float32
) -> tuple[AnimationNetwork, PictureCoders | None]:
    """The networks, and what stands before and behind them where the file holds it (float32).

    Raises: WeightsError where the file is missing, damaged, or does not fit.
    """
    tensors, values = read(path, KIND)
    configs = values.pop("vae", None), values.pop("clip", None)
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    try:
        options = AnimationOptions(**given)
    except TypeError as error:
        raise WeightsError(
            f"{path} was written by another version ({error}); convert or train it again."
        ) from None
    own = {name: value for name, value in tensors.items() if not name.startswith(_CODERS)}
    network = assemble(options, own, str(path), dtype)
    if None in configs:
        return network, None
    rest = {name[len(_CODERS) :]: tensors[name] for name in tensors.keys() - own.keys()}
    with _empty_weights():
        coders = _build_coders(*configs)
    return network, _fill(coders, rest, str(path), torch.float32)


def assemble(
    options: AnimationOptions,
    tensors: dict[str, Tensor],
    source: str,
    dtype: torch.dtype = torch.float32,
) -> AnimationNetwork:
    """A network around tensors of its state's names.

    source: where they come from, for the error. Raises: WeightsError where one is missing, of
    another shape, or has no place; UsageError where main memory cannot hold them.
    """
    with _empty_weights():
        network = AnimationNetwork(options)
    return _fill(network, tensors, source, dtype)


def _empty_weights() -> Any:
    """Within it, modules get parameters without memory, which `_fill` replaces."""
    from accelerate import init_empty_weights

    return init_empty_weights(include_buffers=False)


def _fill(module: nn.Module, tensors: dict[str, Tensor], source: str, dtype: torch.dtype) -> Any:
    own = module.state_dict()
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
    # Files are mapped into memory where their format allows it; what gets another type is copied.
    copied = sum(v.numel() for v in tensors.values() if v.is_floating_point() and v.dtype != dtype)
    check_main_memory(float(copied * dtype.itemsize))
    state = {k: v.to(dtype) if v.is_floating_point() else v for k, v in tensors.items()}
    module.load_state_dict(state, assign=True)
    return module.eval().requires_grad_(False)


def _build_coders(vae: dict[str, Any], clip: dict[str, Any]) -> PictureCoders:
    from diffusers import AutoencoderKL
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    return PictureCoders(
        AutoencoderKL.from_config(vae),
        CLIPVisionModelWithProjection(CLIPVisionConfig.from_dict(clip)),
    )


def _plain(config: Any) -> dict[str, Any]:
    """A diffusers configuration as JSON can say it, without the names of files."""
    return {k: v for k, v in config.items() if not k.startswith("_")}
