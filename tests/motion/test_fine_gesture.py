"""FineGesture: groups, the VQ-VAE, the spatio-temporal denoiser, and the generator."""

import dataclasses

import numpy as np
import pytest
import torch
from tiny_generators import CHANNELS, fine_gesture, tiny_fine, tiny_vqvae

from gesticulate.configs import load
from gesticulate.errors import UsageError
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST
from gesticulate.motion.diffusion.checkpoint import (
    FineGesture,
    load_fine,
    load_vqvae,
    save_fine,
    save_vqvae,
)
from gesticulate.motion.diffusion.fine import FineGestureGenerator, FineGestureOptions
from gesticulate.motion.diffusion.groups import DIMS, GROUP_DIMS, GROUPS, Grouping
from gesticulate.motion.diffusion.noise import SamplerOptions
from gesticulate.motion.diffusion.vqvae import MotionVQVAE, RawLatents, VQVAEOptions
from gesticulate.speech.track import SpeechFeatures
from gesticulate.training.diffusion_options import FineGestureTraining
from gesticulate.training.fine_gesture import build


def test_every_point_is_in_one_group():
    assert sorted(point for points in GROUPS.values() for point in points) == list(range(116))


def test_groups_hold_their_points_numbers():
    grouping = Grouping()
    vectors = torch.arange(1.0, DIMS + 1).expand(2, 3, -1)
    groups = grouping.split(vectors)
    assert groups.shape == (2, 3, len(GROUPS), GROUP_DIMS)
    for row, points in enumerate(GROUPS.values()):
        numbers = [1 + 2 * point + axis for point in points for axis in range(2)]
        filled = [*numbers, *[0] * (GROUP_DIMS - len(numbers))]
        assert groups[1, 2, row].tolist() == filled
    assert torch.equal(grouping.join(groups), vectors)
    seen = torch.ones(2, 3, DIMS)
    seen[:, 1, :34] = 0  # the jaw
    known = grouping.seen(seen)
    assert known[:, 1, 0].tolist() == [0, 0]
    assert known.sum() == 2 * 3 * len(GROUPS) - 2


def test_a_group_is_coded_by_itself():
    vqvae = tiny_vqvae()
    vectors = vqvae.spread * torch.randn(1, 20, DIMS)
    moved = vectors.clone()
    moved[..., :34] += 0.1  # the jaw
    with torch.no_grad():
        a, b = vqvae.encode(vectors), vqvae.encode(moved)
        assert (a - b)[:, :, 0].abs().max() > 1e-3
        assert torch.equal(a[:, :, 1:], b[:, :, 1:])
        made, other = vqvae.decode(a), vqvae.decode(torch.cat([-a[:, :, :1], a[:, :, 1:]], 2))
    changed = (made != other).any(1)[0]
    assert changed[:34].any()
    assert not changed[34:].any()


def test_decoding_rounds_to_the_nearest_codes():
    vqvae = tiny_vqvae()
    latents = torch.randn(2, 5, len(GROUPS), 6)
    rounded = torch.empty_like(latents)
    for group, quantizer in enumerate(vqvae.quantizers):
        codes = quantizer.books[0].codes
        for sample in range(2):
            for frame in range(5):
                far = ((codes - latents[sample, frame, group]) ** 2).sum(1)
                rounded[sample, frame, group] = codes[far.argmin()]
    with torch.no_grad():
        torch.testing.assert_close(vqvae.decode(latents), vqvae.decode(rounded, quantise=False))
        assert not torch.allclose(vqvae.decode(latents), vqvae.decode(latents, quantise=False))


def test_more_codebooks_quantise_what_is_left_over():
    torch.manual_seed(4)
    vqvae = MotionVQVAE(VQVAEOptions(8, 6, 16, levels=3)).train()
    vectors = torch.randn(4, 20, DIMS)
    vqvae(vectors, torch.ones_like(vectors))
    vqvae.eval()
    with torch.no_grad():
        latents = vqvae.encode(vectors)
        rounded = latents.clone()
        for group, quantizer in enumerate(vqvae.quantizers):
            left = latents[:, :, group]
            for book in quantizer.books:
                left = left - book.codes[torch.cdist(left, book.codes).argmin(-1)]
            rounded[:, :, group] -= left
        assert (latents - rounded).abs().mean() < 0.7 * latents.abs().mean()
        torch.testing.assert_close(vqvae.decode(latents), vqvae.decode(rounded, quantise=False))


