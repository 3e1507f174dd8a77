"""A small network that reads how far a mouth or an eye is open in a picture.

Trained on real pictures and frozen, it tells the face's refiner whether what it has drawn looks as
open as was asked: pixels alone forgive a closed mouth drawn half open.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .face_data import FacePairs, FacePairStream

# About the deviation of height and width, as shares of the region's side.
SCALE = (0.05, 0.05)


class RegionReader(nn.Module):
    """A picture of a region -> height and width of its opening."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 96)) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise((12, *widths))
        )
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for width in widths)
        self.where = nn.Conv2d(widths[-1], 16, 1)
        self.head = nn.Sequential(nn.LazyLinear(64), nn.ReLU(), nn.Linear(64, 2))

    def forward(self, picture: Tensor) -> Tensor:
        """[B, 3, S, S] RGB 0..1 -> [B, 2], shares of the side."""
        features = F.pixel_unshuffle(picture - 0.5, 2)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            features = F.relu(norm(conv(features)))
        found = self.head(F.relu(self.where(features)).flatten(1)).float()
        return found * found.new_tensor(SCALE) + found.new_tensor([0.05, 0.4])


def misreading(reader: RegionReader, picture: Tensor, opening: Tensor) -> Tensor:
    """[], how far the picture reads from the opening [B, 2], in units of `SCALE`."""
    found = reader(picture)
    return ((found - opening) / found.new_tensor(SCALE)).abs().mean()


def train_reader(stream: FacePairStream, steps: int, rate: float = 1e-3) -> RegionReader:
    """A reader of the stream's region, frozen, taught on its real pictures."""
    reader = RegionReader()
    with torch.no_grad():
        reader(stream[0].target)
    optimizer = torch.optim.AdamW(reader.parameters(), rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        pairs: FacePairs = stream[step]
        picture = pairs.target
        if step % 2:
            # What the refiner draws is softer at first; that must not read as closed.
            picture = F.interpolate(
                F.avg_pool2d(picture, 2), scale_factor=2, mode="bilinear", align_corners=False
            )
        loss = misreading(reader, picture, pairs.opening)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return reader.eval().requires_grad_(False)
