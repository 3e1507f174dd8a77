"""Make an ONNX model a quarter of its size: weights as int8, one scale an output channel.

    python benchmarks/embed_onnx.py model.onnx small.onnx

onnxruntime multiplies them out when it loads the model, so that it computes as before, in float32:
only the weights are rounded. Needs the package onnx.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

# Smaller tensors (biases, normalisations) keep their numbers.
_LEAST = 256


def embed(source: Path, out: Path) -> None:
    """Round the weights of a model's matrices and convolutions; see above."""
    model = onnx.load(source)
    graph = model.graph
    kept: list[TensorProto] = []
    nodes: list[NodeProto] = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _LEAST or values.ndim < 2:
            kept.append(tensor)
            continue
        name = tensor.name
        others = tuple(range(1, values.ndim))
        scale = np.maximum(np.abs(values).max(axis=others, keepdims=True), 1e-12) / 127
        rounded = np.rint(values / scale).astype(np.int8)
        kept += [
            numpy_helper.from_array(rounded, f"{name}.int8"),
            numpy_helper.from_array(scale.astype(np.float32), f"{name}.scale"),
        ]
        nodes += [
            helper.make_node("Cast", [f"{name}.int8"], [f"{name}.float"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}.float", f"{name}.scale"], [name]),
        ]
    nodes += graph.node
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, out)


if __name__ == "__main__":
    embed(Path(sys.argv[1]), Path(sys.argv[2]))
