"""What the command line asks for retrieval. Light: --help must answer at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro import conf


@dataclass(frozen=True)
class RetrieveOptions:
    """Rank a library of motion clips by how well they go with SPEECH."""

    speech: Annotated[conf.Positional[Path], conf.arg(metavar="SPEECH")]
    """Sound or video file with the speech, at least 0.4 s."""
    library: Path
    """A data set from `gesticulate dataset build`, or a folder of skeletons (.npz files, as
    --save-poses writes them)."""
    part: Literal["body", "face"] = "body"
    """What is compared: body for arms and hands, face for head and lips."""
    top: int = 10
    """How many clips are listed."""
    split: str | None = None
    """Only this split of a data set: train or val."""
    weights: str = "motion-alignment"
    """The alignment: registered weights, or a path to a .safetensors file."""
    json: bool = False
    """Print the list as JSON."""


@dataclass(frozen=True)
class StylesOptions:
    """List what --style can be called, and what each name stands for."""
