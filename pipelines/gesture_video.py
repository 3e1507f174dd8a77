"""The main job: a photo + a speech recording -> a video of that person speaking and gesturing.

    photo  -> portrait (person found, scaled) ---.
    speech -> features on 25 fps -> motion ------+-> poses at the video's fps -> frames -> file

Skeletons are held in memory as a whole (1.6 kB a frame), pictures never: they go from the
renderer to the encoder one by one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .. import __version__, configs, registry
from ..errors import InputError, UsageError
from ..keypoints.poses import Poses
from ..motion.manner import AS_MADE, Manner
from ..process_wide import one_blas_thread
from ..registry import StageChoice
from ..speech.track import Speech, SpeechFeatures
from .check import judged, within_freedom
from .components import Staged
from .log import collected_warnings
from .outputs import check_outputs
from .portrait import Portrait, prepare
from .preset import DEFAULT_PRESET, PipelinePreset
from .progress import Callback, Meter
from .skeleton import renderer_for
from .stages import (
    MotionGenerator,
    PoseEstimator,
    PreparedPhoto,
    Renderer,
    SpeechEncoder,
    check_prepares,
)

_log = logging.getLogger(__name__)

# The stages' roles in a pipeline, and where the registry has them.
ROLES = {
    "estimator": "pose_estimators",
    "speech": "speech_encoders",
    "motion": "motion_generators",
    "renderer": "renderers",
}
# Gestures as trained are medium; the others scale the distance from the rest pose.
EXPRESSIVENESS = {"low": 0.6, "medium": 1.0, "high": 1.4}
MIN_FPS, MAX_FPS = 1.0, 120.0
MIN_SECONDS = 0.4
# A pose file belongs to a speech if both last equally long, to within this.
_LENGTH_TOLERANCE = 0.1
# Whoever opens the file's properties learns what it is.
PROVENANCE = f"Made from a photo and a speech recording by gesticulate {__version__} (synthetic)."


@dataclass(frozen=True)
class GestureVideo:
    """What a run made.

    poses: the skeletons in the video's pixels and frame rate.
    photo_pose: the person in the photo, one frame, in the same pixels.
    speech: the features that the motion was made from, on the generator's frame rate; None where
        the poses were given.
    size: (width, height). num_frames: round(duration * fps).
    frames: [H, W, 3] uint8 RGB each, made while they are read; None where they went to ``path``.
    path: the video file, or None.
    timings: seconds by stage.
    notes: warnings of the run, in plain words.
    """

    poses: Poses
    photo_pose: Poses
    speech: SpeechFeatures | None
    size: tuple[int, int]
    fps: float
    num_frames: int
    frames: Iterator[np.ndarray] | None
    path: Path | None
    timings: dict[str, float]
    notes: tuple[str, ...]


def check_encoder(motion_generator: MotionGenerator, speech_encoder: SpeechEncoder) -> None:
    """Raises: UsageError where the generator reads another encoder's features."""
    if motion_generator.speech_encoder != speech_encoder.name:
        raise UsageError(
            f"The motion generator {motion_generator.name!r} reads "
            f"{motion_generator.speech_encoder!r} features, but the speech encoder is "
            f"{speech_encoder.name!r}. Use the encoder it was trained with."
        )


