"""The rebuilt baseline has the published networks' layers; see its docstring."""

import torch
import tps_baseline


def test_as_many_numbers_as_published():
    with torch.device("meta"):
        inpainting = tps_baseline.Inpainting()
    model = tps_baseline.DenseMotion()
    assert len(model.state_dict()) == 59
    assert sum(value.numel() for value in model.parameters()) == 37_941_397
    assert len(inpainting.state_dict()) == 78
    assert sum(value.numel() for value in inpainting.parameters()) == 24_737_283
    assert model.maps.weight.shape == (11, 148, 7, 7)
    assert model.hourglass.encoder.down_blocks[0].conv.weight.shape == (128, 84, 3, 3)


@torch.inference_mode()
def test_splines_take_driving_points_to_their_origin():
    """By design not exactly: the published fit is regularised."""
    torch.manual_seed(0)
    driving = torch.rand(1, 50, 2) * 1.6 - 0.8
    origin = driving + torch.tensor([0.1, -0.05])
    flows = tps_baseline._flows(driving, origin, 33, 33)
    assert flows.shape == (1, 11, 33, 33, 2)
    still = torch.stack(torch.meshgrid(*[torch.linspace(-1, 1, 33)] * 2, indexing="xy"), dim=-1)
    torch.testing.assert_close(flows[0, 0], still)
    gap = flows[0, 1:] - still - torch.tensor([0.1, -0.05])
    assert gap.abs().median() < 0.02


@torch.inference_mode()
def test_it_makes_a_frame():
    torch.manual_seed(0)
    points = torch.rand(2, 1, 50, 2) * 2 - 1
    frame = tps_baseline.TpsMotionModel().eval()(torch.rand(1, 3, 256, 128), *points)
    assert frame.shape == (1, 3, 256, 128)
    assert 0 <= frame.min() <= frame.max() <= 1
