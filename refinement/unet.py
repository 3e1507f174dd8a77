"""The refiner: a SPADE U-Net that adds to the warped photo what the warp could not bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .edges import GROUPS
from .spade import GROUP, SpadeBlock

Structure = Literal["none", "skeleton", "edges"]


@dataclass(frozen=True)
class RefinerOptions:
    """The widths are multiples of 8; the resolutions are S/2, S/4 and S/8."""

    widths: tuple[int, int, int] = (24, 64, 96)
    photo_widths: tuple[int, int, int] = (24, 48, 96)  # the photo encoder's
    spade_hidden: int = 24
    blocks: int = 3  # at S/8
    structure: Structure = "edges"  # no map, lines of fixed thickness, of learnt thickness


LEAN_REFINER = RefinerOptions()
FULL_REFINER = RefinerOptions(
    widths=(96, 192, 384), photo_widths=(48, 96, 192), spade_hidden=64, blocks=4
)


class PhotoEncoder(nn.Module):
    """The photo's features, computed once a photo."""

    def __init__(self, options: RefinerOptions) -> None:
        super().__init__()
        before = (12, *options.photo_widths[:-1])
        self.enter = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=1 if i == 0 else 2, padding=1)
            for i, (a, b) in enumerate(zip(before, options.photo_widths, strict=True))
        )
        self.blocks = nn.ModuleList(SpadeBlock(width, 0, 0) for width in options.photo_widths)

    def forward(self, photo: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """photo: [B, 3, S, S] RGB 0..1 -> features at S/2, S/4, S/8, [B, photo width, r, r]."""
        features = small_pixels(photo - 0.5, self.enter[0].weight.dtype)
        found = []
        for enter, block in zip(self.enter, self.blocks, strict=True):
            features = block(enter(features))
            found.append(features)
        return tuple(found)


class Refiner(nn.Module):
    """Warped photo, its warped features and the edge maps -> a residual, 0 before training."""

    def __init__(self, options: RefinerOptions) -> None:
        super().__init__()
        self.options = options
        half, quarter, eighth = options.widths
        maps = 0 if options.structure == "none" else len(GROUPS)
        hidden = options.spade_hidden
        self.enter = nn.Conv2d(24, half, 3, padding=1)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in ((half, quarter), (quarter, eighth))
        )
        self.photo = nn.ModuleList(
            nn.Conv2d(a, b, 1) for a, b in zip(options.photo_widths, options.widths, strict=True)
        )
        self.middle = nn.ModuleList(SpadeBlock(eighth, maps, hidden) for _ in range(options.blocks))
        self.up = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in ((eighth, quarter), (quarter, half)))
        self.rise = nn.ModuleList(SpadeBlock(width, maps, hidden) for width in (quarter, half))
        # Together the last convolution over both inputs; apart they need not be joined first.
        self.leave = nn.Conv2d(half, 12, 3, padding=1)
        self.leave_pixels = nn.Conv2d(24, 12, 3, padding=1, bias=False)
        for last in (self.leave.weight, self.leave.bias, self.leave_pixels.weight):
            nn.init.zeros_(last)

    def forward(
        self,
        warped: Tensor,
        features: Sequence[Tensor],
        occlusion: Tensor,
        edges: Sequence[Tensor] | None,
    ) -> Tensor:
        """Find the residual.

        Args:
            warped: [B, 3, S, S] RGB 0..1, the warped photo.
            features: three [B, photo width, r, r] at S/2, S/4, S/8, of `PhotoEncoder`, warped and
                masked.
            occlusion: [B, 1, S, S] in 0..1, 1 where the warped photo holds.
            edges: three [B, 6, r, r] at S/8, S/4, S/2 in 0..1; None for structure "none".

        Returns:
            [B, 3, S, S] float32, to be added to `warped`.
        """
        dtype = self.enter.weight.dtype
        maps: Sequence[Tensor | None] = (
            (None, None, None) if edges is None else [ready(m, dtype) for m in edges]
        )
        photo = [conv(ready(f, dtype)) for conv, f in zip(self.photo, features, strict=True)]
        centred = warped.to(dtype) - 0.5
        pixels = small_pixels(
            torch.cat([centred, centred * (1 - occlusion.to(dtype))], dim=1), dtype
        )
        half = F.relu_(self.enter(pixels).add_(photo[0]))
        quarter = F.relu_(self.down[0](half).add_(photo[1]))
        eighth = F.relu_(self.down[1](quarter).add_(photo[2]))
        for block in self.middle:
            eighth = block(eighth, maps[0])
        quarter = self.rise[0](doubled(self.up[0](eighth)).add_(quarter), maps[1])
        half = self.rise[1](doubled(self.up[1](quarter)).add_(half), maps[2])
        # Normalised and leaky: what is only ever pushed down would fall silent for good, and the
        # whole network with it.
        last = F.leaky_relu_(F.group_norm(half, half.shape[1] // GROUP), 0.1)
        residual = self.leave(last).add_(self.leave_pixels(pixels))
        return _smooth(F.pixel_shuffle(residual, 2).float())


def _smooth(residual: Tensor) -> Tensor:
    """[B, 3, S, S] by the binomial 1 2 1, both ways: the four pixels of a half-size one come from
    four filters, whose differences stand in the picture as stripes. By joined slices: a fifth of
    pooling's time on a CPU, no kernel has to be sent to a GPU, and torch.compile, which padding
    behind a pixel shuffle fails, takes it."""
    for dim in (2, 3):
        last = residual.shape[dim] - 1
        first, end = residual.narrow(dim, 0, 1), residual.narrow(dim, last, 1)
        before = torch.cat([first, residual.narrow(dim, 0, last)], dim)
        after = torch.cat([residual.narrow(dim, 1, last), end], dim)
        residual = (before + 2 * residual + after) / 4
    return residual


def ready(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.to(dtype, memory_format=torch.channels_last)


def doubled(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2, mode="nearest")


def small_pixels(picture: Tensor, dtype: torch.dtype) -> Tensor:
    """[B, C, S, S] -> [B, 4 C, S/2, S/2] as `pixel_unshuffle`: 2 x 2 pixels become channels.

    By a convolution, whose result lies channels last as the next one wants it: a quarter of the
    time of moving the pixels on a CPU.
    """
    channels = picture.shape[1]
    kernel = torch.eye(4 * channels, dtype=dtype, device=picture.device)
    kernel = kernel.view(4 * channels, channels, 2, 2)
    return F.conv2d(ready(picture, dtype), kernel, stride=2)
