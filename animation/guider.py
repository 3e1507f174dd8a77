"""The pose guider: a drawn skeleton -> features of the latents' size.

Hu et al., "Animate Anyone" (CVPR 2024), section 3.2; layers as in the public reimplementation,
which are those of ControlNet's conditioning embedding (Zhang et al., ICCV 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional


class PoseGuider(nn.Module):
    """widths: channels at 1, 1/2, 1/4 and 1/8 of the picture's size. out: of the result."""

    def __init__(self, widths: Sequence[int], out: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(3, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList()
        for before, after in pairwise(widths):
            self.blocks.append(nn.Conv2d(before, before, 3, padding=1))
            self.blocks.append(nn.Conv2d(before, after, 3, padding=1, stride=2))
        # Zero at the start: training begins at the denoiser without poses.
        self.conv_out = nn.Conv2d(widths[-1], out, 3, padding=1)
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(self.conv_out.bias)

    def forward(self, pictures: Tensor) -> Tensor:
        """[N, 3, H, W], RGB 0..1 -> [N, out, H / 8, W / 8]."""
        features = functional.silu(self.conv_in(pictures))
        for block in self.blocks:
            features = functional.silu(block(features))
        return self.conv_out(features)
