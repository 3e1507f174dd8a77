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
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from gesticulate.animation.coders import PictureCoders, tiny_coders
from gesticulate.animation.networks import (
    FULL,
    LATENT_CHANNELS,
    TINY,
    AnimationNetwork,
    AnimationOptions,
)
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


def full_coders() -> PictureCoders:
    """Autoencoder and CLIP at the public ones' sizes, random."""
    from diffusers import AutoencoderKL
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        latent_channels=4,
    )
    clip = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=1024, intermediate_size=4096, projection_dim=768, num_hidden_layers=24,
            num_attention_heads=16, image_size=224, patch_size=14,
        )
    )  # fmt: skip
    return PictureCoders(vae, clip)


@dataclass
class Counts:
    """Operations (a multiplication with its addition is two). reference: once a photo, CLIP and
    encoder included. alone, guided: one step of one window without and with guidance. guide: of
    the window's skeletons, in each step again. decode: of a frame."""

    reference: float
    alone: float
    guided: float
    guide: float
    decode: float

    def parts(self, frames: int, sampling: Sampling) -> dict[str, float]:
        """What a video takes, by part."""
        windows = len(spans(frames, sampling.window, sampling.overlap)) * sampling.steps
        return {
            "photo": self.reference,
            "denoising": windows * (self.guided if sampling.guided else self.alone),
            "skeletons": windows * self.guide,
            "decoding": frames * self.decode,
        }


def count(options: AnimationOptions, size: int, window: int) -> Counts:
    """Count at a picture of size x size, without computing anything."""
    with torch.device("meta"):
        network, coders = AnimationNetwork(options).eval(), full_coders()
        latents = torch.randn(2, window, 4, size // 8, size // 8)
        pictures = torch.randn(1, window, 3, size, size)
        photo, token = torch.randn(1, 4, size // 8, size // 8), torch.randn(1, 1, options.token)
    still = torch.zeros((), dtype=torch.long, device="meta")

    def step(samples: int) -> Callable[[], Any]:
        guide = torch.empty(samples, window, options.widths[0], size // 8, size // 8, device="meta")
        return lambda: network(
            latents[:samples], still, token.expand(samples, -1, -1), guide, tokens
        )

    with torch.no_grad():
        tokens = network.remember(photo, token)
        clip = coders.clip.config.image_size
        seen = torch.randn(1, 3, clip, clip, device="meta")
        return Counts(
            reference=_operations(lambda: network.remember(photo, token))
            + _operations(lambda: coders.clip(seen))
            + _operations(lambda: coders.encode(pictures[:, 0])),
            alone=_operations(step(1)),
            guided=_operations(step(2)),
            guide=_operations(lambda: network.guide(pictures)),
            decode=_operations(lambda: coders.decode(latents[:1, 0])),
        )


class Held(TorchDispatchMode):
    """Follows the storages of all tensors that are made within it until nobody holds them.

    peak: the most bytes at a time. given: tensors whose storages do not count.
    """

    def __init__(self, given: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self.given = {tensor.untyped_storage()._cdata for tensor in given}
        self.alive: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor):
                storage = leaf.untyped_storage()
                if storage._cdata not in self.given:
                    self.alive[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        self.alive = {key: held for key, held in self.alive.items() if not held[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self.alive.values()))
        return made


def held_values(
    options: AnimationOptions, size: int, window: int, guided: bool, saving: bool
) -> float:
    """Values that the denoiser holds at its peak, of each picture's latent pixel and channel of
    the first level, counted without computing anything. saving: with `save_memory`."""
    halves = 2 if guided else 1
    with torch.device("meta"):
        network = AnimationNetwork(options).eval()
        noisy = torch.empty(halves, window, LATENT_CHANNELS, size // 8, size // 8)
        guide = torch.empty(halves, window, options.widths[0], size // 8, size // 8)
        photo, token = torch.empty(1, 4, size // 8, size // 8), torch.empty(1, 1, options.token)
        time = torch.zeros((), dtype=torch.long)
    if saving:
        network.save_memory()
    with torch.no_grad(), _fused_attention():
        tokens = network.remember(photo, token)
        given = [*network.parameters(), *network.buffers(), noisy, token, *tokens.values()]
        with Held(given) as held:
            network(noisy, time, token.expand(halves, -1, -1), guide, tokens)
    # The pose's features, which nothing here made.
    peak = held.peak + guide.untyped_storage().nbytes()
    return peak / noisy.itemsize / (noisy[:, :, 0].numel() * options.widths[0])


def held_decoding(size: int, pictures: int) -> float:
    """Values that the autoencoder holds at its peak, of each pixel that it decodes."""
    with torch.device("meta"):
        coders = full_coders()
        latents = torch.empty(pictures, LATENT_CHANNELS, size // 8, size // 8)
    given = [*coders.parameters(), *coders.buffers(), latents]
    with _fused_attention(), Held(given) as held:
        coders.decode(latents)
    return held.peak / latents.itemsize / (pictures * size * size)


@contextmanager
def _fused_attention() -> Iterator[None]:
    """Attention whose weights are never written out, as on a GPU; the meta device's are."""
    own = functional.scaled_dot_product_attention
    functional.scaled_dot_product_attention = lambda query, *_, **__: torch.empty_like(query)
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = own


def _operations(run: Callable[[], Any]) -> float:
    with FlopCounterMode(display=False) as counter:
        run()
    return float(counter.get_total_flops())


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
    for _ in renderer.render(photo, pose, poses[: warm_frames(frames, renderer.sampling)]):
        pass
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    with _clocks(renderer) as spent:
        began = time.perf_counter()
        made = sum(1 for _ in renderer.render(photo, pose, poses))
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
