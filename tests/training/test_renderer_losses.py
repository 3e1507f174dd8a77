"""What the renderer is trained on, each loss alone."""

import numpy as np
import pytest
import torch

from gesticulate.evaluation.lpips import Lpips
from gesticulate.training.frames import REGIONS
from gesticulate.training.perceptual import PerceptualLoss
from gesticulate.training.renderer_losses import critic_losses, pixel_losses


def test_pixel_losses_are_means_over_their_regions():
    rng = np.random.default_rng(0)
    made, target = rng.random((2, 2, 3, 32, 32), np.float32)
    regions = rng.random((2, 5, 32, 32), np.float32)
    regions[:, 2] = 0
    losses = pixel_losses(*map(torch.from_numpy, (made, target, regions)))
    difference = np.abs(made - target).mean(axis=1)
    for index, name in enumerate(REGIONS):
        share = regions[:, index]
        expected = (difference * share).sum() / share.sum() if name != "hands" else 0
        assert float(losses[name]) == pytest.approx(expected, rel=1e-4)


def test_perception_reaches_the_picture_and_weighs_regions(monkeypatch):
    torch.manual_seed(0)
    plain = Lpips().eval().requires_grad_(False)
    for head in plain.heads:
        head.weight.abs_()
    monkeypatch.setattr(Lpips, "pretrained", classmethod(lambda cls, net="alex": plain))
    loss = PerceptualLoss()
    made = torch.rand(2, 3, 64, 64, requires_grad=True)
    target, regions = torch.rand(2, 3, 64, 64), torch.zeros(2, 3, 64, 64)
    regions[:, 0], regions[:, 1, :32] = 1, 1
    (whole, within), (none, _) = loss(made, [target, made.detach()], regions)
    assert none == 0
    torch.testing.assert_close(whole, plain(made * 2 - 1, target * 2 - 1).mean())
    torch.testing.assert_close(within[0], whole)
    assert within[2] == 0
    assert within[1] > 0
    whole.backward()
    assert made.grad.abs().sum() > 0


def test_the_critic_learns_real_from_made():
    from gesticulate.training.renderer_losses import Drawn

    torch.manual_seed(0)

    class Brightness(torch.nn.Module):
        def forward(self, frame, edges):
            assert edges is None
            return 4 * frame.mean(dim=(1, 2, 3), keepdim=True) - 2

    class Made:
        frame = torch.zeros(2, 3, 64, 64)

    class Real:
        target = torch.ones(2, 3, 64, 64)

    losses = critic_losses(Brightness(), Drawn(Made, None), Real)
    assert float(losses["critic"]) == 0
    assert float(losses["critic_right"]) == 1