class GestureVideoPipeline(Staged):
    """Four stages, each of which can be another object that keeps its protocol."""

    def __init__(
        self,
        estimator: PoseEstimator,
        speech_encoder: SpeechEncoder,
        motion_generator: MotionGenerator,
        renderer: Renderer,
    ) -> None:
        check_encoder(motion_generator, speech_encoder)
        check_prepares(renderer)
        self.estimator = estimator
        self.speech_encoder = speech_encoder
        self.motion_generator = motion_generator
        self.renderer = renderer

    @classmethod
    def from_preset(
        cls,
        preset: str | Path = DEFAULT_PRESET,
        *,
        device: str = "auto",
        low_memory: bool = False,
        **stages: Any,
    ) -> GestureVideoPipeline:
        """Build the stages that a preset names.

        preset: a name (`gesticulate presets`) or a YAML file. device: "auto", "cpu", "cuda", for
        stages that take one. low_memory: as device, for stages that can do with less memory.
        stages: ``estimator``, ``speech``, ``motion`` or ``renderer`` in
        place of the preset's: a stage's name or an object that keeps its protocol. Another motion
        generator comes with the speech encoder that it was trained with, unless one is given. The
        preset's lip model listens along with any speech encoder.
        Raises: UsageError for an unknown preset, stage or option; WeightsError for weights that
        are damaged or cannot be fetched.
        """
        choices = configs.load(preset, PipelinePreset)
        unknown = set(stages) - set(ROLES)
        if unknown:
            raise UsageError(f"Unknown stage {sorted(unknown)[0]!r}; expected {', '.join(ROLES)}.")
        built: dict[str, Any] = {}
        # The renderer first: it may need a GPU, and says so before the others have loaded. The
        # speech encoder last: the motion generator tells which one it reads.
        order = ["renderer", "estimator", "motion", "speech"]
        for role in order:
            stage = stages.get(role, getattr(choices, role))
            if role == "speech" and "speech" not in stages and ("motion" in stages or not stage):
                stage = built["motion"].speech_encoder
            by_name = isinstance(stage, (str, StageChoice))
            built[role] = (
                registry.build(ROLES[role], stage, device=device, low_memory=low_memory)
                if by_name
                else stage
            )
        if choices.lips is not None:
            from ..motion.lip_model import EncoderWithLips, LipModel

            built["speech"] = EncoderWithLips(built["speech"], LipModel(choices.lips))
        return cls(built["estimator"], built["speech"], built["motion"], built["renderer"])

    def __call__(
        self,
        photo: str | Path | np.ndarray,
        speech: str | Path | Speech,
        out: str | Path | None = None,
        *,
        fps: float = 25.0,
        size: int | None = None,
        seed: int = 0,
        expressiveness: float | Literal["low", "medium", "high"] = "medium",
        manner: Manner = AS_MADE,
        poses: Poses | str | Path | None = None,
        save_poses: str | Path | None = None,
        preview: Literal["skeleton"] | None = None,
        callback: Callback | None = None,
    ) -> GestureVideo:
        """Make the video.

        photo: a picture file, or [H, W, 3] uint8 RGB. speech: a sound or video file, or a Speech.
        out: the video to write; without it the result holds the frames as a stream.
        fps: frames a second of the video. size: pixels of its longer side; None keeps the
        photo's, up to 1280. seed: another one gives another motion, the same one the same.
        expressiveness: how large gestures are; a number scales them, 1 is as trained. manner: how
        often and how far hands move, by numbers and by a style.
        poses: skeletons, or a file of `save_poses`, to render instead of new motion.
        save_poses: .npz file for the skeletons. preview: "skeleton" draws those only.
        Raises: UsageError, InputError, WeightsError; nothing half-written is left behind.
        """
        scale = scale_of(expressiveness)
        check_fps(fps)
        if poses is not None and manner != AS_MADE:
            raise UsageError(
                "A style, gesture rate or gesture amplitude is for new motion. Leave it out, or "
                "the poses."
            )
        renderer = renderer_for(preview, self.renderer)
        check_outputs(out, save_poses, inputs=(photo, speech, poses))
        meter = Meter(callback)
        with one_blas_thread.held(), collected_warnings() as notes:
            track = self._load_speech(speech, meter)
            portrait, prepared = self._prepare(photo, size, renderer, meter)
            features = None
            if poses is None:
                features, skeletons = self._generate(portrait, track, seed, scale, manner, meter)
            else:
                skeletons = _given(poses, portrait, track)
            skeletons = on_clock(skeletons, fps, track.num_frames(fps))
            if save_poses is not None:
                skeletons.save(save_poses)
            frames = meter.stream("render", prepared.render(skeletons), len(skeletons))
            if out is not None:
                write(Path(out), frames, portrait.pose.size, len(skeletons), track, fps, meter)
        return GestureVideo(
            poses=skeletons,
            photo_pose=portrait.pose,
            speech=features,
            size=portrait.pose.size,
            fps=fps,
            num_frames=len(skeletons),
            frames=frames if out is None else None,
            path=None if out is None else Path(out),
            timings=meter.timings,
            notes=tuple(notes),
        )

    def _load_speech(self, speech: str | Path | Speech, meter: Meter) -> Speech:
        from ..speech.load import load

        if isinstance(speech, Speech):
            track = speech
        else:
            with meter.stage("read"):
                track = load(speech)
        check_duration(track.duration)
        return track

    def _prepare(
        self, photo: str | Path | np.ndarray, size: int | None, renderer: Renderer, meter: Meter
    ) -> tuple[Portrait, PreparedPhoto]:
        """The person in the photo, and the photo as the renderer needs it."""
        from ..video.photo import read_photo

        with meter.stage("photo"):
            picture = photo if isinstance(photo, np.ndarray) else read_photo(photo)
            portrait = prepare(picture, self.estimator, size, self.motion_generator.fps)
            portrait = judged(portrait, self.renderer)
            return portrait, renderer.prepare(portrait.picture, portrait.pose)

    def _generate(
        self,
        portrait: Portrait,
        speech: Speech,
        seed: int,
        expressiveness: float,
        manner: Manner,
        meter: Meter,
    ) -> tuple[SpeechFeatures, Poses]:
        """Speech -> motion -> the photo's own skeleton, on the generator's frame rate."""
        from ..keypoints.person import to_motion
        from ..keypoints.retarget import retarget
        from ..motion.finish import make_motion

        generator = self.motion_generator
        with meter.stage("features"):
            features = self.speech_encoder.encode(speech, generator.fps)
        if features.voice.max() == 0:
            _log.warning("No voice was found in the sound: the person rests.")
        with meter.stage("motion", steps=len(features)):
            motion = make_motion(
                generator,
                features,
                to_motion(portrait.pose),
                seed=seed,
                expressiveness=expressiveness,
                manner=manner,
            )
            return features, within_freedom(retarget(motion, portrait.pose), portrait)


