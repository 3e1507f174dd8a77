"""The four stages a pipeline is built from. Each is a Protocol: no base class to inherit.

Another package adds a stage by an entry point in one of the groups ``gesticulate.pose_estimators``,
``gesticulate.speech_encoders``, ``gesticulate.motion_generators``, ``gesticulate.renderers``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

import numpy as np

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


@runtime_checkable
class Renderer(Protocol):
    """Photo + skeletons -> frames."""

    name: str

    def render(self, photo: np.ndarray, photo_pose: Poses, poses: Poses) -> Iterator[np.ndarray]:
        """One frame a pose, as a stream, in the photo's size.

        photo: [H, W, 3] uint8 RGB. photo_pose: one frame, the person in the photo. poses: in the
        photo's pixels. Yields [H, W, 3] uint8 RGB. Pixels that nothing moves over are the photo's.
        Raises: InputError where a pose does not belong to the photo's size.
        """
        ...
