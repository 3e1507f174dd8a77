"""What the learned renderer sees of a frame: the photo, the puppet's frame, and its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass
class RendererInput:
    """A batch of frames, float32. S is the network's size, s = S / 4; P parts as ordered in
    `warping.dense.CANDIDATES`. Places are (x, y) in [-1, 1] of the crop, align_corners=True.

    photo: [B, 3, S, S], RGB 0..1, the photo in the crop.
    puppet: [B, 3, S, S], RGB 0..1, the puppet's frame in the crop.
    flows: [B, P, s, s, 2], where in the photo each part would come from.
    shown: [B, P, s, s], each part's visible share; sums to 1 over the parts.
    colours: [B, P, 3, s, s], 0..1, each part's own layer after its motion; black where the layer
        has nothing.
    gate: [B, 1, s, s], 0..1, how far something moves; 0 where the photo's pixels stay.
    photo_points, driven_points: [B, 133, 3], the skeletons: x, y in [-1, 1], confidence 0..1.
    """

    photo: Tensor
    puppet: Tensor
    flows: Tensor
    shown: Tensor
    colours: Tensor
    gate: Tensor
    photo_points: Tensor
    driven_points: Tensor

    def __len__(self) -> int:
        return len(self.photo)

    @property
    def size(self) -> int:
        """S, in pixels."""
        return self.photo.shape[-1]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> RendererInput:
        return RendererInput(
            *(getattr(self, f.name).to(device, non_blocking=non_blocking) for f in fields(self))
        )

    @classmethod
    def stack(cls, inputs: Sequence[RendererInput]) -> RendererInput:
        """One batch of several, in order."""
        return cls(*(torch.cat([getattr(one, f.name) for one in inputs]) for f in fields(cls)))
