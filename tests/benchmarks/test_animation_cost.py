"""The benchmark of the diffusion renderer counts and times what it says."""

import animation_counts as counts
import numpy as np
import pytest
import torch

import animation as benchmark
from gesticulate.animation import memory
from gesticulate.animation import renderer as animation_renderer
from gesticulate.animation.coders import tiny_coders
from gesticulate.animation.networks import FULL, TINY, AnimationNetwork
from gesticulate.animation.renderer import AnimationRenderer
from gesticulate.animation.sampling import Sampling
from gesticulate.animation.windows import spans


def test_operations_are_those_of_the_layers():
    convolution = torch.nn.Conv2d(4, 8, 3, padding=1, device="meta")
    seen = torch.empty(2, 4, 16, 16, device="meta")
    # Two for each product with its sum: outputs x inputs x kernel x pixels x pictures.
    assert counts.operations(lambda: convolution(seen)) == 2 * 8 * 4 * 9 * 256 * 2
    query = torch.empty(1, 2, 10, 8, device="meta")
    attention = torch.nn.functional.scaled_dot_product_attention
    assert counts.operations(lambda: attention(query, query, query)) == 2 * 2 * 2 * 100 * 8


def test_a_video_is_its_windows_and_frames():
    video = counts.Counts(reference=5, alone=100, guided=190, guide=2, decode=3)
    parts = video.parts(44, Sampling(steps=10, guidance=2.0, window=24, overlap=4))
    assert parts == {
        "photo": 5,
        "denoising": 2 * 10 * 190,
        "skeletons": 2 * 10 * 2,
        "decoding": 132,
    }
    plain = video.parts(44, Sampling(steps=10, guidance=1.0, window=24, overlap=4))
    assert plain["denoising"] == 2 * 10 * 100


def test_guidance_does_not_read_the_photo_twice():
    video = counts.count(TINY, 64, window=2)
    assert video.alone < video.guided < 2 * video.alone
    assert min(video.reference, video.guide, video.decode) > 0


def test_held_counts_what_is_alive_at_once():
    given = torch.empty(100, device="meta")
    with counts.Held([given]) as held:
        one = given + 1
        del one
        two = given.view(10, 10) * 2
        two = two.relu()
    # The product and its rectified copy; the sum was gone before, and a view is nobody's own.
    assert held.peak == 2 * 400
    assert two.numel() == 100


@pytest.mark.parametrize("saving", [False, True])
def test_the_memory_estimate_is_what_the_full_networks_hold(saving):
    """So that an estimate that no longer fits the networks is found without a GPU."""
    held = counts.held_values(FULL, 256, window=4, guided=not saving, saving=saving)
    estimate = memory._VALUES_SAVING if saving else memory._VALUES
    assert held == pytest.approx(estimate, rel=0.03)


@pytest.mark.parametrize("pictures", [memory.DECODED_AT_ONCE, memory.DECODED_SAVING])
def test_the_memory_estimate_is_what_decoding_holds(pictures):
    assert counts.held_decoding(256, pictures) == pytest.approx(memory._DECODED, rel=0.03)


@pytest.mark.parametrize("low_memory", [False, True])
def test_the_estimate_holds_all_that_is_on_the_device_at_once(low_memory, monkeypatch):
    """In low memory the most is there while the reference network looks at the photo, or while
    windows are denoised."""
    asked = []
    monkeypatch.setattr(
        animation_renderer, "check_memory", lambda needed, saving, device: asked.append(needed)
    )
    monkeypatch.setattr(
        animation_renderer, "precision", lambda device: (torch.bfloat16, torch.float16)
    )
    with torch.device("meta"):
        network, coders = AnimationNetwork(FULL), counts.full_coders()
    renderer = AnimationRenderer(
        device="meta", low_memory=low_memory, network=network, coders=coders
    )
    renderer._check_memory((512, 512), loaded=True)

    def weights(*modules: torch.nn.Module) -> float:
        return sum(2 * p.numel() for module in modules for p in module.parameters())

    staying = weights(network.denoiser, network.guider, coders.vae)
    reference, clip = weights(network.reference), weights(coders.clip)
    windows = counts.held_values(FULL, 512, 24, not low_memory, low_memory)
    denoising = windows * 24 * (1 if low_memory else 2) * 64 * 64 * 320 * 2
    if low_memory:
        least = max(denoising, reference + 2 * 25 * 64 * 64 * 320)
        assert asked[0] >= staying + least
        assert asked[1] >= least
    else:
        assert asked[0] >= staying + reference + clip + denoising
        assert asked[1] >= denoising
    assert asked[0] < 1.2 * (staying + (0 if low_memory else reference + clip)) + 1.6 * max(
        denoising, reference if low_memory else 0
    )


