"""What the command line asks for a dialogue. Light: --help must answer at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro import conf

from ..preset import DEFAULT_PRESET


@dataclass(frozen=True)
class DialogueOptions:
    """Make the people in two photos talk to each other.

    Example: gesticulate dialogue --left a.jpg --right b.jpg --speech talk.wav -o talk.mp4
    """

    left: Path
    """Picture of the person on the left: head and shoulders at least, from the front."""
    right: Path
    """Picture of the person on the right."""
    speech: tuple[Path, ...]
    """Sound or video: a stereo file with one speaker a channel; or two files, the left person's
    and the right one's; or one mixed file, in which the left person speaks first (this needs
    WhisperX)."""
    out: Annotated[Path, conf.arg(aliases=["-o"])] = Path("dialogue.mp4")
    """The video to write; an existing file is replaced."""
    separate: bool = False
    """Write two videos, each with its own speaker's sound: talk-left.mp4 and talk-right.mp4."""
    swap: bool = False
    """Exchange the speakers: the left person says what is in the right channel or the second file,
    or what the second speaker of a mixed one says."""
    preset: str = DEFAULT_PRESET
    """Which stages make the video: a name that `gesticulate presets` lists, or a YAML file."""
    seed: int = 0
    """Another seed gives other motions; the same seed gives the same ones on every device."""
    fps: float = 25.0
    """Frames a second of the video, 1 to 120."""
    size: int | None = None
    """Pixels of the video's height, 64 to 4096. Default: the lower photo's, up to 1080."""
    device: str = "auto"
    """Where networks run: auto, cpu, cuda, cuda:1, mps. auto takes a GPU where there is one."""
    expressiveness: Literal["low", "medium", "high"] = "medium"
    """How large gestures and head motion are; medium is as trained."""
    preview: Literal["skeleton"] | None = None
    """skeleton: draw only the skeletons, quickly, to judge the motion."""
    json_progress: bool = False
    """Report progress as JSON lines on standard output; the last line has stage "done"."""