def check_fps(fps: float) -> None:
    """Raises: UsageError for a frame rate that no video has."""
    if not MIN_FPS <= fps <= MAX_FPS:
        raise UsageError(f"fps is {fps:g}. Expected {MIN_FPS:g} to {MAX_FPS:g} frames/s.")


def check_duration(seconds: float) -> None:
    """Raises: InputError for speech that is too short to be one."""
    if seconds < MIN_SECONDS:
        raise InputError(f"The speech lasts {seconds:.2f} s; at least {MIN_SECONDS} s are needed.")


def scale_of(expressiveness: float | str) -> float:
    """An expressiveness by name, or itself. Raises: UsageError for an unknown name."""
    if isinstance(expressiveness, str):
        if expressiveness not in EXPRESSIVENESS:
            raise UsageError(
                f"There is no expressiveness {expressiveness!r}. "
                f"Expected one of: {', '.join(EXPRESSIVENESS)}."
            )
        return EXPRESSIVENESS[expressiveness]
    return float(expressiveness)


def _given(poses: Poses | str | Path, portrait: Portrait, speech: Speech) -> Poses:
    """Saved skeletons, in the video's pixels. Raises: InputError where they do not fit."""
    loaded = poses if isinstance(poses, Poses) else Poses.load(poses)
    (width, height), (w, h) = loaded.size, portrait.pose.size
    if abs(width * h - w * height) > max(w, h) * max(width, height) * 0.01:
        raise InputError(
            f"The poses belong to a picture of {width} x {height}, the video has {w} x {h}: "
            "another shape. Use the photo they were made for."
        )
    lasts = len(loaded) / loaded.fps
    if abs(lasts - speech.duration) > _LENGTH_TOLERANCE:
        raise InputError(
            f"The poses last {lasts:.2f} s, the speech {speech.duration:.2f} s. "
            "Use the speech they were made for."
        )
    return loaded if loaded.size == (w, h) else loaded.scaled((w, h))


def on_clock(poses: Poses, fps: float, num_frames: int) -> Poses:
    """The poses on another frame rate, exactly ``num_frames`` of them."""
    from ..keypoints.retarget import resample

    if poses.fps == fps and len(poses) == num_frames:
        return poses
    return resample(poses, fps, num_frames)


def write(
    out: Path,
    frames: Iterator[np.ndarray],
    size: tuple[int, int],
    num_frames: int,
    sound: Speech | Path,
    fps: float,
    meter: Meter,
) -> None:
    """Encode the stream "render" of a meter, marked as synthetic.

    size: (width, height). num_frames: exactly so many must come.
    """
    from ..video.write import write_video

    began, rendering = time.perf_counter(), meter.timings.get("render", 0.0)
    write_video(
        out,
        frames,
        fps=fps,
        size=size,
        sound=sound,
        num_frames=num_frames,
        metadata={"comment": PROVENANCE},
    )
    rendering = meter.timings["render"] - rendering
    meter.add("encode", time.perf_counter() - began - rendering)
