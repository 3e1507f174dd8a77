"""What the diffusion renderer costs: operations first, then time and memory, as Markdown tables.

    python benchmarks/animation.py [--size 512] [--seconds 10] [--out figures.json]

Weights are random at full size: they cost what trained ones cost. Operations and what tensors hold
are counted without computing anything (torch's meta device), so that half runs anywhere; the floor
is the operations' time at the GPU's rated speed. Without a GPU only a tiny network is timed, to
show that the path runs.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from animation_counts import Counts, count, full_coders, held_decoding, held_values

from gesticulate.animation.coders import tiny_coders
from gesticulate.animation.networks import FULL, TINY, AnimationNetwork
from gesticulate.animation.renderer import AnimationRenderer
from gesticulate.animation.sampling import Sampling
from gesticulate.animation.windows import spans
from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses

# Dense bfloat16 of an H200, NVIDIA's data sheet: 1979 TFLOP/s are with sparsity.
RATED = 989e12
FPS = 25
# Issue and README speak of these: with guidance, and fast.
CASES = {
    "20 steps, guidance": Sampling(steps=20, guidance=3.5),
    "8 steps": Sampling(steps=8, guidance=1.0),
}


@dataclass
class Timed:
    """Seconds of a video, of its parts, and the GPU's memory at the peak in GB."""

    seconds: float
    parts: dict[str, float]
    memory: float


def moving_person(size: int, frames: int) -> tuple[np.ndarray, Poses, Poses]:
    """A photo of noise with a skeleton in it, and skeletons that move about."""
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 255, (size, size, 3), np.uint8)
    points = np.zeros((1, layout.NUM_POINTS, 3), np.float32)
    points[..., :2] = rng.uniform(0.1, 0.9, (1, layout.NUM_POINTS, 2)) * size
    points[..., 2] = 1
    moved = np.repeat(points, frames, axis=0)
    moved[..., :2] += size / 40 * np.sin(np.arange(frames) / 5)[:, None, None]
    return photo, Poses(points, (size, size), FPS), Poses(moved, (size, size), FPS)


def timed(renderer: AnimationRenderer, size: int, frames: int) -> Timed:
    """One video from photo to frames, after a short one to warm up."""
    cuda = renderer.device.type == "cuda"
    photo, pose, poses = moving_person(size, frames)
    for _ in renderer.prepare(photo, pose).render(poses[: warm_frames(frames, renderer.sampling)]):
        pass
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    with _clocks(renderer) as spent:
        began = time.perf_counter()
        made = sum(1 for _ in renderer.prepare(photo, pose).render(poses))
        if cuda:
            torch.cuda.synchronize()
        seconds = time.perf_counter() - began
    assert made == frames
    parts = {name: sum(times) for name, times in spent.items()}
    parts["other"] = seconds - sum(parts.values())
    memory = torch.cuda.max_memory_allocated() / 1e9 if cuda else float("nan")
    return Timed(seconds, parts, memory)


def warm_frames(frames: int, sampling: Sampling) -> int:
    """Frames of a shorter video whose windows come in the same numbers at a time: compiled networks
    are compiled again for every other."""
    windows = len(spans(frames, sampling.window, sampling.overlap))
    few = min(windows, sampling.windows + windows % sampling.windows)
    return min(frames, sampling.window + (few - 1) * (sampling.window - sampling.overlap))