@pytest.mark.parametrize("low_memory", [False, True])
def test_the_full_renderer_runs_beside_the_cpu(low_memory, monkeypatch):
    """At full size and a GPU's precision, on a device that holds no data: nothing on its way from
    photo to pictures is of another type or left on the CPU. In low memory, what is needed once
    leaves the device afterwards."""
    shapes = []

    def seen(pictures):
        assert pictures.device.type == "meta"
        shapes.append(tuple(pictures.shape))
        height, width = pictures.shape[-2:]
        return np.zeros((len(pictures), height, width, 3), np.uint8)

    monkeypatch.setattr(animation_renderer, "to_pictures", seen)
    monkeypatch.setattr(
        animation_renderer, "precision", lambda device: (torch.bfloat16, torch.float16)
    )
    with torch.device("meta"):
        network, coders = AnimationNetwork(FULL), counts.full_coders()
    renderer = AnimationRenderer(
        sampling=Sampling(steps=1), device="meta", low_memory=low_memory, network=network,
        coders=coders,
    )  # fmt: skip
    moved = []
    for name, module in (("clip", coders.clip), ("reference", network.reference)):
        monkeypatch.setattr(
            module, "to", lambda device, name=name: moved.append((name, str(device)))
        )
    frames = 3 if low_memory else 26
    photo, pose, poses = benchmark.moving_person(512, frames)
    assert len(list(renderer.prepare(photo, pose).render(poses))) == frames
    if low_memory:
        assert shapes == [(1, 3, 512, 512)] * 3
        assert moved == [
            ("clip", "meta"), ("clip", "cpu"), ("reference", "meta"), ("reference", "cpu"),
        ]  # fmt: skip
    else:
        assert shapes == [(4, 3, 512, 512)] * 6 + [(2, 3, 512, 512)]
        assert ("reference", "cpu") not in moved


def test_the_denoiser_is_compiled_whole():
    """One graph, whoever turns it into kernels: a break would be paid for at each of them."""
    torch.manual_seed(0)
    network = AnimationNetwork(TINY).eval()
    token, guide = torch.randn(1, 1, TINY.token), torch.randn(1, 4, TINY.widths[0], 8, 8)
    noisy, time = torch.randn(1, 4, 4, 8, 8), torch.tensor(500)
    with torch.no_grad():
        tokens = network.remember(torch.randn(1, 4, 8, 8), token)
        plain = network(noisy, time, token, guide, tokens)
        network.denoiser = torch.compile(network.denoiser, backend="eager", fullgraph=True)
        assert torch.equal(network(noisy, time, token, guide, tokens), plain)


@pytest.mark.parametrize("frames", [10, 24, 60, 250, 251])
@pytest.mark.parametrize("windows", [1, 2, 4])
def test_warming_up_meets_every_number_of_windows(windows, frames):
    sampling = Sampling(window=24, overlap=4, windows=windows)

    def at_a_time(count: int) -> set[int]:
        total = len(spans(count, 24, 4))
        return {min(windows, total - first) for first in range(0, total, windows)}

    warm = benchmark.warm_frames(frames, sampling)
    assert at_a_time(warm) == at_a_time(frames)
    assert warm <= 24 + 20 * (2 * windows - 2)


def test_parts_sum_to_the_whole():
    torch.manual_seed(0)
    renderer = AnimationRenderer(
        sampling=Sampling(steps=1, guidance=1.0, window=4, overlap=1), size=32, device="cpu",
        network=AnimationNetwork(TINY), coders=tiny_coders(TINY.token),
    )  # fmt: skip
    result = benchmark.timed(renderer, 32, 5)
    assert sum(result.parts.values()) == pytest.approx(result.seconds)
    assert all(seconds > 0 for seconds in result.parts.values())
    # The clocks are gone.
    assert "forward" not in vars(renderer.network)
