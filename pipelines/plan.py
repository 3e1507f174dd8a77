"""What a run would do, told without loading a model."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import configs, weights
from ..ffmpeg_binary import chosen
from ..registry import StageChoice, check_name
from ..speech.track import Speech
from .gesture_video import ROLES
from .outputs import check_outputs
from .portrait import output_size
from .preset import PipelinePreset

if TYPE_CHECKING:
    from .options import Settings

# The weights that a stage reads: the option that names them, and their registered name. Stages
# that are not here bring none of their own.
_TAKES_APART = {"matting": "modnet", "inpainting": "migan"}
_WEIGHTS: dict[tuple[str, str], dict[str, str]] = {
    ("estimator", "rtmpose"): {"detector": "yolox-l", "pose": "dwpose-l-384"},
    ("speech", "whisper"): {"weights": "whisper-tiny-encoder"},
    ("speech", "whisper+mel"): {"weights": "whisper-tiny-encoder"},
    ("motion", "contextual"): {"tokenizer": "motion-tokenizer", "weights": "motion-generator"},
    ("motion", "skeleton-diffusion"): {"weights": "skeleton-diffusion"},
    ("motion", "fine-gesture"): {"weights": "fine-gesture"},
    ("motion", "dialogue"): {"weights": "dialogue"},
    ("renderer", "puppet"): _TAKES_APART,
    ("renderer", "learned"): {"weights": "renderer-lean", "face": "face-refiner", **_TAKES_APART},
    ("renderer", "animation"): {"weights": "animate-anyone"},
}
# What the embedded lip model hears with.
_PHONES = "whisper-tiny-encoder"
# Renderers whose time and memory are a GPU's.
_ON_GPU = ("animation", "wan-animate")
_WAN = "Wan-AI/Wan2.2-Animate-14B-Diffusers, some 50 GB, Apache-2.0, of the Hugging Face hub"
_ANYONE = (
    "animate-anyone: the public files of AnimateAnyone's reimplementation, some 10 GB, Apache-2.0, "
    "MIT and CreativeML OpenRAIL-M, fetched from the Hugging Face hub where they are not here; "
    "`gesticulate convert animation` makes one file of them"
)
_MEDIAPIPE = "models in the wheel of mediapipe"

# Measured by benchmarks/pipeline.py on two cores of a server without a GPU: seconds to begin, of
# motion a frame, and of rendering and encoding a frame and a megapixel.
_BEGIN, _MOTION, _FRAME, _MEGAPIXEL = 10.0, 0.009, 0.015, 0.06
# Of the learned renderer's networks, a frame: 65 ms of processor time, and 27 of the face's.
_NETWORKS = 0.047
# Megabytes of the loaded stages, of a frame's skeleton and speech, and of a megapixel's layers.
_LOADED, _PER_FRAME, _PER_MEGAPIXEL = 730.0, 0.013, 100.0


@dataclass(frozen=True)
class StagePlan:
    """One stage. weights: a line each, with size, licence and place."""

    role: str
    name: str
    options: dict[str, Any]
    weights: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A run as it would be.

    photo, size: (width, height) of the photo and of the video. seconds: of the speech.
    memory: MB at the peak, about. time: seconds on two processor cores, about; None where a GPU
        does the rendering.
    """

    preset: str
    stages: tuple[StagePlan, ...]
    photo: tuple[int, int]
    size: tuple[int, int]
    seconds: float
    fps: float
    frames: int
    memory: int
    time: int | None
    out: str
    encoder: str

    def json(self) -> str:
        """One line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    def text(self) -> str:
        """For people."""
        lines = [f"preset     {self.preset}"]
        for stage in self.stages:
            options = "".join(f", {key}={value}" for key, value in stage.options.items())
            lines.append(f"{stage.role:<11}{stage.name}{options}")
            lines += [f"{'':<11}  {line}" for line in stage.weights]
        (w, h), (width, height) = self.photo, self.size
        takes = f"about {self.time} s on two processor cores without a GPU"
        return "\n".join(
            [
                *lines,
                f"photo      {w} x {h} pixels",
                f"speech     {self.seconds:.2f} s",
                f"video      {self.out}: {self.frames} frames, {width} x {height} pixels, "
                f"{self.fps:g} frames/s",
                f"encoder    {self.encoder}",
                f"memory     about {self.memory} MB{'' if self.time else ' besides the GPU'}",
                f"time       {takes if self.time else 'as the GPU has it: the renderer needs one'}",
            ]
        )


def plan(
    photo: str | Path | np.ndarray, speech: str | Path, out: str | Path, settings: Settings
) -> Plan:
    """Resolve a run. The inputs are read, for only that tells that they can be; no model is.

    Raises: UsageError, InputError, WeightsError as the run would before its first stage.
    """
    from ..speech.load import load
    from ..video.photo import read_photo

    check_outputs(out, settings.save_poses, inputs=(photo, speech, settings.poses))
    settings.manner()
    preset = configs.load(settings.preset, PipelinePreset)
    stages = tuple(
        _stage(role, choice) for role in ROLES if (choice := getattr(preset, role)) is not None
    )
    if preset.lips is not None:
        stages += (
            StagePlan("lips", preset.lips, {}, (_describe(preset.lips), _describe(_PHONES))),
        )
    picture = photo if isinstance(photo, np.ndarray) else read_photo(photo)
    own = (picture.shape[1], picture.shape[0])
    size = output_size(own, settings.size)
    track = load(speech)
    frames = track.num_frames(settings.fps)
    learned = preset.renderer.name == "learned"
    memory, time = _estimate(track, frames, size, settings, learned)
    told = None if preset.renderer.name in _ON_GPU else time
    return Plan(
        settings.preset, stages, own, size, track.duration, settings.fps, frames, memory, told,
        str(out), str(chosen()),
    )  # fmt: skip


def _stage(role: str, choice: StageChoice) -> StagePlan:
    check_name(ROLES[role], choice.name)
    if (role, choice.name) == ("estimator", "auto"):
        return _auto()
    own = _WEIGHTS.get((role, choice.name), {})
    lines = [_describe(str(choice.options.get(key, name))) for key, name in own.items()]
    if (role, choice.name) == ("estimator", "mediapipe"):
        lines = [_MEDIAPIPE]
    if (role, choice.name) == ("renderer", "wan-animate"):
        lines = [str(choice.options.get("weights", _WAN))]
    return StagePlan(role, choice.name, choice.options, tuple(lines))


def _describe(name: str) -> str:
    """A line on registered weights, or on a file or folder of one's own."""
    if ":" in name:
        return f"{name}, of another package"
    own = name.endswith((".safetensors", ".onnx")) or len(Path(name).parts) > 1
    if own or Path(name).is_dir():
        return f"{name}{'' if Path(name).exists() else ' (missing)'}"
    if name == "animate-anyone" and not weights.available(name):
        return _ANYONE
    return str(weights.describe(name))


def _auto() -> StagePlan:
    """What `auto` would take now, or fetch."""
    names = tuple(_WEIGHTS["estimator", "rtmpose"].values())
    if all(weights.available(name) for name in names):
        return _stage("estimator", StageChoice("rtmpose"))
    fetched = tuple(_describe(name) for name in names)
    return StagePlan(
        "estimator", "auto", {}, (*fetched, f"else mediapipe: {_MEDIAPIPE}, used without a network")
    )


def _estimate(
    speech: Speech, frames: int, size: tuple[int, int], settings: Settings, learned: bool
) -> tuple[int, int]:
    """MB and seconds."""
    megapixels = size[0] * size[1] / 1e6
    memory = _LOADED + _PER_FRAME * frames + _PER_MEGAPIXEL * megapixels
    motion = 0.0 if settings.poses else _MOTION * speech.duration * 25
    time = _BEGIN + motion + frames * (_FRAME + learned * _NETWORKS + _MEGAPIXEL * megapixels)
    return round(memory), max(1, round(time))
