"""Dialogue: two photos + what both say -> one video of them in talk, side by side, or one each.

photos -> two portraits of one height ----------------------------------.
speech -> each one's own, and the mix -> two motions, made for each other +-> poses -> frames
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...atomic import temporary_folder
from ...errors import UsageError
from ...keypoints.poses import Poses
from ...motion.dialogue.talk import Talk
from ...motion.dialogue.turn_taking import TurnTaking
from ...process_wide import one_blas_thread
from ...speech.turns import Conversation
from .. import gesture_video as single
from ..check import judged, within_freedom
from ..components import Staged
from ..log import collected_warnings
from ..outputs import check_outputs
from ..portrait import MAX_SIZE, MIN_SIZE, Portrait, place
from ..preset import DEFAULT_PRESET
from ..progress import Callback, Meter
from ..skeleton import renderer_for
from ..stages import (
    DialogueGenerator,
    PoseEstimator,
    PreparedPhoto,
    Renderer,
    SpeechEncoder,
    check_prepares,
)
from .sound import joint_sound, own_sound

# Pixels of the video's height, where the photos have more.
DEFAULT_HEIGHT = 1080
Photo = str | Path | np.ndarray


@dataclass(frozen=True)
class DialogueVideo:
    """What a run made.

    poses, photo_poses: of the left and the right person, each in the pixels of its own picture.
    talk: the features that the motions were made from. size: (width, height) of the video, or of
    the left one's. num_frames: round(duration * fps). frames: [H, W, 3] uint8 RGB each, made while
    they are read; None where they went to ``paths``, the files. timings: seconds by stage.
    notes: warnings of the run, in plain words.
    """

    poses: tuple[Poses, Poses]
    photo_poses: tuple[Poses, Poses]
    talk: Talk
    size: tuple[int, int]
    fps: float
    num_frames: int
    frames: Iterator[np.ndarray] | None
    paths: tuple[Path, ...]
    timings: dict[str, float]
    notes: tuple[str, ...]


class DialoguePipeline(Staged):
    """The stages of the main job. A motion generator that knows of two people is used as such
    (`DialogueGenerator`); any other one makes each side to its own speech, in turns."""

    def __init__(
        self,
        estimator: PoseEstimator,
        speech_encoder: SpeechEncoder,
        motion_generator: Any,
        renderer: Renderer,
    ) -> None:
        single.check_encoder(motion_generator, speech_encoder)
        check_prepares(renderer)
        self.estimator = estimator
        self.speech_encoder = speech_encoder
        self.motion_generator: DialogueGenerator = (
            motion_generator
            if isinstance(motion_generator, DialogueGenerator)
            else TurnTaking(motion_generator)
        )
        self.renderer = renderer

    @classmethod
    def from_preset(
        cls, preset: str | Path = DEFAULT_PRESET, *, device: str = "auto", **stages: Any
    ) -> DialoguePipeline:
        """As `GestureVideoPipeline.from_preset`."""
        built = single.GestureVideoPipeline.from_preset(preset, device=device, **stages)
        return cls(built.estimator, built.speech_encoder, built.motion_generator, built.renderer)

    def __call__(
        self,
        left: Photo,
        right: Photo,
        speech: Conversation | Sequence[str | Path],
        out: str | Path | None = None,
        *,
        separate: bool = False,
        fps: float = 25.0,
        size: int | None = None,
        seed: int = 0,
        expressiveness: float | Literal["low", "medium", "high"] = "medium",
        preview: Literal["skeleton"] | None = None,
        callback: Callback | None = None,
    ) -> DialogueVideo:
        """Make the video, or the two.

        left, right: picture files, or [H, W, 3] uint8 RGB. speech: a Conversation, or the files
        that `read_conversation` makes one of. out: the video to write; without it the result holds
        the frames as a stream. separate: two videos, ``out-left.mp4`` and ``out-right.mp4``.
        size: pixels of the height; None takes the lower photo's, up to 1080. The rest as
        `GestureVideoPipeline`.
        Raises: UsageError, InputError, WeightsError; nothing half-written is left behind.
        """
        scale = single.scale_of(expressiveness)
        single.check_fps(fps)
        renderer = renderer_for(preview, self.renderer)
        paths = out_paths(out, separate)
        files = () if isinstance(speech, Conversation) else tuple(speech)
        for path in paths:
            check_outputs(path, None, inputs=(left, right, *files))
        meter = Meter(callback)
        with one_blas_thread.held(), collected_warnings() as notes:
            conversation = _load(speech, meter)
            portraits, prepared = self._prepare((left, right), size, renderer, meter)
            talk, skeletons = self._generate(portraits, conversation, seed, scale, meter)
            count = conversation.num_frames(fps)
            poses = tuple(single.on_clock(side, fps, count) for side in skeletons)
            width = sum(portrait.pose.size[0] for portrait in portraits)
            sizes = (width, portraits[0].pose.size[1])
            frames = None
            if separate:
                _write_each(paths, prepared, poses, conversation, fps, meter)
                sizes = portraits[0].pose.size
            else:
                frames = meter.stream("render", _beside(prepared, poses), count)
                if paths:
                    with temporary_folder(paths[0].parent) as folder:
                        sound = joint_sound(conversation, folder)
                        single.write(paths[0], frames, sizes, count, sound, fps, meter)
        return DialogueVideo(
            poses=(poses[0], poses[1]),
            photo_poses=(portraits[0].pose, portraits[1].pose),
            talk=talk,
            size=sizes,
            fps=fps,
            num_frames=count,
            frames=None if paths else frames,
            paths=paths,
            timings=meter.timings,
            notes=tuple(notes),
        )

    def _prepare(
        self, photos: tuple[Photo, Photo], size: int | None, renderer: Renderer, meter: Meter
    ) -> tuple[tuple[Portrait, Portrait], tuple[PreparedPhoto, PreparedPhoto]]:
        """Both portraits, of one height, and the photos as the renderer needs them."""
        from ...video.photo import read_photo

        with meter.stage("photo", steps=2):
            pictures = [p if isinstance(p, np.ndarray) else read_photo(p) for p in photos]
            height = common_height([picture.shape[0] for picture in pictures], size)
            left, right = (
                place(
                    picture,
                    self.estimator,
                    (max(2, round(picture.shape[1] * height / picture.shape[0])), height),
                    self.motion_generator.fps,
                )
                for picture in pictures
            )
            left, right = judged(left, self.renderer), judged(right, self.renderer)
            first, second = (
                renderer.prepare(portrait.picture, portrait.pose) for portrait in (left, right)
            )
            return (left, right), (first, second)

    def _generate(
        self,
        portraits: tuple[Portrait, Portrait],
        conversation: Conversation,
        seed: int,
        expressiveness: float,
        meter: Meter,
    ) -> tuple[Talk, tuple[Poses, Poses]]:
        """Speech -> motions -> the photos' own skeletons, on the generator's frame rate."""
        from ...keypoints.person import to_motion
        from ...keypoints.retarget import retarget
        from ...motion.dialogue.finish import make_talk

        generator = self.motion_generator
        with meter.stage("features", steps=3):
            talk = Talk(
                *(
                    self.speech_encoder.encode(speech, generator.fps)
                    for speech in (conversation.left, conversation.right, conversation.mix)
                )
            )
        with meter.stage("motion", steps=2 * len(talk)):
            left, right = (portrait.pose for portrait in portraits)
            motions = make_talk(
                generator,
                talk,
                (to_motion(left), to_motion(right)),
                seed=seed,
                expressiveness=expressiveness,
            )
            own = (retarget(motions[0], left), retarget(motions[1], right))
            return talk, (
                within_freedom(own[0], portraits[0]),
                within_freedom(own[1], portraits[1]),
            )


def _beside(
    prepared: tuple[PreparedPhoto, PreparedPhoto], poses: tuple[Poses, ...]
) -> Iterator[np.ndarray]:
    """Frames of both, [H, W left + W right, 3]."""
    left, right = (photo.render(side) for photo, side in zip(prepared, poses, strict=True))
    for frames in zip(left, right, strict=True):
        yield np.concatenate(frames, axis=1)


def _write_each(
    paths: tuple[Path, ...],
    prepared: tuple[PreparedPhoto, PreparedPhoto],
    poses: tuple[Poses, ...],
    conversation: Conversation,
    fps: float,
    meter: Meter,
) -> None:
    with temporary_folder(paths[0].parent) as folder:
        for side, path in enumerate(paths):
            frames = prepared[side].render(poses[side])
            single.write(
                path,
                meter.stream("render", frames, len(poses[side])),
                poses[side].size,
                len(poses[side]),
                own_sound(conversation, side, folder),
                fps,
                meter,
            )


def out_paths(out: str | Path | None, separate: bool) -> tuple[Path, ...]:
    """The files to write. Raises: UsageError for two videos without a name."""
    if out is None:
        if separate:
            raise UsageError("Two separate videos need a name to write them to (out).")
        return ()
    path = Path(out)
    if not separate:
        return (path,)
    return tuple(path.with_name(f"{path.stem}-{side}{path.suffix}") for side in ("left", "right"))


def common_height(heights: list[int], asked: int | None) -> int:
    """The height of both pictures. Raises: UsageError for one out of range."""
    if asked is None:
        return min(*heights, DEFAULT_HEIGHT)
    if not MIN_SIZE <= asked <= MAX_SIZE:
        raise UsageError(
            f"The size {asked} is out of range. Expected {MIN_SIZE} to {MAX_SIZE} pixels for the "
            "height."
        )
    return asked


def _load(speech: Conversation | Sequence[str | Path], meter: Meter) -> Conversation:
    from ...speech.turns import read_conversation

    if isinstance(speech, Conversation):
        conversation = speech
    else:
        with meter.stage("read"):
            conversation = read_conversation(speech)
    single.check_duration(conversation.duration)
    return conversation
