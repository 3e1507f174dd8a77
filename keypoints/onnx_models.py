"""Loading ONNX models through rtmlib: the device, a quiet start, and clear errors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ..errors import UsageError, WeightsError
from ..process_wide import no_stdout

Model = TypeVar("Model")

_log = logging.getLogger(__name__)


def onnx_device(device: str) -> str:
    """The device of onnxruntime for "auto", "cpu", "cuda", "cuda:1", "mps", ...

    "auto" takes CUDA where onnxruntime was built with it.
    Raises: UsageError for a device that onnxruntime does not know.
    """
    import onnxruntime

    providers = onnxruntime.get_available_providers()
    if device == "auto":
        return "cuda" if "CUDAExecutionProvider" in providers else "cpu"
    kind = device.partition(":")[0]
    needed = {"cpu": None, "cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider"}
    if kind not in needed:
        raise UsageError(f"Unknown device {device!r}; expected one of: auto, {', '.join(needed)}.")
    if needed[kind] is None or needed[kind] in providers:
        return device
    _log.warning(
        "This onnxruntime has no %s, so that poses are estimated on the CPU%s.",
        needed[kind],
        " (pip install onnxruntime-gpu gives it one)" if kind == "cuda" else "",
    )
    return "cpu"


def load_model(model: Callable[..., Model], path: str | Path, device: str, **options: Any) -> Model:
    """Make one of rtmlib's models from a local file, without its line on stdout.

    Raises: WeightsError where there is no such file or it is no ONNX model.
    """
    if not Path(path).is_file():
        raise WeightsError(f"No ONNX model at {path}. Give the path of a file, or none for ours.")
    try:
        with no_stdout.held():
            return model(str(path), backend="onnxruntime", device=device, **options)
    except Exception as error:
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise WeightsError(f"{path} cannot be loaded as an ONNX model: {reason}") from error


def input_size(model: Any, path: str | Path) -> tuple[int, int]:
    """(width, height) of the pictures a loaded model takes.

    Raises: WeightsError where the model does not fix them.
    """
    shape = model.session.get_inputs()[0].shape
    if len(shape) != 4 or not all(isinstance(side, int) for side in shape[2:]):
        raise WeightsError(
            f"{path} takes an input of shape {shape}; expected [batch, 3, height, width] with a "
            "fixed height and width. Export the model with a fixed input size."
        )
    return shape[3], shape[2]


def open_session(path: str | Path, inputs: int, outputs: int) -> Any:
    """An onnxruntime session on the CPU. inputs, outputs: how many the network must have.

    Raises: WeightsError where there is no such file or it is no such ONNX model.
    """
    import onnxruntime

    if not Path(path).is_file():
        raise WeightsError(f"No ONNX model at {path}. Give the path of a file, or none for ours.")
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 3
    # Threads that wait by spinning take the processor from the ones that render.
    quiet.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(path), quiet, ["CPUExecutionProvider"])
    except Exception as error:
        raise WeightsError(f"{path} cannot be loaded as an ONNX model: {error}") from error
    has = len(session.get_inputs()), len(session.get_outputs())
    if has != (inputs, outputs):
        raise WeightsError(
            f"{path} has {has[0]} inputs and {has[1]} outputs; expected {inputs} and {outputs}."
        )
    return session
