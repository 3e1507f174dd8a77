"""Weights of the motion models as fp16 safetensors, with their options in the file's metadata."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..errors import WeightsError
from .generator import GeneratorOptions, GestureGenerator
from .tokenizer import MotionTokenizer, TokenizerOptions
from .vectors import BODY_DIMS, FACE_DIMS

# Only training needs these.
_LEFT_OUT = (".sums", ".counts")


class Tokenizers(NamedTuple):
    """The pair that one weights file holds."""

    face: MotionTokenizer
    body: MotionTokenizer


def save_tokenizers(path: Path, face: MotionTokenizer, body: MotionTokenizer) -> None:
    """Write both tokenizers into one file."""
    tensors = _tensors(face, "face.") | _tensors(body, "body.")
    options = {part: dataclasses.asdict(m.options) for part, m in (("face", face), ("body", body))}
    _write(path, tensors, "motion-tokenizer", options)


def load_tokenizers(path: Path) -> Tokenizers:
    """Read what `save_tokenizers` wrote. Raises: WeightsError."""
    tensors, options = _read(path, "motion-tokenizer")
    return Tokenizers(
        *(
            _fill(MotionTokenizer(TokenizerOptions(**options[part])), tensors, f"{part}.", path)
            for part in ("face", "body")
        )
    )


def save_generator(path: Path, generator: GestureGenerator, people: list[str]) -> None:
    """Write the generator. people: names of the speaker table's rows from row 1 on."""
    options = {"generator": dataclasses.asdict(generator.options), "people": people}
    _write(path, _tensors(generator, ""), "motion-generator", options)


def load_generator(path: Path) -> tuple[GestureGenerator, list[str]]:
    """Read what `save_generator` wrote: the generator and its people. Raises: WeightsError."""
    tensors, options = _read(path, "motion-generator")
    generator = GestureGenerator(GeneratorOptions(**options["generator"]), FACE_DIMS, BODY_DIMS)
    return _fill(generator, tensors, "", path), options["people"]


def _tensors(module: torch.nn.Module, prefix: str) -> dict[str, Tensor]:
    return {
        prefix + name: value.half() if value.is_floating_point() else value
        for name, value in module.state_dict().items()
        if not name.endswith(_LEFT_OUT)
    }


def _write(path: Path, tensors: dict[str, Tensor], kind: str, options: dict[str, Any]) -> None:
    part = path.with_name(path.name + ".part")
    tensors = {name: value.cpu().contiguous() for name, value in tensors.items()}
    save_file(tensors, str(part), {"kind": kind, "options": json.dumps(options)})
    part.replace(path)


def _read(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
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
    return tensors, json.loads(metadata["options"])


def _fill(module: Any, tensors: dict[str, Tensor], prefix: str, path: Path) -> Any:
    """Put the tensors that begin with ``prefix`` into a module; it comes back in eval mode."""
    own = {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
    try:
        missing, unexpected = module.load_state_dict(own, strict=False)
    except RuntimeError as error:
        raise WeightsError(f"{path} does not fit its own options: {error}") from None
    missing = [name for name in missing if not f".{name}".endswith(_LEFT_OUT)]
    if missing or unexpected:
        raise WeightsError(
            f"{path} does not fit: missing {missing[:3]}, unexpected {unexpected[:3]}. "
            "It was written by another version; train or fetch it again."
        )
    return module.eval().requires_grad_(False)
