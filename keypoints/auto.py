"""The best pose estimator that this machine can have."""

from __future__ import annotations

import logging

from .. import weights
from ..errors import WeightsError
from .mediapipe import MediaPipeEstimator
from .rtmpose import NEEDED_WEIGHTS, RTMPoseEstimator

_log = logging.getLogger(__name__)


def choose_estimator(device: str = "auto") -> RTMPoseEstimator | MediaPipeEstimator:
    """RTMPose where its weights are here or can be fetched, else MediaPipe; says which in the log.

    device: "auto", "cpu", "cuda", ...; MediaPipe runs on the CPU anyway.
    """
    estimator, statement = auto(device)
    _log.info(statement)
    return estimator


def auto(device: str = "auto") -> tuple[RTMPoseEstimator | MediaPipeEstimator, str]:
    """The estimator, and one line that says which it is and why."""
    try:
        for name in NEEDED_WEIGHTS:
            weights.resolve(name)
        return RTMPoseEstimator(device=device), "Poses by RTMPose: its weights are at hand."
    except WeightsError as error:
        _log.debug("%s", error)
        here = all(weights.available(name) for name in NEEDED_WEIGHTS)
        reason = str(error) if here else "RTMPose's weights are not here and cannot be fetched."
        return MediaPipeEstimator(), f"Poses by MediaPipe: {reason}"
