"""What the command line asks for an edit. Light: --help must answer at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro import conf

from ..preset import DEFAULT_PRESET


@dataclass(frozen=True)
class EditOptions:
    """Make the gestures of a marked span of VIDEO anew; all else stays as it is."""

    video: Annotated[conf.Positional[Path], conf.arg(metavar="VIDEO")]
    """Video of a person, with a steady frame rate."""
    out: Annotated[Path, conf.arg(aliases=["-o"])] = Path("edited.mp4")
    """The video to write; an existing file is replaced. Of several takes: edited-1.mp4, ..."""
    start: Annotated[float | None, conf.arg(name="from")] = None
    """Where the span begins, in seconds."""
    stop: Annotated[float | None, conf.arg(name="to")] = None
    """Where the span ends, in seconds."""
    parts: str = "hands,arms"
    """What is made anew: some of hands, arms, head, face, with commas between."""
    speech: Path | None = None
    """Sound that replaces the video's own from the span's beginning on; not longer than it."""
    edits: Path | None = None
    """Several spans: a YAML file with entries like - {from: 2.0, to: 4.5, parts: [hands, arms]},
    each with its own speech if wished. In place of --from, --to, --parts and --speech."""
    seed: int = 0
    """Another seed gives another motion; the same seed gives the same one."""
    takes: int = 1
    """Number of versions, with consecutive seeds, and a picture that shows them side by side."""
    style: str | None = None
    """Gesture at the rate and size of a style: a name that `gesticulate styles` lists, or an .npz
    file of skeletons, as --save-poses writes them."""
    preset: str = DEFAULT_PRESET
    """Which stages do the work: a name that `gesticulate presets` lists, or a YAML file."""
    device: str = "auto"
    """Where networks run: auto, cpu, cuda, cuda:1, mps."""
    json_progress: bool = False
    """Report progress as JSON lines on standard output; the last line has stage "done"."""
