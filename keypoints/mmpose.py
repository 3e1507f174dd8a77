"""Any whole-body model of mmpose as pose estimator (extra ``mmpose``)."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import pickle
import sys
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UsageError, WeightsError
from . import layout
from .crops import picture_size
from .detections import hide_outside, largest_face_first
from .frames import check_frame
from .person_detector import PersonDetector
from .poses import Poses
from .top_down import track_top_down


class MMPoseEstimator:
    """Top-down: a YOLOX detector finds persons, an mmpose model looks at each in its box.

    It is a `PoseEstimator` (pipelines/stages.py has the contract).
    """

    name = "mmpose"

    def __init__(
        self,
        config: str | Path,
        checkpoint: str | Path,
        detector: str | Path | None = None,
        device: str = "auto",
    ) -> None:
        """config: an mmpose configuration of a 133-point top-down model. checkpoint: its weights.

        detector: a YOLOX ONNX file; None takes the registered weights, fetched if need be.
        device: "auto" or a torch device.
        Raises: UsageError where mmpose is not installed; WeightsError where a file is missing or
        cannot be loaded.
        """
        init_model = _mmpose_apis().init_model
        for file in (config, checkpoint):
            if not Path(file).is_file():
                raise WeightsError(f"No file at {file}; expected a configuration and its weights.")
        try:
            with _numpy_in_checkpoints():
                self._model: Any = init_model(
                    str(config), str(checkpoint), device=_torch_device(device)
                )
        except pickle.UnpicklingError as error:
            raise WeightsError(
                f"{checkpoint} holds more than weights and arrays, and could run any program. If "
                "you trust it, keep its weights alone: torch.save({'state_dict': "
                "torch.load(path, weights_only=False)['state_dict']}, path)"
            ) from error
        except Exception as error:
            raise WeightsError(
                f"mmpose cannot load {checkpoint} with {config}: {type(error).__name__}: {error}"
            ) from error
        self._persons = PersonDetector(detector, "auto" if device == "auto" else device)

    def detect(self, frame: np.ndarray) -> np.ndarray:
        """[H, W, 3] uint8 RGB -> [P, 133, 3] x, y, confidence; largest face first."""
        check_frame(frame)
        return largest_face_first(self._poses_in(frame, self._persons(frame)))

    def track(self, frames: Iterable[np.ndarray], fps: float) -> Poses:
        """The person with the largest face, followed over [H, W, 3] uint8 RGB frames."""
        return track_top_down(frames, fps, self.detect, self._poses_in)

    def _poses_in(self, frame: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """[B, 4] boxes in pixels -> [B, 133, 3].

        mmpose takes BGR and swaps as the model's configuration says.
        """
        if not len(boxes):
            return np.zeros((0, layout.NUM_POINTS, 3), np.float32)
        bgr = np.ascontiguousarray(frame[..., ::-1])
        samples = _mmpose_apis().inference_topdown(self._model, bgr, boxes)
        found = [sample.pred_instances for sample in samples]
        xy = np.concatenate([instances.keypoints for instances in found])
        scores = np.concatenate([instances.keypoint_scores for instances in found])
        if xy.shape[1:] != (layout.NUM_POINTS, 2):
            raise WeightsError(
                f"This mmpose model finds {xy.shape[1]} points, expected the "
                f"{layout.NUM_POINTS} of COCO-WholeBody. Use a whole-body configuration."
            )
        points = np.concatenate([xy, np.clip(scores, 0, 1)[..., None]], axis=-1)
        return hide_outside(points.astype(np.float32), picture_size(frame))


def _mmpose_apis() -> Any:
    """The module mmpose.apis. Raises: UsageError where the extra is not installed."""
    try:
        with _stand_in_for_compiled_ops():
            # RTMPose's backbone is mmdet's; mmpose would import it only when it builds a model.
            importlib.import_module("mmdet.models")
            return importlib.import_module("mmpose.apis")
    except ImportError as error:
        raise UsageError(
            f"The pose estimator 'mmpose' needs an extra that is not installed ({error}). "
            "Run: pip install 'gesticulate[mmpose]'"
        ) from error


class _MissingOps(types.ModuleType):
    """In place of mmcv's compiled operations: any name is a function that says it is missing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*_: Any, **__: Any) -> None:
            raise UsageError(
                f"This mmpose model calls mmcv's compiled operation {name!r}, which mmcv-lite has "
                "not. Install mmcv 2.1.0 in its place."
            )

        return missing


@contextlib.contextmanager
def _stand_in_for_compiled_ops() -> Iterator[None]:
    """Let mmpose be imported beside mmcv-lite.

    The extra takes mmcv-lite, because mmcv proper has to be compiled for each torch. mmpose's and
    mmdet's modules name mmcv's compiled operations when they are imported, though top-down
    whole-body models call none of them.
    """
    name = "mmcv._ext"
    if importlib.util.find_spec(name) is not None:
        yield
        return
    sys.modules[name] = _MissingOps(name)
    try:
        yield
    finally:
        del sys.modules[name]


def _numpy_in_checkpoints() -> contextlib.AbstractContextManager:
    """Let torch's safe loading read the arrays that mmpose's checkpoints keep beside the weights.

    They describe the data set (sigmas, colours). torch refuses them since it loads weights only
    by default, and mmengine 0.10.7 does not ask otherwise.
    """
    import torch

    rebuild, scalar = np.zeros(1).__reduce__()[0], np.float64(0).__reduce__()[0]
    names = [
        (function, f"{module}.multiarray.{name}")
        for module in ("numpy.core", "numpy._core")  # as numpy 1 and 2 write it
        for function, name in ((rebuild, "_reconstruct"), (scalar, "scalar"))
    ]
    kinds = [kind for kind in vars(np.dtypes).values() if isinstance(kind, type)]
    return torch.serialization.safe_globals([*names, np.ndarray, np.dtype, *kinds])


def _torch_device(device: str) -> str:
    import torch

    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"
