"""The networks together: the puppet before training, nothing where nothing moves, and on disk."""

from dataclasses import replace

import pytest
import torch
from tiny_renderer import SIZE, TINY, randomise

from gesticulate.errors import WeightsError
from gesticulate.refinement.edges import edge_maps_numpy
from gesticulate.refinement.network import (
    FULL,
    LEAN,
    RendererNetwork,
    load_renderer,
    save_renderer,
)
from gesticulate.warping.dense import CANDIDATES
from gesticulate.warping.inputs import RendererInput


def some_inputs(batch: int = 2, size: int = SIZE, seed: int = 0) -> RendererInput:
    draw = torch.Generator().manual_seed(seed)
    small, parts = size // 4, len(CANDIDATES)

    def uniform(*shape):
        return torch.rand(*shape, generator=draw)

    points = torch.cat([uniform(batch, 133, 2) * 1.6 - 0.8, uniform(batch, 133, 1)], dim=-1)
    moved = points + torch.cat([uniform(batch, 133, 2) * 0.1, torch.zeros(batch, 133, 1)], dim=-1)
    gate = torch.ones(batch, 1, small, small)
    gate[..., : small // 2] = 0
    return RendererInput(
        photo=uniform(batch, 3, size, size),
        puppet=uniform(batch, 3, size, size),
        flows=uniform(batch, parts, small, small, 2) * 2 - 1,
        shown=uniform(batch, parts, small, small).softmax(1),
        colours=uniform(batch, parts, 3, small, small),
        gate=gate,
        photo_points=points,
        driven_points=moved,
    )


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    return randomise(RendererNetwork(TINY)).eval()


@pytest.mark.parametrize("refiner", [True, False])
def test_untrained_it_gives_the_puppets_frame(refiner):
    torch.manual_seed(0)
    options = TINY if refiner else replace(TINY, refiner=None)
    network, inputs = RendererNetwork(options).eval(), some_inputs()
    with torch.no_grad():
        made = network(inputs)
    # The splines start at a weight of exp(-10) each: a third of a grey level at most.
    assert (made.frame - inputs.puppet).abs().max() < 0.5 / 255
    assert not made.residual.any()
    assert (network.encode(inputs.photo) == ()) is not refiner


def test_the_residual_ends_where_nothing_moves(trained):
    inputs = some_inputs()
    with torch.no_grad():
        made = trained(inputs)
    assert made.residual.abs().max() > 0.01
    still = SIZE // 2 - 4
    torch.testing.assert_close(
        made.frame[..., :still], made.warped[..., :still].clamp(0, 1), rtol=0, atol=0
    )
    moving = (made.warped + made.residual).clamp(0, 1)[..., SIZE // 2 + 4 :]
    torch.testing.assert_close(made.frame[..., SIZE // 2 + 4 :], moving)


def test_features_and_edges_may_come_from_outside(trained):
    inputs = some_inputs()
    inputs.photo[1] = inputs.photo[0]
    thickness = trained.edges.thickness.detach().numpy()
    with torch.no_grad():
        whole = trained(inputs).frame
        once = trained.encode(inputs.photo[:1])
        assert [one.shape[-1] for one in once] == [SIZE // 2, SIZE // 4, SIZE // 8]
        drawn = [
            edge_maps_numpy(points, thickness, (SIZE // 8, SIZE // 4, SIZE // 2))
            for points in inputs.driven_points.numpy()
        ]
        maps = [
            torch.stack([torch.from_numpy(m) for m in level]) for level in zip(*drawn, strict=True)
        ]
        outside = trained(inputs, once, maps).frame
    assert (whole - outside).abs().max() < 2 / 255


def test_a_frame_does_not_hang_on_its_batch(trained):
    inputs = some_inputs()
    alone = some_inputs()
    for name, value in vars(alone).items():
        setattr(alone, name, value[1:])
    with torch.no_grad():
        together, apart = trained(inputs).frame[1:], trained(alone).frame
    torch.testing.assert_close(together, apart, rtol=0, atol=1e-4)


def test_bfloat16_changes_little(trained, tmp_path):
    save_renderer(tmp_path / "r.safetensors", trained)
    half = load_renderer(tmp_path / "r.safetensors")
    half.for_inference(torch.device("cpu"), torch.bfloat16)
    with torch.inference_mode():
        difference = (half(some_inputs()).frame - trained(some_inputs()).frame).abs()
    assert difference.mean() < 1 / 255
    assert half.edges.thickness.dtype == torch.float32


def test_gradients_reach_every_weight(trained):
    network = randomise(RendererNetwork(TINY)).train()
    made = network(some_inputs())
    made.frame.square().mean().backward()
    without = [name for name, value in network.named_parameters() if value.grad is None]
    assert not without


def test_what_is_written_is_read(trained, tmp_path):
    path = tmp_path / "renderer.safetensors"
    save_renderer(path, trained)
    read = load_renderer(path)
    assert read.options == TINY
    for name, value in trained.state_dict().items():
        torch.testing.assert_close(read.state_dict()[name], value, rtol=2e-3, atol=1e-4)
    plain = RendererNetwork(replace(TINY, refiner=None))
    save_renderer(path, plain)
    assert load_renderer(path).options.refiner is None


def test_files_that_are_no_renderer_are_refused(tmp_path, trained):
    from safetensors.torch import save_file

    with pytest.raises(WeightsError, match="Expected a renderer"):
        load_renderer(tmp_path / "nothing.safetensors")
    other = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, str(other), {"kind": "motion-generator", "options": "{}"})
    with pytest.raises(WeightsError, match="'motion-generator'"):
        load_renderer(other)
    save_file({"a": torch.zeros(1)}, str(other), {"kind": "renderer", "options": '{"size": 64}'})
    with pytest.raises(WeightsError, match="another version"):
        load_renderer(other)


def test_the_two_sizes_keep_their_budgets():
    with torch.device("meta"):
        lean, full = (
            sum(value.numel() for value in RendererNetwork(options).parameters())
            for options in (LEAN, FULL)
        )
    # fp16: 12 and 48 MB.
    assert lean <= 6e6
    assert 12e6 <= full <= 24e6


def test_sizes_that_cannot_be_halved_are_refused():
    with pytest.raises(ValueError, match="multiple of 32"):
        replace(TINY, size=100)
