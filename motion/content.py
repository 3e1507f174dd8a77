"""What a sequence is about, frame by frame: the encoders of speech and of gestures.

The alignment trains both; the generator's speech encoders have the same form, so that they can
begin with the alignment's weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .transformer import SelfBlock


@dataclass(frozen=True)
class ContentOptions:
    """Sizes of an encoder. inputs: channels of a frame. width, heads, hidden, layers: of the
    transformer. reach: frames to either side that a layer's attention sees."""

    inputs: int
    width: int
    heads: int
    hidden: int
    layers: int
    reach: int
    dropout: float


class ContentEncoder(nn.Module):
    """[B, T, inputs] -> [B, T, width].

    Convolutions see +-4 frames (coarticulation), then self-attention near by. Nothing depends on
    a frame's place in the window, so that windows of any length will do.
    """

    def __init__(self, options: ContentOptions) -> None:
        super().__init__()
        width = options.width
        self.options = options
        self.dropout = nn.Dropout(options.dropout)
        self.first = nn.Conv1d(options.inputs, width, 5, padding=2)
        self.second = nn.Conv1d(width, width, 5, padding=2)
        self.layers = nn.ModuleList(
            SelfBlock(width, options.heads, options.hidden, options.dropout)
            for _ in range(options.layers)
        )
        self.norm = nn.LayerNorm(width)

    @property
    def hearing(self) -> int:
        """Frames to either side that a frame's features depend on."""
        return 4 + len(self.layers) * self.options.reach

    def forward(self, frames: Tensor) -> Tensor:
        """frames: [B, T, inputs]. Returns [B, T, width]."""
        x = rearrange(self.dropout(frames), "b t c -> b c t")
        x = F.gelu(self.first(x))
        x = rearrange(x + F.gelu(self.second(x)), "b c t -> b t c")
        at = torch.arange(x.shape[1], device=x.device)
        for layer in self.layers:
            x = layer(x, at, self.options.reach)
        return self.norm(x)
