"""How much memory a run of the diffusion renderer takes, said before it is taken."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn

from ..errors import UsageError
from .networks import LATENT_STEP, AnimationOptions
from .sampling import Sampling

# Values alive at the peak of the denoiser, of each picture's latent pixel and channel of the first
# level: counted by running the full networks without data (torch's meta device) and following
# every storage (benchmarks/animation_counts.py). The second is with `AnimationNetwork.save_memory`.
_VALUES, _VALUES_SAVING = 28.0, 17.0
# Values alive while a pixel is decoded, likewise.
_DECODED = 771.0
# What the allocator cannot hand out again, and the libraries' own.
_SLACK, _OWN = 1.2, 0.8e9
# As the reference network sees the photo.
ONE_PICTURE = Sampling(steps=1, guidance=1.0, window=1, overlap=0)
# Pictures decoded at once.
DECODED_AT_ONCE, DECODED_SAVING = 4, 1


def activations(
    options: AnimationOptions,
    size: tuple[int, int],
    sampling: Sampling,
    itemsize: int,
    low_memory: bool,
) -> float:
    """Bytes at the peak, besides the weights. size: (width, height) of the networks' picture.
    itemsize: bytes of a number."""
    halves = 2 if sampling.guided and not low_memory else 1
    pictures = sampling.window * sampling.windows * halves
    latents = size[0] * size[1] / LATENT_STEP**2
    values = _VALUES_SAVING if low_memory else _VALUES
    denoising = pictures * latents * options.widths[0] * values
    at_once = DECODED_SAVING if low_memory else DECODED_AT_ONCE
    decoding = at_once * size[0] * size[1] * _DECODED
    # Drawn skeletons wait, a byte a channel, for all steps that are under way; in low memory, in
    # main memory.
    waiting = 0 if low_memory else 3 * size[0] * size[1] * sampling.steps * sampling.window
    return _SLACK * max(denoising, decoding) * itemsize + waiting


def weight_bytes(modules: Iterable[nn.Module], itemsize: int) -> float:
    """Bytes of modules' parameters as numbers of another size."""
    return float(sum(p.numel() for module in modules for p in module.parameters()) * itemsize)


def free_memory(device: torch.device) -> float | None:
    """Bytes that can still be had on a device; None where nobody tells."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device.index)
        reserved = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return float(free + reserved)
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    rows = dict(line.split(":", 1) for line in lines if ":" in line)
    return 1024.0 * int(rows["MemAvailable"].split()[0]) if "MemAvailable" in rows else None


def check_memory(needed: float, saving: float | None, device: torch.device) -> None:
    """needed: bytes. saving: bytes that low memory would take; None where that is asked already.

    Raises: UsageError where the device has not as much.
    """
    free = free_memory(device)
    needed += _OWN if device.type == "cuda" else 0.0
    if free is None or needed <= free:
        return
    if saving is not None and saving + _OWN <= free:
        remedy = f"--low-memory takes about {_gigabytes(saving + _OWN)}."
    else:
        remedy = (
            "Take fewer pixels or a shorter window (the renderer's options `size` and `sampling`), "
            "or the warp renderer: --preset contextual."
        )
    raise UsageError(
        f"The diffusion renderer would take about {_gigabytes(needed)} of memory on {device}, "
        f"where {_gigabytes(free)} are free. {remedy}"
    )


def check_main_memory(needed: float) -> None:
    """needed: bytes of weights that are about to be read. Raises: UsageError where the machine has
    not as much."""
    free = free_memory(torch.device("cpu"))
    if free is not None and needed > free:
        raise UsageError(
            f"The diffusion renderer's weights take about {_gigabytes(needed)} of main memory, "
            f"where {_gigabytes(free)} are free. Close other programs, or use the warp renderer: "
            "--preset contextual."
        )


def choose_device(device: str) -> torch.device:
    """ "auto" is a GPU; a CPU must be asked for. Raises: UsageError where there is no GPU."""
    if device != "auto":
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise UsageError(f"The device {device} is not here. {_NO_GPU}")
        return torch.device(device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    raise UsageError(_NO_GPU)


_NO_GPU = (
    "The diffusion renderer needs a GPU with about 11 GB of memory (6 GB with --low-memory), and "
    "none was found. The warp renderer needs none: --preset contextual. --device cpu runs all the "
    "same, at hours for a second of video."
)


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB"
