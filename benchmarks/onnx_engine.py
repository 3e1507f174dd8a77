"""A module run by ONNX Runtime on the CPU, in float32 or in int8, to be compared with torch."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


def onnx_runner(
    module: nn.Module, given: list, threads: int, samples: Sequence[list] = ()
) -> Callable[[], list[np.ndarray]]:
    """Runs the module on what it is given, tensors and lists of tensors, float32.

    samples: more of such inputs; with them the convolutions are quantised to int8 (per channel,
    ranges of the activations from these samples).
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "module.onnx"
        with torch.no_grad():
            torch.onnx.export(module, tuple(given), path, opset_version=17, dynamo=False)
        if samples:
            path = _quantised(path, samples)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = _feed(session, given)
    return lambda: session.run(None, feed)


def _feed(session: Any, given: list) -> dict[str, np.ndarray]:
    tensors: list[Tensor] = []
    for one in given:
        tensors += one if isinstance(one, list) else [one]
    names = [one.name for one in session.get_inputs()]
    return {name: value.numpy() for name, value in zip(names, tensors, strict=True)}


def _quantised(path: Path, samples: Sequence[list]) -> Path:
    import onnxruntime
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    feeds = iter([_feed(session, one) for one in samples])

    class Reader(CalibrationDataReader):
        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(feeds, None)

    prepared, small = path.with_stem("prepared"), path.with_stem("small")
    quant_pre_process(path, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared, small, Reader(), per_channel=True, activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8, op_types_to_quantize=["Conv"],
    )  # fmt: skip
    return small
