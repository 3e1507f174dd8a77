"""The dense-motion network: where it starts, what it can learn, and its arithmetic."""

import numpy as np
import pytest
import torch
from torch.nn.functional import grid_sample, interpolate

from gesticulate.keypoints import layout
from gesticulate.warping.dense_motion import (
    NUM_CANDIDATES,
    NUM_PARTS,
    TPS_GAIN,
    DenseMotionNetwork,
    DenseMotionOptions,
    heatmap_differences,
    paired_points,
    warp_features,
    warp_photo,
)
from gesticulate.warping.inpainting import SmoothFill
from gesticulate.warping.inputs import RendererInput
from gesticulate.warping.layers import prepare_photo
from gesticulate.warping.renderer import Puppet
from gesticulate.warping.scene import PhotoCrop, Scene

OPTIONS = DenseMotionOptions(widths=(16, 16, 24), squeeze=16)
SIZE = 64


@pytest.fixture(scope="module")
def inputs(drawn):
    scene = Scene(
        Puppet(
            prepare_photo(drawn.photo, drawn.pose.points[0], drawn.matte, inpainting=SmoothFill())
        ),
        PhotoCrop(10, 0, 220, SIZE),
    )
    points = drawn.pose.points[0].copy()
    points[[layout.LEFT_ELBOW, layout.LEFT_WRIST, *range(91, 112)], 1] -= 18
    points[layout.FACE, 0] += 3
    other = points.copy()
    other[layout.RIGHT_HAND, 1] -= 9
    return RendererInput.stack([scene.prior(points)[1], scene.prior(other)[1]])


def learned(seed: int = 0) -> DenseMotionNetwork:
    """As if trained: heads that say something."""
    torch.manual_seed(seed)
    network = DenseMotionNetwork(OPTIONS)
    with torch.no_grad():
        network.heads.weight.normal_(0, 0.2)
        network.heads.weight[NUM_PARTS:NUM_CANDIDATES] /= TPS_GAIN
        network.heads.bias[NUM_PARTS:NUM_CANDIDATES] += 9 / TPS_GAIN
    return network.eval()