@contextmanager
def _clocks(renderer: AnimationRenderer) -> Iterator[dict[str, list[float]]]:
    """Seconds of each call of the renderer's parts. The GPU is waited for at both ends of a call:
    otherwise one part's time would be counted to the next."""
    network, coders = renderer.network, renderer.coders
    clocked = {
        "denoising": (network, "forward"),
        "skeletons": (network, "guide"),
        "decoding": (coders, "decode"),
        "photo": (network, "remember"),
    }
    spent: dict[str, list[float]] = {name: [] for name in clocked}

    def wrap(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def clock(*args: Any, **kwargs: Any) -> Any:
            _wait(renderer.device)
            began = time.perf_counter()
            made = call(*args, **kwargs)
            _wait(renderer.device)
            spent[name].append(time.perf_counter() - began)
            return made

        return clock

    for name, (owner, method) in clocked.items():
        setattr(owner, method, wrap(name, getattr(owner, method)))
    try:
        yield spent
    finally:
        for owner, method in clocked.values():
            delattr(owner, method)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def full_renderer(sampling: Sampling, size: int, low_memory: bool = False) -> AnimationRenderer:
    """Random weights at full size on the GPU."""
    with torch.device("cuda"):
        network, coders = AnimationNetwork(FULL), full_coders()
    return AnimationRenderer(
        sampling=sampling, size=size, low_memory=low_memory, network=network, coders=coders
    )


def run_gpu(counts: Counts, size: int, frames: int) -> list[dict[str, Any]]:
    """Every way to run it, a row each, printed as soon as it is known."""
    rows: list[dict[str, Any]] = []
    for case, sampling in CASES.items():
        for way in ("plain", "2 windows", "4 windows", "compile", "compile, 4 windows", "low"):
            own = replace(sampling, windows=int(way.split()[-2]) if "windows" in way else 1)
            torch.cuda.empty_cache()
            try:
                result = run_way(own, size, frames, way)
            except Exception as error:
                print(f"| {case} | {way} | {type(error).__name__}: {str(error)[:80]} |", flush=True)
                continue
            total = sum(counts.parts(frames, own).values())
            row = {
                "case": case,
                "way": way,
                **result.__dict__,
                "of_rated": total / RATED / result.seconds,
            }
            rows.append(row)
            parts = ", ".join(f"{name} {value:.1f}" for name, value in result.parts.items())
            print(
                f"| {case} | {way} | {result.seconds:.1f} | {result.memory:.1f} | "
                f"{100 * row['of_rated']:.0f} % | {parts} |",
                flush=True,
            )
    return rows


def run_way(sampling: Sampling, size: int, frames: int, way: str) -> Timed:
    """One way to run it. The renderer ends with the call, so that the next finds the GPU empty."""
    renderer = full_renderer(sampling, size, low_memory=way == "low")
    if "compile" in way:
        renderer.network.denoiser = torch.compile(renderer.network.denoiser)
    return timed(renderer, size, frames)


def print_counts(counts: Counts, frames: int, size: int) -> dict[str, float]:
    """The operations of each case, and the seconds they take at the rated speed."""
    print(f"Operations at {size} x {size}, windows of 24 frames (TFLOP):\n")
    print("| once a photo | window's step | with guidance | its skeletons | a frame decoded |")
    print("|---|---|---|---|---|")
    values = (counts.reference, counts.alone, counts.guided, counts.guide, counts.decode)
    print("| " + " | ".join(f"{value / 1e12:.2f}" for value in values) + " |")
    print(f"\n{frames} frames (TFLOP), and the floor at {RATED / 1e12:.0f} TFLOP/s:\n")
    print("| | photo | denoising | skeletons | decoding | floor, s |\n|---|---|---|---|---|---|")
    floors = {}
    for case, sampling in CASES.items():
        parts = counts.parts(frames, sampling)
        floors[case] = sum(parts.values()) / RATED
        numbers = " | ".join(f"{value / 1e12:.0f}" for value in parts.values())
        print(f"| {case} | {numbers} | {floors[case]:.1f} |")
    return floors


def print_held(size: int, window: int) -> None:
    """What `animation/memory.py` estimates with."""
    plain, saving = (held_values(FULL, size, window, True, low) for low in (False, True))
    print(
        f"\nHeld at the peak: {plain:.1f} values a latent pixel and channel in denoising, "
        f"{saving:.1f} with --low-memory; {held_decoding(size, 1):.0f} values a pixel in decoding."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    frames = round(chosen.seconds * FPS)
    counts = count(FULL, chosen.size, Sampling().window)
    result: dict[str, Any] = {"counts": counts.__dict__}
    result["floor"] = print_counts(counts, frames, chosen.size)
    print_held(chosen.size, Sampling().window)
    if torch.cuda.is_available():
        print(f"\n{torch.cuda.get_device_name()}, bfloat16, random weights, {frames} frames:\n")
        print("| | way | s | peak GB | of rated | seconds by part |\n|---|---|---|---|---|---|")
        result["rows"] = run_gpu(counts, chosen.size, frames)
    else:
        print("\nThere is no GPU here: nothing at full size was timed. A tiny network:\n")
        network, coders = AnimationNetwork(TINY), tiny_coders(TINY.token)
        sampling = Sampling(steps=4, guidance=2.0, window=8, overlap=2)
        renderer = AnimationRenderer(
            sampling=sampling, size=64, device="cpu", network=network, coders=coders
        )
        tiny = timed(renderer, 64, 16)
        parts = ", ".join(f"{name} {value:.2f}" for name, value in tiny.parts.items())
        print(f"16 frames of 64 x 64 in {tiny.seconds:.2f} s: {parts}")
        result["tiny"] = tiny.__dict__
    if chosen.out:
        chosen.out.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
