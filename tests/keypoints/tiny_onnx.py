"""Tiny ONNX models with the inputs and outputs of YOLOX and of RTMPose's whole-body models."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from gesticulate.keypoints import layout

WIDTH, HEIGHT = 48, 64  # of the pose model's input
SIDE = 64  # of the detector's
CELLS = SIDE**2 // 8**2 + SIDE**2 // 16**2 + SIDE**2 // 32**2


def _save(path: Path, nodes: list, constants: dict, size: tuple[int, int], outputs: dict) -> Path:
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, *size])
    graph = helper.make_graph(
        nodes,
        "tiny",
        [image],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def red_finder(path: Path, points: int = layout.NUM_POINTS) -> Path:
    """A pose model that puts every point where its first input channel exceeds its third most."""
    twice_x = np.repeat(np.eye(WIDTH, dtype=np.float32), 2, axis=1)  # SimCC: two bins a pixel
    twice_y = np.repeat(np.eye(HEIGHT, dtype=np.float32), 2, axis=1)
    constants = {
        "weights": np.array([0.2, 0, -0.2], np.float32).reshape(1, 3, 1, 1),
        "twice_x": twice_x,
        "twice_y": twice_y,
        "ones": np.ones((1, points, 1), np.float32),
    }
    node = helper.make_node
    nodes = [
        node("Mul", ["input", "weights"], ["weighted"]),
        node("ReduceSum", ["weighted", "channel"], ["red"], keepdims=0),
        node("ReduceMax", ["red"], ["columns"], axes=[1], keepdims=1),
        node("ReduceMax", ["red"], ["rows"], axes=[2], keepdims=0),
        node("Unsqueeze", ["rows", "channel"], ["rows_3"]),
        node("MatMul", ["columns", "twice_x"], ["x"]),
        node("MatMul", ["rows_3", "twice_y"], ["y"]),
        node("Mul", ["x", "ones"], ["simcc_x"]),
        node("Mul", ["y", "ones"], ["simcc_y"]),
    ]
    constants["channel"] = np.array([1], np.int64)
    outputs = {
        "simcc_x": ["batch", points, 2 * WIDTH],
        "simcc_y": ["batch", points, 2 * HEIGHT],
    }
    return _save(path, nodes, constants, (HEIGHT, WIDTH), outputs)


def fixed_pose(path: Path, xy: np.ndarray) -> Path:
    """A pose model that always puts the 133 points at [133, 2] whole pixels of its input."""
    vectors = {}
    for axis, name, bins in ((0, "at_x", 2 * WIDTH), (1, "at_y", 2 * HEIGHT)):
        vectors[name] = np.zeros((1, len(xy), bins), np.float32)
        vectors[name][0, np.arange(len(xy)), 2 * xy[:, axis]] = 0.9
    node = helper.make_node
    nodes = [
        node("ReduceMean", ["input"], ["mean"], axes=[1, 2, 3], keepdims=1),
        node("Squeeze", ["mean", "last"], ["mean_3"]),
        node("Mul", ["mean_3", "zero"], ["nothing"]),
        node("Add", ["nothing", "at_x"], ["simcc_x"]),
        node("Add", ["nothing", "at_y"], ["simcc_y"]),
    ]
    constants = {**vectors, "zero": np.zeros(1, np.float32), "last": np.array([3], np.int64)}
    outputs = {
        "simcc_x": ["batch", len(xy), 2 * WIDTH],
        "simcc_y": ["batch", len(xy), 2 * HEIGHT],
    }
    return _save(path, nodes, constants, (HEIGHT, WIDTH), outputs)


def detector(path: Path, box: tuple[float, ...], *, channel: int = 0, category: int = 0) -> Path:
    """YOLOX that sees one object, ``box`` (middle x, y, width, height in pixels of its input).

    Its score is how far the ``channel`` of its input gets above 127 (of 255), its COCO class is
    ``category``. The first cell of the finest grid (stride 8) tells; all others are silent.
    """
    rows = np.zeros((1, CELLS, 85), np.float32)
    rows[0, 0, :4] = [box[0] / 8, box[1] / 8, *np.log(np.array(box[2:]) / 8)]
    rows[0, 0, 5 + category] = 1
    objectness = np.zeros((1, CELLS, 85), np.float32)
    objectness[0, 0, 4] = 1
    constants = {
        "rows": rows,
        "objectness": objectness,
        "channel": np.array([channel], np.int64),
        "half": np.array(127, np.float32),
        "scale": np.array(1 / 128, np.float32),
        "zero": np.array(0, np.float32),
        "one": np.array(1, np.float32),
    }
    node = helper.make_node
    nodes = [
        node("Gather", ["input", "channel"], ["plane"], axis=1),
        node("ReduceMax", ["plane"], ["peak"], axes=[1, 2, 3], keepdims=0),
        node("Sub", ["peak", "half"], ["above"]),
        node("Mul", ["above", "scale"], ["share"]),
        node("Clip", ["share", "zero", "one"], ["score"]),
        node("Mul", ["objectness", "score"], ["scored"]),
        node("Add", ["rows", "scored"], ["output"]),
    ]
    return _save(path, nodes, constants, (SIDE, SIDE), {"output": [1, CELLS, 85]})


def detector_with_nms(path: Path, box: tuple[float, ...]) -> Path:
    """A detector with its suppression built in: rows of left, top, right, bottom, score."""
    rows = np.array([[[*box, 0.9], [0, 0, 4, 4, 0.1]]], np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "rows"], ["output"]),
    ]
    constants = {"rows": rows, "zero": np.array(0, np.float32)}
    return _save(path, nodes, constants, (SIDE, SIDE), {"output": [1, 2, 5]})
