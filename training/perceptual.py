"""LPIPS as a loss: over the whole frame, and over regions that are small and looked at."""

from __future__ import annotations

from collections.abc import Sequence

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

    def forward(
        self, made: Tensor, targets: Sequence[Tensor], regions: Tensor
    ) -> list[tuple[Tensor, Tensor]]:
        """How far made is from each of the targets.

        made, targets: [B, 3, S, S], RGB 0..1. regions: [B, R, S, S], 0..1. Returns for each target
        the mean over the frames [], and over each region [R], 0 where a batch has nothing of it.
        """
        fake = self.lpips.features(_signed(made))
        with torch.no_grad():
            reals = [self.lpips.features(_signed(target)) for target in targets]
        return [self._distance(fake, real, regions) for real in reals]

    def _distance(
        self, fake: Sequence[Tensor], real: Sequence[Tensor], regions: Tensor
    ) -> tuple[Tensor, Tensor]:
        whole = regions.new_zeros(())
        within = regions.new_zeros(regions.shape[1])
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
