"""The refiner, its blocks and its critic at tiny sizes."""

import shutil

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gesticulate.refinement.discriminator import (
    PatchDiscriminator,
    discriminator_hinge,
    generator_hinge,
)
from gesticulate.refinement.spade import GROUP, Spade
from gesticulate.refinement.unet import (
    FULL_REFINER,
    LEAN_REFINER,
    PhotoEncoder,
    Refiner,
    RefinerOptions,
    _smooth,
    small_pixels,
)

SIZE = 64


def tiny(structure: str = "edges") -> RefinerOptions:
    return RefinerOptions(
        widths=(8, 16, 24), photo_widths=(8, 8, 16), spade_hidden=4, blocks=1,
        structure=structure,
    )  # fmt: skip


def inputs(options: RefinerOptions, batch: int = 2) -> dict:
    torch.manual_seed(0)
    return {
        "warped": torch.rand(batch, 3, SIZE, SIZE),
        "features": PhotoEncoder(options)(torch.rand(batch, 3, SIZE, SIZE)),
        "occlusion": torch.rand(batch, 1, SIZE, SIZE),
        "edges": None
        if options.structure == "none"
        else [torch.rand(batch, 6, SIZE // shrink, SIZE // shrink) for shrink in (8, 4, 2)],
    }


def awake(refiner: Refiner) -> Refiner:
    """With a last layer that is not zero any more."""
    torch.manual_seed(1)
    for last in (refiner.leave, refiner.leave_pixels):
        nn.init.normal_(last.weight, std=0.1)
    return refiner


def parameters(*modules: nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


def test_spade_is_its_equation():
    torch.manual_seed(0)
    spade = Spade(16, 6, 8)
    nn.init.normal_(spade.gamma.weight)
    features, edges = torch.randn(2, 16, 12, 12) * 3 + 1, torch.rand(2, 6, 12, 12)
    grouped = features.reshape(2, 16 // GROUP, -1)
    mean, variance = grouped.mean(-1), grouped.var(-1, unbiased=False)
    hidden = F.relu(spade.shared(edges))
    gamma, beta = spade.gamma(hidden), spade.beta(hidden)
    found = spade(features, edges)
    for frame, channel in ((0, 0), (0, 9), (1, 15)):
        group = channel // GROUP
        normalised = (features[frame, channel] - mean[frame, group]) / (
            variance[frame, group] + 1e-5
        ).sqrt()
        expected = gamma[frame, channel] * normalised + beta[frame, channel]
        torch.testing.assert_close(found[frame, channel], expected, atol=1e-4, rtol=1e-4)


def testsmall_pixels_are_the_pixel_unshuffle():
    picture = torch.rand(2, 6, 8, 8)
    small = small_pixels(picture, torch.float32)
    assert torch.equal(small, F.pixel_unshuffle(picture, 2))
    assert small.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("structure", ["none", "skeleton", "edges"])
def test_the_residual_starts_at_zero_and_learns(structure):
    options = tiny(structure)
    refiner = Refiner(options)
    given = inputs(options)
    residual = refiner(**given)
    assert residual.shape == (2, 3, SIZE, SIZE)
    assert residual.dtype == torch.float32
    assert residual.abs().max() == 0
    residual.sub(0.1).square().mean().backward()
    assert refiner.leave.weight.grad.abs().max() > 0
    assert refiner.leave_pixels.weight.grad.abs().max() > 0
    awake(refiner).zero_grad()
    refiner(**inputs(options)).square().mean().backward()
    still = [name for name, p in refiner.named_parameters() if not p.grad.abs().max() > 0]
    assert not still


def test_every_input_matters():
    options = tiny()
    refiner = awake(Refiner(options)).eval()
    for convolution in (m for m in refiner.modules() if isinstance(m, Spade)):
        nn.init.normal_(convolution.gamma.weight, std=0.2)
    with torch.inference_mode():
        given = inputs(options)
        first = refiner(**given)
        for name in ("warped", "occlusion"):
            assert not torch.equal(refiner(**{**given, name: given[name] * 0.5}), first), name
        for name in ("features", "edges"):
            for level in range(3):
                changed = list(given[name])
                changed[level] = changed[level] * 0.5
                assert not torch.equal(refiner(**{**given, name: changed}), first), (name, level)


def test_what_is_pushed_down_does_not_fall_silent():
    """Trained, all of the last features were negative once, and the network of no more effect."""
    options = tiny()
    refiner = awake(Refiner(options))
    with torch.no_grad():
        refiner.up[1].bias.fill_(-50.0)
    given = inputs(options)
    given["edges"] = [maps.requires_grad_() for maps in given["edges"]]
    (refiner(**given) ** 2).mean().backward()
    for maps in given["edges"]:
        assert maps.grad.abs().mean() > 1e-9
    assert refiner.rise[1].second.weight.grad.abs().mean() > 1e-9


def test_the_residual_has_no_stripes():
    """The four filters of a pixel's four quarters may differ as they like."""
    checks = (-1.0) ** (torch.arange(8)[:, None] + torch.arange(8))
    rows = (-1.0) ** torch.arange(8)[:, None].expand(8, 8)
    level = torch.ones(8, 8)
    residual = _smooth(torch.stack([checks, rows, level])[None])
    torch.testing.assert_close(residual[0, 2], level)
    assert residual[0, :2, 1:-1, 1:-1].abs().max() < 1e-6


def test_smoothing_is_the_binomial_with_the_border_going_on():
    residual = torch.randn(2, 3, 16, 12)
    kernel = torch.tensor([1.0, 2.0, 1.0])
    kernel = (kernel[:, None] * kernel / 16).expand(3, 1, 3, 3)
    padded = F.pad(residual, (1, 1, 1, 1), mode="replicate")
    torch.testing.assert_close(_smooth(residual), F.conv2d(padded, kernel, groups=3))


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a compiler")
def test_smoothing_behind_a_pixel_shuffle_compiles():
    def shuffled(residual: Tensor) -> Tensor:
        return _smooth(F.pixel_shuffle(residual, 2))

    residual = torch.randn(1, 12, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(torch.compile(shuffled)(residual), shuffled(residual))


def test_without_structure_there_are_no_spade_weights():
    none, edges = (Refiner(tiny(structure)) for structure in ("none", "edges"))
    assert not [module for module in none.modules() if isinstance(module, Spade)]
    assert len([module for module in edges.modules() if isinstance(module, Spade)]) == 3


def test_frames_of_a_batch_do_not_touch_each_other():
    options = tiny()
    refiner = awake(Refiner(options)).eval()
    given = inputs(options)
    with torch.inference_mode():
        together = refiner(**given)
        alone = refiner(
            given["warped"][1:],
            [f[1:] for f in given["features"]],
            given["occlusion"][1:],
            [m[1:] for m in given["edges"]],
        )
    torch.testing.assert_close(together[1:], alone, atol=1e-5, rtol=1e-4)


def test_bfloat16_is_close():
    options = tiny()
    refiner = awake(Refiner(options)).eval()
    given = inputs(options)
    with torch.inference_mode():
        exact = refiner(**given)
        with torch.autocast("cpu", torch.bfloat16):
            mixed = refiner(**given)
        halved = refiner.to(torch.bfloat16, memory_format=torch.channels_last)(**given)
    spread = exact.std()
    for found in (mixed, halved):
        assert found.dtype == torch.float32
        assert (found - exact).abs().mean() < 0.05 * spread


def test_presets_keep_to_their_budgets():
    for options, least, most in ((LEAN_REFINER, 0.5e6, 4e6), (FULL_REFINER, 12e6, 14e6)):
        assert least < parameters(Refiner(options), PhotoEncoder(options)) < most


def multiplications(module: nn.Module, *arguments: Tensor) -> float:
    """Of the convolutions of one pass."""
    total = 0

    def count(layer: nn.Conv2d, _: tuple, out: Tensor) -> None:
        nonlocal total
        total += out.numel() * layer.weight[0].numel()

    hooks = [m.register_forward_hook(count) for m in module.modules() if isinstance(m, nn.Conv2d)]
    with torch.inference_mode():
        module(*arguments)
    for hook in hooks:
        hook.remove()
    return total


def test_the_lean_refiner_is_lean():
    """At S = 64, where a frame costs a sixteenth of what it does at 256."""
    options = LEAN_REFINER
    given = inputs(options, batch=1)
    per_frame = multiplications(Refiner(options), *given.values()) * (256 / SIZE) ** 2
    assert per_frame < 2.2e9


def test_the_critic_sees_frame_and_edges_and_learns():
    torch.manual_seed(0)
    frame = torch.rand(2, 3, SIZE, SIZE, requires_grad=True)
    edges = torch.rand(2, 6, SIZE // 2, SIZE // 2, requires_grad=True)
    critic = PatchDiscriminator(widths=(8, 16, 16))
    logits = critic(frame, edges)
    assert logits.shape == (2, 1, SIZE // 16 - 1, SIZE // 16 - 1)
    assert not torch.equal(critic.eval()(frame, edges * 0), logits)
    generator_hinge(logits).backward()
    assert frame.grad.abs().max() > 0
    assert edges.grad is None
    assert all(p.grad.abs().max() > 0 for p in critic.parameters() if p.ndim > 1)
    blind = PatchDiscriminator(widths=(8, 16, 16), edges=False)
    assert blind(frame, None).shape == logits.shape


def test_the_critic_is_spectrally_normalised():
    torch.manual_seed(0)
    critic = PatchDiscriminator(widths=(8, 16, 16))
    frame, edges = torch.rand(1, 3, SIZE, SIZE), torch.rand(1, 6, SIZE // 2, SIZE // 2)
    for _ in range(30):
        critic(frame, edges)  # each pass in training is one power iteration
    for layer in (*critic.down, critic.judge):
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
        assert largest.item() == pytest.approx(1, abs=0.05)


def test_hinge_losses():
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 0.5])
    assert discriminator_hinge(real, fake) == pytest.approx((0 + 0.5) / 2 + (0 + 1.5) / 2)
    assert generator_hinge(fake) == pytest.approx(1.25)
