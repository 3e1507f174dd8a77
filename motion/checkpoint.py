"""Weights of the motion models as fp16 safetensors, with their options in the file's metadata."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple

from ..weights.checkpoint import fill, read, tensors_of, write
from .alignment import AlignmentOptions, SpeechGestureAlignment
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
    tensors = tensors_of(face, "face.", _LEFT_OUT) | tensors_of(body, "body.", _LEFT_OUT)
    options = {part: dataclasses.asdict(m.options) for part, m in (("face", face), ("body", body))}
    write(path, tensors, "motion-tokenizer", options)


def load_tokenizers(path: Path) -> Tokenizers:
    """Read what `save_tokenizers` wrote. Raises: WeightsError."""
    tensors, options = read(path, "motion-tokenizer")
    return Tokenizers(
        *(
            fill(
                MotionTokenizer(TokenizerOptions(**options[part])),
                tensors,
                path,
                f"{part}.",
                _LEFT_OUT,
            )
            for part in ("face", "body")
        )
    )


def save_generator(path: Path, generator: GestureGenerator, people: list[str]) -> None:
    """Write the generator. people: names of the speaker table's rows from row 1 on."""
    options = {"generator": dataclasses.asdict(generator.options), "people": people}
    write(path, tensors_of(generator, left_out=_LEFT_OUT), "motion-generator", options)


def load_generator(path: Path) -> tuple[GestureGenerator, list[str]]:
    """Read what `save_generator` wrote: the generator and its people. Raises: WeightsError."""
    tensors, options = read(path, "motion-generator")
    generator = GestureGenerator(GeneratorOptions(**options["generator"]), FACE_DIMS, BODY_DIMS)
    return fill(generator, tensors, path, left_out=_LEFT_OUT), options["people"]


def save_alignment(path: Path, alignment: SpeechGestureAlignment) -> None:
    """Write the alignment."""
    options = dataclasses.asdict(alignment.options)
    write(path, tensors_of(alignment), "motion-alignment", options)


def load_alignment(path: Path) -> SpeechGestureAlignment:
    """Read what `save_alignment` wrote. Raises: WeightsError."""
    tensors, options = read(path, "motion-alignment")
    return fill(SpeechGestureAlignment(AlignmentOptions(**options)), tensors, path)
