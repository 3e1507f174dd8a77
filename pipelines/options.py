"""What the command line asks for the main job. Light: --help must answer at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from tyro import conf

from ..motion.manner import Manner, asked
from .preset import DEFAULT_PRESET


@dataclass(frozen=True)
class Settings:
    """How the video is made."""

    preset: str = DEFAULT_PRESET
    """Which stages make the video: a name that `gesticulate presets` lists, or a YAML file."""
    seed: int = 0
    """Another seed gives another motion; the same seed gives the same one on every device."""
    fps: float = 25.0
    """Frames a second of the video, 1 to 120."""
    size: int | None = None
    """Pixels of the video's longer side, 64 to 4096. Default: the photo's own, up to 1280."""
    device: str = "auto"
    """Where networks run: auto, cpu, cuda, cuda:1, mps. auto takes a GPU where there is one."""
    low_memory: bool = False
    """Let diffusion renderers take less memory and more time; the others take little anyway."""
    expressiveness: Literal["low", "medium", "high"] = "medium"
    """How large gestures and head motion are; medium is as trained."""
    gesture_rate: float = 1.0
    """Rate of hand gestures as a factor, 0 to 1.5; face and lips are unchanged."""
    gesture_amplitude: float = 1.0
    """Size of arm and hand motion as a factor, 0 to 2; head, face and lips are unchanged."""
    style: str | None = None
    """Gesture at the rate and size of a style: a name that `gesticulate styles` lists, or an .npz
    file of skeletons (from --save-poses) as an example. Rate and amplitude are relative to it."""
    save_poses: Path | None = None
    """Write the skeletons to this .npz file."""
    poses: Path | None = None
    """Render the skeletons of this .npz file (from --save-poses) instead of making new motion."""
    preview: Literal["skeleton"] | None = None
    """skeleton: draw only the skeletons, quickly, to judge the motion."""
    dry_run: bool = False
    """Print what would be done (stages, weights, frames, memory and time) and stop."""
    json_progress: bool = False
    """Report progress as JSON lines on standard output: stage, done, total, frames_per_second,
    seconds_left; the last line has stage "done" and the result."""

    def manner(self) -> Manner:
        """What is asked of the gestures. Raises: UsageError, InputError."""
        return asked(self.style, self.gesture_rate, self.gesture_amplitude)


@dataclass(frozen=True)
class RunOptions:
    """Make the person in PHOTO speak and gesture to SPEECH."""

    photo: Annotated[conf.Positional[Path], conf.arg(metavar="PHOTO")]
    """Picture of one person, head and shoulders at least, from the front."""
    speech: Annotated[conf.Positional[Path], conf.arg(metavar="SPEECH")]
    """Sound or video file with the speech, at least 0.4 s."""
    out: Annotated[Path, conf.arg(aliases=["-o"])] = Path("talk.mp4")
    """The video to write; an existing file is replaced."""
    settings: conf.OmitArgPrefixes[Settings] = field(default_factory=Settings)


@dataclass(frozen=True)
class DemoOptions:
    """Make a video from a photo and a speech that come with the package."""

    out: Annotated[Path, conf.arg(aliases=["-o"])] = Path("demo.mp4")
    """The video to write; an existing file is replaced."""
    settings: conf.OmitArgPrefixes[Settings] = field(default_factory=Settings)
