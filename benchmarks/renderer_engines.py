"""What can run the learned renderer's networks: torch, its compiler, ONNX Runtime, CUDA graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from onnx_engine import onnx_runner
from torch import Tensor, nn

from gesticulate.refinement.network import RendererNetwork
from gesticulate.refinement.renderer import Drawing
from gesticulate.warping.inputs import RendererInput


class Convolutions(nn.Module):
    """All that a compiler or another engine could take over: hourglass and refiner."""

    def __init__(self, network: RendererNetwork) -> None:
        super().__init__()
        self.motion, self.refiner = network.motion, network.refiner

    def forward(
        self, seen: Tensor, warped: Tensor, occlusion: Tensor, features: list, edges: list
    ) -> tuple[Tensor, Tensor, Tensor]:
        heads, coarse = self.motion._hourglass(seen)
        return heads, coarse, self.refiner(warped, features, occlusion, edges)


def convolutions_of(drawing: Drawing, inputs: RendererInput) -> tuple[Convolutions, list]:
    """The convolutions of a frame, and what they are given."""
    taken: list[tuple] = []
    network = drawing.network
    handle = network.refiner.register_forward_pre_hook(lambda module, args: taken.append(args))
    with torch.inference_mode():
        network(inputs, drawing.features)
        seen = network.motion._candidates(inputs)[1]
    handle.remove()
    warped, features, occlusion, edges = taken[0]
    # Tensors made in inference mode cannot be traced.
    given: list = [seen.clone(), warped.clone(), occlusion.clone()]
    given += [[one.clone() for one in many] for many in (features, edges)]
    return Convolutions(network).eval(), given


def on_cpu(
    drawing: Drawing, inputs: list[RendererInput], engine: str, threads: int
) -> Callable[[], Any]:
    """The convolutions of the last of the inputs; from the others int8 takes its ranges."""
    convolutions, given = convolutions_of(drawing, inputs[-1])
    if engine in ("onnx", "int8"):
        samples = [convolutions_of(drawing, one)[1] for one in inputs[:-1]]
        return onnx_runner(convolutions, given, threads, samples)
    call: Any = torch.compile(convolutions) if engine == "compile" else convolutions

    def run() -> Any:
        with torch.no_grad():
            return call(*given)

    return run


def on_gpu(drawing: Drawing, inputs: RendererInput, engine: str) -> Callable[[], Any]:
    """The whole network: as it is, compiled (with CUDA graphs), or in a graph captured by hand."""
    network, features = drawing.network, drawing.features
    call: Any = torch.compile(network, mode="max-autotune") if engine == "compile" else network

    def run() -> Any:
        with torch.no_grad():
            return call(inputs, features).frame

    if engine != "graph":
        return run
    beside = torch.cuda.Stream()
    with torch.cuda.stream(beside):
        for _ in range(3):
            run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay
