"""What every motion generator checks before it begins, and how diffusion is told a pose."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from ..errors import UsageError
from ..keypoints.motion import Motion
from ..speech.track import SpeechFeatures
from .vectors import SEEN, to_vectors


class Reader(Protocol):
    """What names a generator and the speech that it reads."""

    name: str
    fps: float
    speech_encoder: str


class Pose(NamedTuple):
    """vector: [232], the motion vector of one frame. seen: [232] bool, which of its numbers the
    frame shows."""

    vector: Tensor
    seen: Tensor


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


def pose_of(reference: Motion, device: torch.device) -> Pose:
    """What a reference of one frame tells."""
    vector = np.concatenate(to_vectors(reference.points), axis=1)[0]
    seen = np.repeat(reference.confidence[0] > SEEN, 2)
    return Pose(torch.from_numpy(vector).to(device), torch.from_numpy(seen).to(device))