def test_raw_latents_go_there_and_back():
    raw = RawLatents()
    raw.mean.normal_()
    raw.spread.uniform_(0.5, 2)
    vectors = torch.randn(2, 7, DIMS)
    torch.testing.assert_close(raw.decode(raw.encode(vectors)), vectors)


@pytest.fixture
def parts():
    torch.manual_seed(2)
    groups = len(GROUPS)
    return {
        "noisy": torch.randn(2, 24, groups, 6),
        "step": torch.tensor([3, 400]),
        "history": torch.randn(2, 4, groups, 6),
        "speech": torch.randn(2, 24, CHANNELS),
        "speaker": torch.tensor([0, 2]),
    }


def run(network, parts):
    return network(**(parts | {"speech": network.hear(parts["speech"])}))


def opened(**changes):
    """A tiny denoiser whose AdaIN layers, zero at the start, let the style through."""
    network = tiny_fine(**changes)
    for name, parameter in network.named_parameters():
        if ".affine." in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return network


def test_shapes_and_that_every_input_counts(parts):
    network = opened()
    with torch.no_grad():
        usual = run(network, parts)
        assert usual.shape == (2, 24, len(GROUPS), 6)
        for name in ("noisy", "history", "speech"):
            other = run(network, parts | {name: parts[name] + 0.3})
            assert (other - usual).abs().max() > 1e-4, name
        for name, value in (("step", [9, 200]), ("speaker", [1, 1])):
            other = run(network, parts | {name: torch.tensor(value)})
            assert (other - usual).abs().amax((1, 2, 3)).min() > 1e-4, name


def reach(network, parts, frame, group):
    """Which (frame, group) tokens change with one noisy token, [T, G] bool."""
    moved = parts["noisy"].clone()
    moved[:, frame, group] += 1
    with torch.no_grad():
        change = run(network, parts | {"noisy": moved}) - run(network, parts)
    return change.abs().amax((0, 3)) > 1e-6


def test_attention_is_where_the_ablation_leaves_it(parts):
    groups = len(GROUPS)
    neither = reach(opened(layers=1, spatial=False, temporal=False), parts, 7, 3)
    # AdaIN's statistics over time are no attention, but do reach other frames.
    assert neither[7, 3]
    assert not neither[:, [g for g in range(groups) if g != 3]].any()
    assert reach(opened(layers=1, spatial=False), parts, 7, 3)[:, 3].all()
    assert reach(opened(layers=1, temporal=False), parts, 7, 3)[7].all()
    assert reach(opened(layers=1), parts, 7, 3).all()
    # AdaLN has none over time.
    alone = reach(opened(layers=1, spatial=False, temporal=False, adapt="layer"), parts, 7, 3)
    assert alone.sum() == alone[7, 3] == 1


@pytest.mark.parametrize("adapt", ["instance", "layer"])
def test_the_style_is_a_scale_and_shift_of_each_channel(parts, adapt):
    """With AdaIN at its start, zero, the speaker does not matter: it comes in nowhere else."""
    network = tiny_fine(adapt=adapt)
    with torch.no_grad():
        a = run(network, parts)
        b = run(network, parts | {"speaker": torch.tensor([1, 1])})
    assert torch.equal(a, b)


@pytest.mark.parametrize("adapt", ["instance", "layer"])
def test_gradient_reaches_every_weight(parts, adapt):
    network = opened(adapt=adapt).train()
    speech = network.hear(parts["speech"], torch.tensor([True, False]))
    network(**(parts | {"speech": speech})).square().mean().backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without


