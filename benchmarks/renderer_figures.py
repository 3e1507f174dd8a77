"""Figures of one renderer, measured in this process: rate, time by part, work, ceilings, engines.

    python benchmarks/renderer_figures.py '{"figure": "stage", ...}'

`renderer.py` runs it, a fresh process for every figure, and makes the tables.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from driven_photos import DrivenPhoto
from renderer_engines import on_cpu, on_gpu
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from gesticulate.refinement.edges import edge_maps_numpy
from gesticulate.refinement.network import FULL, LEAN, RendererNetwork, load_renderer
from gesticulate.refinement.renderer import Drawing, LearnedRenderer
from gesticulate.warping.dense_motion import NUM_PARTS, TPS_GAIN, TPS_LOGIT, warp_photo
from gesticulate.warping.inputs import RendererInput
from gesticulate.warping.layers import prepare_photo
from gesticulate.warping.renderer import Puppet, PuppetRenderer
from gesticulate.warping.scene import Scene, crop_for
from gesticulate.weights import locate

# Convolutions 3 x 3 with which processors come nearest to their peak: channels and side.
_PEAK_SHAPES = ((64, 128), (128, 64), (256, 32))
# Batches from which int8 takes the range of its activations.
_SAMPLES = 4


@dataclass(frozen=True)
class Job:
    """figure: which function below. renderer: "puppet", "learned" or "tps". weights: a name, a
    file, "random-lean" or "random-full". folder: of a `DrivenPhoto`. frames: of its motion.
    threads: that render or count. engine: what runs the convolutions."""

    figure: str
    renderer: str = "learned"
    weights: str = "random-lean"
    folder: str = ""
    precision: str = "float32"
    device: str = "cpu"
    threads: int = 2
    frames: int = 100
    batch: int = 1
    engine: str = "eager"

    @property
    def dtype(self) -> torch.dtype:
        return getattr(torch, self.precision)


def network_of(job: Job) -> RendererNetwork:
    """With random weights nothing is left at zero: every step has work to do, as after training."""
    if not job.weights.startswith("random-"):
        return load_renderer(locate(job.weights))
    torch.manual_seed(0)
    network = RendererNetwork(FULL if job.weights == "random-full" else LEAN)
    for value in network.parameters():
        if not value.any():
            nn.init.normal_(value, std=0.02)
    with torch.no_grad():
        network.motion.heads.bias[NUM_PARTS : NUM_PARTS + 1] -= TPS_LOGIT / TPS_GAIN
    return network


def renderer_of(job: Job) -> Any:
    if job.renderer == "puppet":
        return PuppetRenderer(workers=job.threads)
    if job.renderer == "tps":
        from tps_baseline import TpsRenderer

        return TpsRenderer(job.device, job.dtype)
    workers = job.threads if job.device == "cpu" else None
    return LearnedRenderer(
        workers=workers, device=job.device, precision=job.precision, network=network_of(job)
    )


def stage(job: Job) -> dict[str, float]:
    """Frames a second of the whole stage, processor milliseconds a frame, and seconds until a first
    frame. What one frame takes is the difference of many frames and one, so that the photo's
    preparation is apart."""
    driven, renderer = DrivenPhoto.load(Path(job.folder)), renderer_of(job)

    def seconds(frames: int) -> tuple[float, float]:
        poses = replace(driven.poses, points=driven.poses.points[-frames:])
        began, busy = time.perf_counter(), time.process_time()
        photo = renderer.prepare(driven.photo, driven.photo_pose)
        made = sum(1 for _ in photo.render(poses))
        assert made == frames, f"{made} frames of {frames}; the motion has {len(driven.poses)}"
        return time.perf_counter() - began, time.process_time() - busy

    cold, _ = seconds(1)
    (one, one_busy), (many, many_busy) = seconds(1), seconds(job.frames)
    busy = 1000 * (many_busy - one_busy) / (job.frames - 1)
    rate = (job.frames - 1) / (many - one)
    return {"rate": rate, "processor": busy, "first": cold, "one": one}


def parts(job: Job) -> dict[str, float]:
    """Milliseconds a frame by part, one frame after the other."""
    torch.set_num_threads(job.threads)
    drawing, points = _drawing(job)
    network = drawing.network
    times: dict[str, list[float]] = {}

    def timed(name: str, make: Callable[[], Any]) -> Any:
        began = _now(job)
        result = make()
        times.setdefault(name, []).append(1000 * (_now(job) - began))
        return result

    sizes = [drawing.scene.crop.size // part for part in (8, 4, 2)]
    with torch.inference_mode():
        for number, pose in enumerate(points[: job.frames + 3]):
            if number == 3:  # The first ones warm up.
                times.clear()
            if job.device == "cpu":
                timed("whole frame", lambda p=pose: drawing.frame(p))
            timed("puppet", lambda p=pose: drawing.scene.puppet.frame(p))
            _, inputs = timed("puppet and inputs", lambda p=pose: drawing.scene.prior(p))
            inputs = inputs.to(job.device)
            edges = None
            if drawing.thickness is not None:
                skeleton = inputs.driven_points[0].cpu().numpy()
                maps = timed(
                    "edges", lambda s=skeleton: edge_maps_numpy(s, drawing.thickness, sizes)
                )
                edges = [torch.from_numpy(one)[None].to(job.device) for one in maps]
            motion = timed("dense motion", lambda i=inputs: network.motion(i))
            timed("warp", lambda i=inputs, m=motion: warp_photo(i, m))
            timed("network", lambda i=inputs, e=edges: network(i, drawing.features, e))
    done = {name: float(np.median(values)) for name, values in times.items()}
    if "whole frame" not in done:
        return done
    known = sum(done.get(name, 0.0) for name in ("puppet and inputs", "edges", "network"))
    return {**done, "into the frame (the rest)": done["whole frame"] - known}


def counts(job: Job) -> dict[str, dict[str, float]]:
    """Of one frame at the job's precision: GMAC by part, MB of weights, and MB that convolutions
    read and write (each input and output once)."""
    if job.renderer == "tps":
        return _count_tps()
    drawing, points = _drawing(replace(job, device="cpu"))
    network = drawing.network
    inputs = drawing.scene.prior(points[0])[1]
    modules = {"dense motion": network.motion}
    if network.refines:
        modules |= {"refiner": network.refiner, "photo encoder (once)": network.encoder}
    moved = dict.fromkeys(modules, 0.0)

    def watch(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, taken: tuple[Tensor, ...], made: Tensor) -> None:
            moved[name] += sum(t.numel() * t.element_size() for t in (taken[0], made)) / 1e6

        return hook

    for name, module in modules.items():
        for inner in module.modules():
            if isinstance(inner, nn.Conv2d):
                inner.register_forward_hook(watch(name))
    with torch.inference_mode(), FlopCounterMode(display=False, depth=2) as flops:
        network(inputs)
    macs = {key: sum(ops.values()) / 2e9 for key, ops in flops.get_flop_counts().items()}
    names = {"dense motion": "motion", "refiner": "refiner", "photo encoder (once)": "encoder"}
    root = type(network).__name__
    return {
        name: {
            "GMAC": macs.get(f"{root}.{names[name]}", 0.0),
            "parameters": sum(p.numel() for p in module.parameters()) / 1e6,
            "weights": sum(p.numel() * p.element_size() for p in module.parameters()) / 1e6,
            "activations": moved[name],
        }
        for name, module in modules.items()
    }


def _count_tps() -> dict[str, dict[str, float]]:
    """GMAC and weights of the public model at 256 pixels."""
    from tps_baseline import POINTS, SPLINES, TpsMotionModel

    model, source = TpsMotionModel().eval(), torch.zeros(1, 3, 256, 256)
    points = torch.rand(2, 1, SPLINES * POINTS, 2)
    with torch.inference_mode(), FlopCounterMode(display=False) as flops:
        model(source, *points)
    numbers = sum(p.numel() for p in model.parameters()) / 1e6
    gmac = flops.get_total_flops() / 2e9
    return {"tps": {"GMAC": gmac, "parameters": numbers, "weights": 4 * numbers}}


def peak(job: Job) -> dict[str, float]:
    """The machine's ceilings: GFLOP/s of a 3 x 3 convolution, and GB/s of memory copied."""
    torch.set_num_threads(job.threads)
    best = 0.0
    with torch.inference_mode():
        for channels, side in _PEAK_SHAPES:
            conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            conv = conv.to(job.device, job.dtype, memory_format=torch.channels_last)
            x = torch.randn(job.batch, channels, side, side, device=job.device, dtype=job.dtype)
            x = x.contiguous(memory_format=torch.channels_last)
            flops = 2 * 9 * channels**2 * side**2 * job.batch
            best = max(best, flops / _seconds(lambda c=conv, x=x: c(x), job) / 1e9)
    source = torch.zeros(1 << 26, device=job.device)
    target = torch.empty_like(source)
    copied = 2 * source.numel() * 4 / _seconds(lambda: target.copy_(source), job) / 1e9
    return {"convolution": best, "memory": copied}


