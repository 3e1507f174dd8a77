"""Weights files: fp16 safetensors, with the model's kind and options in the file's metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..atomic import complete_or_nothing
from ..errors import WeightsError

Module = TypeVar("Module", bound=torch.nn.Module)


def tensors_of(
    module: torch.nn.Module, prefix: str = "", left_out: tuple[str, ...] = ()
) -> dict[str, Tensor]:
    """A module's state in fp16, by name. left_out: ends of the names that training alone needs."""
    return {
        prefix + name: value.half() if value.is_floating_point() else value
        for name, value in module.state_dict().items()
        if not name.endswith(left_out)
    }


def write(path: Path, tensors: dict[str, Tensor], kind: str, options: dict[str, Any]) -> None:
    """Write a file of a kind ("renderer", ...). options: what builds the model, as JSON can say."""
    tensors = {name: value.cpu().contiguous() for name, value in tensors.items()}
    with complete_or_nothing(path) as part:
        save_file(tensors, str(part), {"kind": kind, "options": json.dumps(options)})


def read(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write` wrote: tensors and options.

    Raises: WeightsError where the file is missing, damaged, or of another kind.
    """
    try:
        with safe_open(str(path), "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise WeightsError(f"No weights at {path}. Expected a {kind} .safetensors file.") from None
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is damaged ({error}). Fetch or train it again.") from None
    if metadata.get("kind") != kind:
        raise WeightsError(f"{path} holds {metadata.get('kind')!r}. Expected a {kind} file.")
    try:
        return tensors, dict(json.loads(metadata["options"]))
    except (KeyError, ValueError, TypeError) as error:
        raise WeightsError(
            f"{path} does not say how its model is built ({error!r}). Fetch or train it again."
        ) from None


def fill(
    module: Module,
    tensors: dict[str, Tensor],
    path: Path,
    prefix: str = "",
    left_out: tuple[str, ...] = (),
) -> Module:
    """Put the tensors that begin with ``prefix`` into a module; it comes back in eval mode.

    path: where they come from, for the error. left_out: as in `tensors_of`.
    Raises: WeightsError where names or shapes do not fit.
    """
    own = {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
    try:
        missing, unexpected = module.load_state_dict(own, strict=False)
    except RuntimeError as error:
        raise WeightsError(f"{path} does not fit its own options: {error}") from None
    missing = [name for name in missing if not (left_out and f".{name}".endswith(left_out))]
    if missing or unexpected:
        raise WeightsError(
            f"{path} does not fit: missing {missing[:3]}, unexpected {unexpected[:3]}. "
            "It was written by another version; train or fetch it again."
        )
    return module.eval().requires_grad_(False)
