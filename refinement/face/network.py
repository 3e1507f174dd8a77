"""One network for a region of the face: what the moved photo cannot show is drawn into it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import WeightsError
from ...weights.checkpoint import fill, read, tensors_of, write
from ..edges import GROUPS, EdgeHeatmaps
from ..spade import GROUP, SpadeBlock
from ..unet import doubled, ready, small_pixels

KIND = "face-refiner"
# Of the edge heatmaps, those that a region of the face shows.
LINES = [GROUPS.index(name) for name in ("face", "eyes", "lips")]
_MAPS = len(LINES) + 1  # and what lies between the lips or lids


@dataclass(frozen=True)
class RegionOptions:
    """size: S, pixels of the square. widths: channels at S/2, S/4 and S/8, multiples of 8;
    photo_widths: those of the photos' encoder. blocks: at S/8. reach: pixels around the opening
    that may be drawn, beyond which the moved photo stays as sharp as it is; None for the square."""

    size: int = 96
    widths: tuple[int, int, int] = (48, 96, 160)
    photo_widths: tuple[int, int, int] = (32, 64, 96)
    hidden: int = 24
    blocks: int = 3
    reach: int | None = 3


@dataclass(frozen=True)
class FaceRefinerOptions:
    """The two networks: one for mouths, one for eyes (a left eye is shown to it in a mirror)."""

    mouth: RegionOptions = field(default_factory=RegionOptions)
    eye: RegionOptions = field(
        default_factory=lambda: RegionOptions(48, (32, 64, 96), (24, 48, 64), 16, 2, None)
    )


class ReferenceEncoder(nn.Module):
    """Photos of the person -> features; several are weighed against each other pixel by pixel."""

    def __init__(self, options: RegionOptions) -> None:
        super().__init__()
        before = (16, *options.photo_widths[:-1])
        self.enter = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=1 if i == 0 else 2, padding=1)
            for i, (a, b) in enumerate(zip(before, options.photo_widths, strict=True))
        )
        self.blocks = nn.ModuleList(SpadeBlock(width, 0, 0) for width in options.photo_widths)
        self.worth = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in options.photo_widths)

    def forward(self, photos: Tensor, between: Tensor) -> list[Tensor]:
        """photos: [B, R, 3, S, S] RGB 0..1, the region in R photos. between: [B, R, 1, S, S], what
        lies between the lips or lids there. Returns [B, photo width, r, r] at S/2, S/4, S/8."""
        count = photos.shape[:2]
        pictures = torch.cat([photos - 0.5, between], dim=2).flatten(0, 1)
        features = small_pixels(pictures, self.enter[0].weight.dtype)
        found = []
        for enter, block, worth in zip(self.enter, self.blocks, self.worth, strict=True):
            features = block(enter(features))
            share = worth(features).unflatten(0, count).softmax(dim=1)
            found.append((share * features.unflatten(0, count)).sum(dim=1))
        return found


class RegionRefiner(nn.Module):
    """A SPADE U-Net (Contextual Gesture, section 3.3) over one region. Untrained, it changes
    nothing."""

    def __init__(self, options: RegionOptions) -> None:
        super().__init__()
        self.options = options
        half, quarter, eighth = options.widths
        self.edges = EdgeHeatmaps()
        self.references = ReferenceEncoder(options)
        self.enter = nn.Conv2d(20, half, 3, padding=1)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in ((half, quarter), (quarter, eighth))
        )
        self.photo = nn.ModuleList(
            nn.Conv2d(a, b, 1) for a, b in zip(options.photo_widths, options.widths, strict=True)
        )
        hidden = options.hidden
        self.middle = nn.ModuleList(
            SpadeBlock(eighth, _MAPS, hidden) for _ in range(options.blocks)
        )
        self.up = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in ((eighth, quarter), (quarter, half)))
        self.rise = nn.ModuleList(SpadeBlock(width, _MAPS, hidden) for width in (quarter, half))
        self.spread = nn.Conv2d(half, 64, 3, padding=1)
        # At full resolution, over the pixels themselves: pictures made of 2 x 2 blocks show them.
        self.leave = nn.Conv2d(16 + 5, 3, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def encode(self, photos: Tensor, between: Tensor) -> list[Tensor]:
        """See `ReferenceEncoder`; once a person."""
        return self.references(photos, between)

    def draw_edges(self, points: Tensor) -> list[Tensor]:
        """[B, 133, 3] in [-1, 1] of the square -> [B, 3, r, r], r = S/8, S/4, S/2."""
        size = self.options.size
        return [self.edges(points, size // part)[:, LINES] for part in (8, 4, 2)]

    def forward(
        self,
        prior: Tensor,
        between: Tensor,
        between_rest: Tensor,
        features: Sequence[Tensor],
        edges: Sequence[Tensor],
    ) -> Tensor:
        """Draw the region.

        Args:
            prior: [B, 3, S, S] RGB 0..1, see `region.prior_picture`.
            between: [B, 1, S, S] in 0..1, what lies between the driven lips or lids.
            between_rest: the same, of the photo.
            features: of `encode`, [B or 1, ...].
            edges: of `draw_edges`.

        Returns:
            [B, 3, S, S] RGB; within 0..1 in eval mode.
        """
        dtype = self.enter.weight.dtype
        pixels = torch.cat([prior - 0.5, between, between_rest], dim=1)
        maps = [
            ready(torch.cat([e, F.interpolate(between, e.shape[-2:], mode="area")], dim=1), dtype)
            for e in edges
        ]
        photo = [conv(ready(f, dtype)) for conv, f in zip(self.photo, features, strict=True)]
        half = F.relu(self.enter(small_pixels(pixels, dtype)) + photo[0])
        quarter = F.relu(self.down[0](half) + photo[1])
        eighth = F.relu(self.down[1](quarter) + photo[2])
        for block in self.middle:
            eighth = block(eighth, maps[0])
        quarter = self.rise[0](doubled(self.up[0](eighth)) + quarter, maps[1])
        half = self.rise[1](doubled(self.up[1](quarter)) + half, maps[2])
        last = F.leaky_relu(F.group_norm(half, half.shape[1] // GROUP), 0.1)
        fine = F.leaky_relu(F.pixel_shuffle(self.spread(last), 2), 0.1)
        residual = self.leave(torch.cat([fine, ready(pixels, dtype)], dim=1)).float()
        if self.options.reach is not None:
            residual = residual * around(between, self.options.reach)
        drawn = prior + residual
        return drawn if self.training else drawn.clamp(0, 1)


def around(between: Tensor, reach: int) -> Tensor:
    """[B, 1, S, S] in 0..1: the opening and ``reach`` pixels about it, with a soft edge."""
    wide = F.max_pool2d(between, 2 * reach + 1, 1, reach)
    return F.avg_pool2d(wide, 3, 1, 1, count_include_pad=False)


class FaceRefiner(nn.Module):
    """The networks of all regions."""

    def __init__(self, options: FaceRefinerOptions | None = None) -> None:
        super().__init__()
        self.options = options or FaceRefinerOptions()
        self.mouth = RegionRefiner(self.options.mouth)
        self.eye = RegionRefiner(self.options.eye)

    def for_inference(self, dtype: torch.dtype) -> FaceRefiner:
        """These networks, their convolutions in ``dtype``."""
        self.eval().requires_grad_(False)
        for network in (self.mouth, self.eye):
            for name, part in network.named_children():
                if name != "edges":
                    part.to(dtype=dtype, memory_format=torch.channels_last)
        return self

    def region(self, name: str) -> RegionRefiner:
        """The network of one of `region.REGIONS`."""
        return self.mouth if name == "mouth" else self.eye


def save_face_refiner(path: Path, refiner: FaceRefiner) -> None:
    """Write the weights (fp16) and what builds the networks again."""
    write(path, tensors_of(refiner), KIND, dataclasses.asdict(refiner.options))


def load_face_refiner(path: Path) -> FaceRefiner:
    """Read what `save_face_refiner` wrote, in eval mode. Raises: WeightsError."""
    tensors, values = read(path, KIND)
    try:
        options = FaceRefinerOptions(_options(values["mouth"]), _options(values["eye"]))
        refiner = FaceRefiner(options)
    except (TypeError, KeyError, ValueError) as error:
        raise WeightsError(
            f"{path} was written by another version ({error}); train or fetch it again."
        ) from None
    return fill(refiner, tensors, path)


def _options(values: dict[str, Any]) -> RegionOptions:
    """From JSON, which has lists for tuples."""
    plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return RegionOptions(**plain)