def engines(job: Job) -> dict[str, float]:
    """Milliseconds of a batch's convolutions by one engine; of the whole network on a GPU."""
    torch.set_num_threads(job.threads)
    drawing, points = _drawing(job)
    many = _SAMPLES * job.batch if job.engine == "int8" else 0
    priors = [drawing.scene.prior(pose)[1] for pose in points[: many + job.batch]]
    batches = [
        RendererInput.stack(priors[start : start + job.batch]).to(job.device)
        for start in range(0, len(priors), job.batch)
    ]
    if job.device == "cpu":
        run = on_cpu(drawing, batches, job.engine, job.threads)
    else:
        run = on_gpu(drawing, batches[-1], job.engine)
    return {"ms": 1000 * _seconds(run, job)}


def _drawing(job: Job) -> tuple[Drawing, np.ndarray]:
    """The photo made ready for a network, and the motion [T, 133, 3]."""
    driven = DrivenPhoto.load(Path(job.folder))
    network = network_of(job).for_inference(torch.device(job.device), job.dtype)
    puppet = Puppet(prepare_photo(driven.photo, driven.photo_pose.points[0]))
    points = driven.poses.points
    crop = crop_for(
        driven.photo_pose.points[0], points, driven.photo_pose.size, network.options.size
    )
    # From the middle on: at its beginning the motion is still the photo's pose.
    return Drawing(Scene(puppet, crop), network), points[len(points) // 2 :]


def _now(job: Job) -> float:
    """Seconds, when all that was begun is done. On one core those that the process had: other work
    on the machine counts less."""
    if job.device != "cpu":
        torch.cuda.synchronize()
    alone = job.device == "cpu" and job.threads == 1
    return time.process_time() if alone else time.perf_counter()


def _seconds(run: Callable[[], Any], job: Job, least: float = 1.0) -> float:
    """Of one call, the median of at least so many seconds of calls."""
    for _ in range(3):
        run()
    taken: list[float] = []
    while sum(taken) < least or len(taken) < 5:
        began = _now(job)
        run()
        taken.append(_now(job) - began)
    return float(np.median(taken))


FIGURES = {"stage": stage, "parts": parts, "counts": counts, "peak": peak, "engines": engines}


def main() -> None:
    job = Job(**json.loads(sys.argv[1]))
    print(json.dumps(FIGURES[job.figure](job)))


if __name__ == "__main__":
    main()
