"""The network that hears how a mouth moves, and its weights file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..weights.checkpoint import fill, read, tensors_of, write

# What it tells of every frame, in widths of the speaker's own mouth: see `LipNetwork`.
CHANNELS = ("opening", "width", "jaw", "lower_lip")
OPENING, WIDTH, JAW, LOWER_LIP = range(len(CHANNELS))


@dataclass(frozen=True)
class LipOptions:
    """How the network is built.

    speech_encoder: whose features it reads. speech_channels: how many they are. width: of its
    layers. dilations: one residual layer each; with kernels of five frames, it hears 2 x their sum
    to either side (0.64 s at 25 frames/s), which co-articulation does not exceed. dropout: of
    layers' outputs; half of it of the features.
    """

    speech_encoder: str
    speech_channels: int
    width: int = 64
    dilations: tuple[int, ...] = (1, 2, 4, 1)
    dropout: float = 0.2


class LipNetwork(nn.Module):
    """Speech features [B, T, C] -> [B, T, 4], in widths of the speaker's mouth.

    opening: the gap between the inner lips, 0 is closed. width: how much wider than it mostly is;
    spread lips have more than 0, rounded ones less. jaw: how much lower the chin is than with
    closed lips. lower_lip: how much thicker the lower lip is than with closed lips; it is thin at
    the teeth.
    """

    def __init__(self, options: LipOptions) -> None:
        super().__init__()
        self.options = options
        self.register_buffer("mean", torch.zeros(options.speech_channels))
        self.register_buffer("std", torch.ones(options.speech_channels))
        self.register_buffer("spread", torch.ones(len(CHANNELS)))
        self.register_buffer("middle", torch.zeros(len(CHANNELS)))
        self.enter = nn.Sequential(
            nn.Dropout(options.dropout / 2), nn.Linear(options.speech_channels, options.width)
        )
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(options.width, options.width, 5, padding=2 * dilation, dilation=dilation),
                nn.GELU(),
                nn.Dropout(options.dropout),
            )
            for dilation in options.dilations
        )
        self.leave = nn.Linear(options.width, len(CHANNELS))

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        x = self.enter((features - self.mean) / self.std).transpose(1, 2)
        for layer in self.layers:
            x = x + layer(x)
        return self.middle + self.spread * self.leave(x.transpose(1, 2))


def save_lips(path: Path, network: LipNetwork) -> None:
    """Write the weights as fp16 safetensors."""
    write(path, tensors_of(network), "lips", dataclasses.asdict(network.options))


def load_lips(path: Path) -> LipNetwork:
    """Read what `save_lips` wrote. Raises: WeightsError."""
    tensors, options = read(path, "lips")
    options["dilations"] = tuple(options["dilations"])
    return fill(LipNetwork(LipOptions(**options)), tensors, path)
