"""A device that is missing or too small is said before anything is taken."""

import re

import pytest
import torch

from gesticulate.animation import memory
from gesticulate.animation.networks import FULL
from gesticulate.animation.renderer import AnimationRenderer
from gesticulate.animation.sampling import Sampling
from gesticulate.errors import UsageError
from gesticulate.pipelines.gesture_video import GestureVideoPipeline

FEW = Sampling(steps=2, guidance=1.5, window=4, overlap=1)


def test_without_a_gpu_it_says_what_it_needs(network, coders):
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(UsageError, match=r"needs a GPU.*11 GB.*--preset contextual"):
        AnimationRenderer()
    with pytest.raises(UsageError, match="cuda is not here"):
        AnimationRenderer(device="cuda", network=network, coders=coders)


@pytest.mark.parametrize("preset", ["animate-anyone", "wan-animate", "contextual"])
@pytest.mark.parametrize("device", ["cuda", "nonsense"])
def test_a_device_that_is_not_here_is_said(preset, device):
    """Whichever stage would meet it first; renderers that need a GPU also name the one that does
    not."""
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(UsageError) as caught:
        GestureVideoPipeline.from_preset(preset, device=device)
    message = str(caught.value)
    assert "not here" in message or "none is here" in message
    if preset != "contextual" and device == "cuda":
        assert re.search(r"needs a.* GPU with about .* GB.*warp renderer.*--preset", message)


def test_too_little_memory_is_said_before_it_is_taken(network, coders, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 1e6)
    with pytest.raises(UsageError, match=r"would take about .* GB .* 0\.0 GB are free"):
        AnimationRenderer(sampling=FEW, device="cpu", network=network, coders=coders)


def test_a_gpus_free_memory_is_what_nobody_has_and_what_torch_keeps_unused(monkeypatch):
    """Of the current GPU where the device has no number."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: {None: (5, 9), 1: (3, 9)}[index])
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 4)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 1)
    assert memory.free_memory(torch.device("cuda")) == 8
    assert memory.free_memory(torch.device("cuda:1")) == 6


def test_a_gpu_too_small_is_told_what_low_memory_would_take(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 6e9)
    gpu = torch.device("cuda")
    with pytest.raises(UsageError, match=r"about 10\.8 GB .* on cuda, where 6\.0 GB are free\. "
                                         r"--low-memory takes about 4\.8 GB"):  # fmt: skip
        memory.check_memory(10e9, 4e9, gpu)
    with pytest.raises(UsageError, match=r"Take fewer pixels .* --preset contextual"):
        memory.check_memory(10e9, 9e9, gpu)
    with pytest.raises(UsageError, match=r"Take fewer pixels .* --preset contextual"):
        memory.check_memory(7e9, None, gpu)
    memory.check_memory(5e9, None, gpu)


def test_the_estimate_grows_with_what_takes_memory():
    def gigabytes(low_memory: bool = False, size: int = 512, **sampling) -> float:
        chosen = Sampling(**sampling)
        return memory.activations(FULL, (size, size), chosen, 2, low_memory) / 1e9

    assert 3 < gigabytes() < 12
    assert gigabytes(low_memory=True) < 0.7 * gigabytes()
    assert gigabytes(guidance=1.0) < gigabytes()
    assert gigabytes(size=768) > 2 * gigabytes()
    assert gigabytes(windows=2) > 1.5 * gigabytes()
