"""What every motion generator checks before it begins."""

from __future__ import annotations

from typing import Protocol

from ..errors import UsageError
from ..keypoints.motion import Motion
from ..speech.track import SpeechFeatures


class Reader(Protocol):
    """What names a generator and the speech that it reads."""

    name: str
    fps: float
    speech_encoder: str


def check_inputs(
    generator: Reader, channels: int, speech: SpeechFeatures, reference: Motion
) -> None:
    """channels: of the speech features that the generator was trained on.

    Raises: UsageError for other speech features; ValueError where the reference is not one frame.
    """
    if speech.features.shape[1] != channels or speech.fps != generator.fps:
        raise UsageError(
            f"The motion generator {generator.name!r} reads {channels} channels at "
            f"{generator.fps:g} frames a second from the speech encoder "
            f"{generator.speech_encoder!r}, got {speech.features.shape[1]} at {speech.fps:g}. "
            "Use that encoder."
        )
    if len(reference) != 1:
        raise ValueError(f"the reference must be one frame, got {len(reference)}")
