"""The four stages a pipeline is built from. Each is a Protocol: no base class to inherit.

Another package adds a stage by an entry point in one of the groups ``gesticulate.pose_estimators``,
``gesticulate.speech_encoders``, ``gesticulate.motion_generators``, ``gesticulate.renderers``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

import numpy as np

from ..errors import UsageError
from ..keypoints.motion import Motion
from ..keypoints.poses import Poses
from ..motion.dialogue.talk import Talk
from ..speech.track import Speech, SpeechFeatures


@runtime_checkable
class PoseEstimator(Protocol):
    """Pictures -> whole-body skeletons."""

    name: str

    def detect(self, frame: np.ndarray) -> np.ndarray:
        """All persons of one picture.

        frame: [H, W, 3] uint8 RGB. Returns [P, 133, 3] float32 (x, y in pixels, confidence in
        0..1), largest face first; [0, 133, 3] where nobody is seen. Points that were not seen
        have confidence 0.
        """
        ...

    def track(self, frames: Iterable[np.ndarray], fps: float) -> Poses:
        """One person over a video: the one with the largest face, followed from frame to frame.

        frames: [H, W, 3] uint8 RGB each, all of one size. A frame without the person has
        confidence 0 everywhere. Nothing is smoothed or filled in.
        Raises: InputError where there is no frame, or frames differ in size.
        """
        ...


@runtime_checkable
class SpeechEncoder(Protocol):
    """Speech -> features on the video's frame clock."""

    name: str
    channels: int

    def encode(self, speech: Speech, fps: float) -> SpeechFeatures:
        """T = speech.num_frames(fps) rows of ``channels`` features. Same speech, same features."""
        ...


@runtime_checkable
class MotionGenerator(Protocol):
    """Speech features + a reference skeleton -> motion."""

    name: str
    fps: float
    speech_encoder: str

    def generate(
        self,
        speech: SpeechFeatures,
        reference: Motion,
        *,
        seed: int = 0,
    ) -> Motion:
        """Raw motion of len(speech) frames.

        speech: on the generator's own frame rate. reference: one frame, the photo's pose.
        seed: noise is drawn on the CPU from it, so that a seed gives the same motion anywhere;
        `motion.seeds` gives each stream of motion its own.

        Pipelines finish it (`motion.finish.finish`): it begins at the reference, lips close in
        silence, hands rest, eyes blink, and gestures are as large and frequent as asked for. A
        generator that wants more or less of that returns a `motion.finish.RawMotion`, which says
        so; for a plain Motion it is as little as may be.
        """
        ...


@runtime_checkable
class MotionEditor(Protocol):
    """A motion generator that can also make a span of a given motion anew."""

    name: str
    fps: float

    def infill(
        self,
        speech: SpeechFeatures,
        motion: Motion,
        span: tuple[int, int],
        *,
        streams: tuple[str, ...] = ("face", "body"),
        seed: int = 0,
    ) -> Motion:
        """Raw motion of len(motion) frames whose span (first, behind the last) is new and fits the
        frames around it. streams: "face" for head and face, "body" for arms and hands."""
        ...


@runtime_checkable
class DialogueGenerator(Protocol):
    """Speech of two people in talk + their reference skeletons -> a motion each."""

    name: str
    fps: float
    speech_encoder: str

    def converse(
        self,
        talk: Talk,
        references: tuple[Motion, Motion],
        *,
        seed: int = 0,
    ) -> tuple[Motion, Motion]:
        """Raw motions of len(talk) frames.

        Swapped speakers (``talk.swapped()`` and the references the other way round) give the same
        motions, swapped. Pipelines finish them (`motion.dialogue.finish`), and close the lips and
        rest the hands of who only listens. The rest as `MotionGenerator.generate`.
        """
        ...


class PreparedPhoto(Protocol):
    """A photo that a renderer has made ready: any number of sequences are rendered from it."""

    def render(self, poses: Poses) -> Iterator[np.ndarray]:
        """One frame a pose, as a stream, in the photo's size.

        poses: in the photo's pixels. Yields [H, W, 3] uint8 RGB. Pixels that nothing moves over are
        the photo's. Streams of one photo may be read in turns; each yields what it yields alone.
        Raises: InputError where the poses do not belong to the photo's size.
        """
        ...


@runtime_checkable
class Renderer(Protocol):
    """Photo + skeletons -> frames: ``renderer.prepare(photo, photo_pose).render(poses)``."""

    name: str

    def prepare(self, photo: np.ndarray, photo_pose: Poses) -> PreparedPhoto:
        """Do once what depends on the photo alone (segmentation, inpainting, encoding).

        photo: [H, W, 3] uint8 RGB, left as it is. photo_pose: one frame, the person in the photo,
        in its pixels.
        Raises: InputError where the pose does not belong to the photo's size.
        """
        ...


def check_prepares(renderer: Renderer) -> None:
    """Raises: UsageError for an object that does not keep `Renderer`, such as one with the single
    method ``render(photo, photo_pose, poses)`` that renderers had at first."""
    if not isinstance(renderer, Renderer):
        name = getattr(renderer, "name", type(renderer).__name__)
        raise UsageError(
            f"The renderer {name!r} has no method `prepare`. Expected prepare(photo, photo_pose), "
            "which returns an object with render(poses). A render(photo, photo_pose, poses) is "
            "made into that by a few lines: see docs/swap-a-renderer.md."
        )
