"""Finding persons in a picture: YOLOX as ONNX, through rtmlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .. import weights
from .onnx_models import input_size, load_model, onnx_device

WEIGHTS = "yolox-l"
_PERSON = 0  # of the COCO classes
_SCORE, _OVERLAP = 0.4, 0.45


class PersonDetector:
    """Boxes of the persons of a picture."""

    def __init__(self, path: str | Path | None = None, device: str = "auto") -> None:
        """path: a YOLOX ONNX file; None takes the registered weights, fetched if need be.

        Raises: WeightsError where the file is missing, damaged, or cannot be fetched.
        """
        from rtmlib import YOLOX

        path = path or weights.resolve(WEIGHTS)
        self._model: Any = load_model(
            YOLOX, path, onnx_device(device), score_thr=_SCORE, nms_thr=_OVERLAP
        )
        width, height = input_size(self._model, path)
        self._model.model_input_size = (height, width)
        # Five columns: boxes and scores of persons alone, already sorted out in the model.
        self._persons_only = self._model.session.get_outputs()[0].shape[-1] == 5
        self._model.det_mode = "human" if self._persons_only else "multiclass"

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """[H, W, 3] uint8 RGB -> [B, 4] left, top, right, bottom in pixels.

        YOLOX was trained on OpenCV's BGR pictures with values 0..255 as they are.
        """
        found = self._model(frame[..., ::-1])
        if self._persons_only:
            return np.asarray(found, np.float32).reshape(-1, 4)
        boxes, classes = found
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        return boxes[np.asarray(classes).reshape(-1) == _PERSON]
