"""RTMPose, RTMW and DWPose whole-body models as pose estimator: ONNX, through rtmlib."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .. import weights
from ..errors import WeightsError
from . import layout
from .crops import picture_size
from .detections import hide_outside, largest_face_first
from .frames import check_frame
from .onnx_models import input_size, load_model, onnx_device
from .person_detector import WEIGHTS as DETECTOR_WEIGHTS
from .person_detector import PersonDetector
from .poses import Poses
from .top_down import track_top_down

WEIGHTS = "dwpose-l-384"
NEEDED_WEIGHTS = (WEIGHTS, DETECTOR_WEIGHTS)
# Bins per pixel of the input in the models' SimCC outputs, which rtmlib counts on.
_BINS_PER_PIXEL = 2


class RTMPoseEstimator:
    """Top-down: persons are found first, then each is looked at in its own box.

    It is a `PoseEstimator` (pipelines/stages.py has the contract).
    """

    name = "rtmpose"

    def __init__(
        self,
        pose: str | Path | None = None,
        detector: str | Path | None = None,
        device: str = "auto",
    ) -> None:
        """pose, detector: ONNX files of a 133-point SimCC model and of YOLOX; None takes the
        registered weights, fetched if need be. device: "auto", "cpu", "cuda" or "mps".

        Raises: WeightsError where a file is missing, damaged, of another kind, or cannot be
        fetched.
        """
        from rtmlib import RTMPose

        path = pose or weights.resolve(WEIGHTS)
        self._pose: Any = load_model(RTMPose, path, onnx_device(device))
        self._pose.model_input_size = input_size(self._pose, path)
        _check_outputs(self._pose, path)
        self._persons = PersonDetector(detector, device)

    def detect(self, frame: np.ndarray) -> np.ndarray:
        """[H, W, 3] uint8 RGB -> [P, 133, 3] x, y, confidence; largest face first."""
        check_frame(frame)
        return largest_face_first(self._poses_in(frame, self._persons(frame)))

    def track(self, frames: Iterable[np.ndarray], fps: float) -> Poses:
        """The person with the largest face, followed over [H, W, 3] uint8 RGB frames."""
        return track_top_down(frames, fps, self.detect, self._poses_in)

    def _poses_in(self, frame: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """[B, 4] boxes in pixels -> [B, 133, 3].

        The models were trained on RGB (mmpose's configurations say bgr_to_rgb=True, with mean and
        deviation in the order RGB). rtmlib's examples hand over OpenCV's BGR and rtmlib does not
        swap (its issue 48); a frame in RGB is right as it is.
        """
        if not len(boxes):
            return np.zeros((0, layout.NUM_POINTS, 3), np.float32)
        xy, scores = self._pose(frame, bboxes=boxes)
        points = np.concatenate([xy, np.clip(scores, 0, 1)[..., None]], axis=-1)
        return hide_outside(points.astype(np.float32), picture_size(frame))


def _check_outputs(model: Any, path: str | Path) -> None:
    """Raises: WeightsError where a model's outputs are not SimCC vectors of 133 points."""
    shapes = [output.shape for output in model.session.get_outputs()]
    expected = [(layout.NUM_POINTS, _BINS_PER_PIXEL * side) for side in model.model_input_size]
    fits = len(shapes) == 2 and all(map(_fits, shapes, expected))
    if not fits:
        raise WeightsError(
            f"{path} is no whole-body SimCC model: its outputs have the shapes {shapes}, expected "
            f"[batch, {layout.NUM_POINTS}, {expected[0][1]}] and "
            f"[batch, {layout.NUM_POINTS}, {expected[1][1]}]."
        )


def _fits(shape: list[int | str], expected: tuple[int, int]) -> bool:
    """Whether [batch, points, bins] is as expected where the model fixes it."""
    return len(shape) == 3 and all(
        not isinstance(side, int) or side == want
        for side, want in zip(shape[1:], expected, strict=True)
    )
