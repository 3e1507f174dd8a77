"""SPADE: normalised features scaled and shifted by a map (Park et al., CVPR 2019, eq. 1)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GROUP = 8  # channels that are normalised together


class Spade(nn.Module):
    """x -> gamma(map) * normalised(x) + beta(map).

    Two differences from the paper. It normalises every channel over the batch; here each frame is
    normalised alone, so that its result does not hang on its neighbours in a batch, in groups of
    8 channels (`instance_norm` takes three times as long on a CPU, and loses which of two
    channels is the stronger). Its gamma and beta are 3 x 3; here 1 x 1 of more hidden channels,
    which at S/2 takes a third of the time and still sees a line's surroundings.
    """

    def __init__(self, width: int, map_channels: int, hidden: int) -> None:
        super().__init__()
        self.groups = width // GROUP
        self.shared = nn.Conv2d(map_channels, hidden, 3, padding=1)
        # Two convolutions and not one cut in halves, whose channels would lie apart in memory.
        self.gamma = nn.Conv2d(hidden, width, 1)
        self.beta = nn.Conv2d(hidden, width, 1)
        for convolution, start in ((self.gamma, 1.0), (self.beta, 0.0)):
            nn.init.normal_(convolution.weight, std=0.02)
            nn.init.constant_(convolution.bias, start)

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        """features: [B, width, r, r]; edges: [B, map_channels, r, r], 0..1."""
        hidden = F.relu_(self.shared(edges))
        normalised = F.group_norm(features, self.groups)
        return torch.addcmul(self.beta(hidden), normalised, self.gamma(hidden))


class SpadeBlock(nn.Module):
    """x + convolutions of SPADE(x); without a map, of the normalised x."""

    def __init__(self, width: int, map_channels: int, hidden: int) -> None:
        """map_channels: 0 for a block that takes no map."""
        super().__init__()
        self.norm = (
            Spade(width, map_channels, hidden)
            if map_channels
            else nn.GroupNorm(width // GROUP, width)
        )
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, features: Tensor, edges: Tensor | None = None) -> Tensor:
        """[B, width, r, r] -> the same shape; edges: [B, map_channels, r, r]."""
        normed = self.norm(features) if edges is None else self.norm(features, edges)
        # In place on what nothing else reads: passes over memory are what a CPU waits for.
        return self.second(F.relu_(self.first(F.relu_(normed)))).add_(features)
