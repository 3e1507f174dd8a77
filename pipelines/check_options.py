"""What the command line asks for a look at a photo. Light: --help must answer at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro import conf

from .preset import DEFAULT_PRESET


@dataclass(frozen=True)
class CheckOptions:
    """Tell what can move in PHOTO, what will be held still, and why."""

    photo: Annotated[conf.Positional[Path], conf.arg(metavar="PHOTO")]
    """Picture of one person, as for a video."""
    out: Annotated[Path, conf.arg(aliases=["-o"])] = Path("check.png")
    """The picture to write: green moves, amber moves less, red is held still."""
    size: int | None = None
    """Pixels of the video's longer side, 64 to 4096. Default: the photo's own, up to 1280."""
    preset: str = DEFAULT_PRESET
    """Whose pose estimator looks at the photo: a preset's name or a YAML file."""
    device: str = "auto"
    """Where networks run: auto, cpu, cuda, cuda:1, mps."""
    json: bool = False
    """Print one line of JSON instead of text."""
