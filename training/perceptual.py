"""LPIPS as a loss: over the whole frame, and over regions that are small and looked at."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..evaluation.lpips import Lpips
from ..evaluation.lpips_weights import Net


class PerceptualLoss(nn.Module):
    """The published distance, frozen, with gradients to the pictures."""

    def __init__(self, net: Net = "alex") -> None:
        """Raises: WeightsError where its weights were not fetched yet."""
        super().__init__()
        self.lpips = Lpips.pretrained(net=net).to(memory_format=torch.channels_last)

    def forward(self, made: Tensor, target: Tensor, regions: Tensor) -> tuple[Tensor, Tensor]:
        """made, target: [B, 3, S, S], RGB 0..1. regions: [B, R, S, S], 0..1. Returns the mean over
        the frames [], and over each region [R], 0 where a batch has nothing of it."""
        with torch.no_grad():
            real = self.lpips.features(_signed(target))
        fake = self.lpips.features(_signed(made))
        whole = made.new_zeros(())
        within = made.new_zeros(regions.shape[1])
        for head, a, b in zip(self.lpips.heads, fake, real, strict=True):
            level = head((a - b).square()).float()
            whole = whole + level.mean()
            # A region's share of each of the level's pixels, so that a mouth of 8 pixels still
            # counts at a level that has one pixel for 16.
            share = F.interpolate(regions, level.shape[-2:], mode="area")
            area = share.sum(dim=(0, 2, 3))
            within = within + (level * share).sum(dim=(0, 2, 3)) / area.clamp(min=1e-3)
        return whole, within


def _signed(picture: Tensor) -> Tensor:
    return (picture * 2 - 1).contiguous(memory_format=torch.channels_last)