def test_untrained_it_is_the_puppet(inputs):
    motion = DenseMotionNetwork(OPTIONS).eval()(inputs)
    warped = warp_photo(inputs, motion)
    assert (warped - inputs.puppet).abs().max() < 1 / 255
    assert (warped - inputs.puppet).abs().mean() < 0.1 / 255
    assert (motion.correction == 0).all()
    assert (motion.nudge == 0).all()
    shares = motion.masks[:, :NUM_PARTS]
    torch.testing.assert_close(shares, inputs.shown, atol=3e-3, rtol=0)
    sizes = [mask.shape[-1] for mask in motion.occlusion]
    assert sizes == [SIZE // 8, SIZE // 4, SIZE // 2, SIZE]
    assert all(((mask > 0.85) & (mask < 0.95)).all() for mask in motion.occlusion)


def test_the_first_step_reaches_choice_and_nudge(inputs):
    network = DenseMotionNetwork(OPTIONS).train()
    target = inputs.puppet.roll(1, -1)
    (warp_photo(inputs, network(inputs)) - target).square().mean().backward()
    slope = network.heads.weight.grad.abs().amax(dim=(1, 2, 3))
    assert (slope[[0, 1, 2, 4, 6]] > 0).all(), "background, body and left arm move here"
    assert (slope[NUM_PARTS:NUM_CANDIDATES] > 0).any()
    assert (slope[NUM_CANDIDATES : NUM_CANDIDATES + 2] > 0).all()
    with torch.no_grad():
        network.heads.weight -= 0.1 * network.heads.weight.grad.sign()
    network.zero_grad()
    warp_photo(inputs, network(inputs)).square().mean().backward()
    assert all(weight.grad.abs().max() > 0 for weight in network.squeeze.parameters())


def test_a_few_steps_come_nearer_to_the_target(inputs):
    torch.manual_seed(0)
    network = DenseMotionNetwork(OPTIONS).train()
    target = inputs.puppet.roll((1, 1), (-1, -2))
    gate = interpolate(inputs.gate, size=SIZE, mode="bilinear", align_corners=True)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    errors = []
    for _ in range(25):
        error = (gate * (warp_photo(inputs, network(inputs)) - target)).abs().mean()
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        errors.append(error.item())
    assert errors[-1] < 0.75 * errors[0]


def test_nothing_is_touched_where_the_gate_is_shut(inputs):
    shut = RendererInput(**{**vars(inputs), "gate": torch.zeros_like(inputs.gate)})
    torch.testing.assert_close(
        warp_photo(shut, learned()(shut)), shut.puppet, atol=1e-3 / 255, rtol=0
    )


def test_agrees_with_a_plain_loop(inputs):
    """Flow, correction and frame, pixel by pixel as the design writes them."""
    network = learned()
    motion = network(inputs)
    with torch.no_grad():
        flows, seen = network._candidates(inputs)
        delta = network._hourglass(seen)[0][:, :NUM_CANDIDATES]
    shown = inputs.shown.clamp(min=1e-4)
    logits = torch.cat([shown.log() + delta[:, :NUM_PARTS], 8 * delta[:, NUM_PARTS:] - 10], 1)
    first = (shown / shown.sum(1, keepdim=True)).numpy()
    weights = logits.detach().double().softmax(1).numpy()
    everything = torch.cat([inputs.flows, flows], 1).numpy()
    assert weights[:, NUM_PARTS:].sum(1).max() > 0.2, "the splines must have a say in this test"
    rng = np.random.default_rng(0)
    for b, y, x in rng.integers(0, [2, 16, 16], (60, 3)):
        gate = float(inputs.gate[b, 0, y, x])
        w = weights[b, :, y, x]
        tps, parts = w[NUM_PARTS:].sum(), w[:NUM_PARTS]
        correction = np.zeros(3)
        spline = np.zeros(2)
        for k in range(NUM_PARTS):
            share = parts[k] / (1 - tps) - first[b, k, y, x]
            correction += gate * share * inputs.colours[b, k, :, y, x].numpy()
        for k in range(NUM_PARTS, NUM_CANDIDATES):
            spline += w[k] / tps * everything[b, k, y, x]
        mean = sum(parts[k] / (1 - tps) * everything[b, k, y, x] for k in range(NUM_PARTS))
        mean = (1 - gate * tps) * mean + gate * tps * spline
        found = motion.correction[b, :, y, x].detach().numpy()
        np.testing.assert_allclose(found, correction, atol=1e-5)
        np.testing.assert_allclose(motion.tps_flow[b, y, x].detach().numpy(), spline, atol=1e-5)
        np.testing.assert_allclose(motion.flow[b, y, x].detach().numpy(), mean, atol=1e-5)
        assert motion.tps_weight[b, 0, y, x].item() == pytest.approx(gate * tps, abs=1e-5)
    torch.testing.assert_close(motion.masks.sum(1), torch.ones(2, 16, 16))
    torch.testing.assert_close(
        (motion.masks[..., None] * torch.from_numpy(everything)).sum(1), motion.flow
    )


def test_the_frame_is_mixed_as_the_formula_says(inputs):
    motion = learned()(inputs)

    def full(values):
        return interpolate(values, size=SIZE, mode="bilinear", align_corners=True)

    weight = full(motion.tps_weight)
    places = full(motion.tps_flow.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    bent = grid_sample(inputs.photo, places, align_corners=True, padding_mode="border")
    mixed = (1 - weight) * (inputs.puppet + full(motion.correction)) + weight * bent
    nudge = full((motion.nudge * inputs.gate[:, 0, ..., None]).permute(0, 3, 1, 2))
    pixel = torch.linspace(-1, 1, SIZE)
    places = torch.stack(torch.meshgrid(pixel, pixel, indexing="xy"), -1)
    places = places + nudge.permute(0, 2, 3, 1)
    plain = grid_sample(mixed, places, align_corners=True, padding_mode="border")
    torch.testing.assert_close(warp_photo(inputs, motion), plain, atol=1e-5, rtol=0)
    assert (plain - inputs.puppet).abs().max() > 0.05


def test_splines_drop_out_in_training_only(inputs):
    network = learned()
    torch.testing.assert_close(network(inputs).masks, network(inputs).masks)
    network.train()
    torch.manual_seed(0)
    masks = network(inputs).masks
    gone = (masks[:, NUM_PARTS:].amax(dim=(2, 3)) < 1e-12).float().mean()
    assert 0.1 < gone < 0.5
    assert (masks[:, :NUM_PARTS].amax(dim=(2, 3)) > 0).all()
    torch.testing.assert_close(masks.sum(1), torch.ones(2, 16, 16))


def test_heatmaps_are_gaussians_and_unknown_points_draw_none():
    generator = torch.Generator().manual_seed(0)
    photo, driven = torch.rand(2, 1, 5, 2, generator=generator) * 2 - 1
    known = torch.tensor([[True, True, False, True, True]])
    maps = heatmap_differences(photo, driven, known, 12, 0.02)[0].numpy()
    axis = np.linspace(-1, 1, 12)
    x, y = np.meshgrid(axis, axis)
    for n in range(5):
        bells = [
            np.exp(-0.5 * ((x - p[0, n, 0].item()) ** 2 + (y - p[0, n, 1].item()) ** 2) / 0.02)
            for p in (driven, photo)
        ]
        np.testing.assert_allclose(maps[n], (bells[0] - bells[1]) * known[0, n].item(), atol=1e-6)


def test_points_that_one_side_lacks_do_not_move(inputs):
    lacking = RendererInput(**{**vars(inputs), "driven_points": inputs.driven_points.clone()})
    hand = layout.LEFT_HAND
    lacking.driven_points[:, hand] = torch.tensor([float("nan"), 40.0, 0.0])
    photo, driven, known = paired_points(lacking)
    slot = layout.MOTION_LEFT_HAND
    assert not known[:, slot].any()
    torch.testing.assert_close(driven[:, slot], photo[:, slot])
    assert known[:, layout.MOTION_FACE].all()
    flows = learned()._candidates(lacking)[0]
    assert flows.isfinite().all()
    assert flows.abs().max() < 5
    motion = learned()(lacking)
    assert warp_photo(lacking, motion).isfinite().all()


def test_bfloat16_stays_close(inputs):
    network = learned()
    exact = network(inputs)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = network(inputs)
        frame = warp_photo(inputs, mixed)
    half = learned().to(torch.bfloat16, memory_format=torch.channels_last)(inputs)
    for motion in (mixed, half):
        assert all(value.dtype == torch.float32 for value in (motion.flow, motion.masks))
        torch.testing.assert_close(motion.flow, exact.flow, atol=0.05, rtol=0)
        assert (motion.flow - exact.flow).abs().mean() < 2e-3
        assert (warp_photo(inputs, motion) - warp_photo(inputs, exact)).abs().mean() < 0.5 / 255
    assert frame.dtype == torch.float32


def test_features_are_moved_and_masked():
    features = torch.arange(16.0).reshape(1, 1, 4, 4)
    axis = torch.linspace(-1, 1, 4)
    identity = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)[None]
    mask = torch.ones(1, 1, 4, 4)
    mask[..., 0] = 0
    still = warp_features(features, identity, mask)
    torch.testing.assert_close(still, features * mask, atol=1e-5, rtol=0)
    shifted = warp_features(features.bfloat16(), identity + torch.tensor([2 / 3, 0.0]), mask)
    assert shifted.dtype == torch.bfloat16
    torch.testing.assert_close(shifted[0, 0, 1].float(), torch.tensor([0.0, 6.0, 7.0, 7.0]))


@pytest.mark.parametrize("bad", [{"widths": (48,)}, {"widths": (20, 32)}, {"tps_dropout": 1.0}])
def test_options_that_cannot_be_are_refused(bad):
    with pytest.raises(ValueError, match="expected"):
        DenseMotionOptions(**bad)