def test_the_papers_sizes():
    """The paper's preset builds what sections 3.1, 3.2 and 4.1 say."""
    options = load("train-fine-gesture-paper", FineGestureTraining)
    with torch.device("meta"):
        vqvae = MotionVQVAE(VQVAEOptions(options.vqvae_width, options.code_dim, options.codes))
        network = build(options, CHANNELS, "mel", vqvae)
    sizes = network.options
    assert (sizes.layers, sizes.width, sizes.heads) == (8, 512, 8)
    assert (sizes.noise.steps, sizes.noise.prediction, sizes.history) == (500, "epsilon", 4)
    assert (sizes.latent, vqvae.quantizers[0].books[0].codes.shape) == (64, (256, 64))
    assert (sizes.speech_width, sizes.speaker_dim) == (128, 8)
    with torch.device("meta"):
        inputs = {
            "noisy": torch.empty(1, 24, len(GROUPS), 64),
            "step": torch.zeros(1, dtype=torch.int64),
            "history": torch.empty(1, 4, len(GROUPS), 64),
            "speech": torch.empty(1, 24, 128),
            "speaker": torch.zeros(1, dtype=torch.int64),
        }
        assert network(**inputs).shape == (1, 24, len(GROUPS), 64)
    assert 30e6 < sum(p.numel() for p in network.parameters()) < 60e6


def speech(frames):
    rng = np.random.default_rng(0)
    ones, zeros = np.ones(frames, np.float32), np.zeros(frames, np.float32)
    features = rng.normal(size=(frames, CHANNELS)).astype(np.float32)
    return SpeechFeatures(features, ones, zeros, zeros, 25.0)


def reference():
    return Motion(REST[None].astype(np.float32), np.ones((1, 116), np.float32))


def test_guidance_of_one_is_no_guidance(tmp_path):
    options = FineGestureOptions(SamplerOptions(steps=4), guidance=1.0, quantise=False)
    a = fine_gesture(tmp_path, options).generate(speech(40), reference())
    options = dataclasses.replace(options, guidance=1 + 1e-6)
    b = fine_gesture(tmp_path, options).generate(speech(40), reference())
    np.testing.assert_allclose(a.points, b.points, rtol=1e-3, atol=1e-3)
    strong = dataclasses.replace(options, guidance=4.0)
    c = fine_gesture(tmp_path, strong).generate(speech(40), reference())
    assert np.abs(a.points - c.points).max() > 0.01


def test_weights_come_back(tmp_path):
    save_vqvae(tmp_path / "vqvae.safetensors", tiny_vqvae())
    latents = load_vqvae(tmp_path / "vqvae.safetensors")
    torch.testing.assert_close(
        latents.quantizers[3].books[0].codes, tiny_vqvae().quantizers[3].books[0].codes,
        atol=1e-2, rtol=1e-2,
    )  # fmt: skip
    # The ablation without VQ-VAE is a file like any other.
    raw = RawLatents()
    raw.spread.fill_(0.05)
    path = tmp_path / "raw.safetensors"
    save_fine(path, FineGesture(raw, tiny_fine(GROUP_DIMS, temporal=False), []))
    assert isinstance(load_fine(path).latents, RawLatents)
    options = FineGestureOptions(SamplerOptions(steps=3))
    made = FineGestureGenerator(str(path), options).generate(speech(30), reference())
    assert np.isfinite(made.points).all()


def test_a_speaker_is_chosen_by_name(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "fine.safetensors"
    save_fine(path, FineGesture(tiny_vqvae(), opened(), ["ann", "ben"]))

    def made(speaker):
        options = FineGestureOptions(SamplerOptions(steps=3), quantise=False, speaker=speaker)
        return FineGestureGenerator(str(path), options).generate(speech(30), reference()).points

    anybody, ann, ben = (made(name) for name in (None, "ann", "ben"))
    for one, other in ((anybody, ann), (ann, ben), (anybody, ben)):
        assert np.abs(one - other).max() > 1e-3
    with pytest.raises(UsageError, match=r"'bob'.*ann, ben"):
        made("bob")
