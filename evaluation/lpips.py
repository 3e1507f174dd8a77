"""LPIPS: how different two pictures look to a network that was tuned on people's judgements.

Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018,
equation 1, with AlexNet and the linear heads of version 0.1, the variant that video papers report.
0 is best. The weights are not part of the package: see `lpips_weights.py`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import WeightsError
from .frame_pair import checked_pair
from .lpips_weights import load_weights

_CHANNELS = (64, 192, 384, 256, 256)


class Lpips(nn.Module):
    """The distance as a network, for metrics and as a loss.

    Build it with `Lpips.pretrained`; a fresh one has random weights.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        # The five convolutions of AlexNet ("one weird trick" version, as torchvision has it).
        self.convs = nn.ModuleList(
            [
                nn.Conv2d(3, 64, 11, stride=4, padding=2),
                nn.Conv2d(64, 192, 5, padding=2),
                nn.Conv2d(192, 384, 3, padding=1),
                nn.Conv2d(384, 256, 3, padding=1),
                nn.Conv2d(256, 256, 3, padding=1),
            ]
        )
        self.heads = nn.ModuleList([nn.Conv2d(c, 1, 1, bias=False) for c in _CHANNELS])
        # The mean and deviation of ImageNet, for pictures in -1..1.
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1))

    @classmethod
    def pretrained(cls, weights: Path | None = None) -> Lpips:
        """The published metric, in evaluation mode and frozen.

        weights: a file that `lpips_weights` made, or None for the one it keeps in the cache.
        Raises: WeightsError where there are none, or they are not this network's.
        """
        model = cls()
        constants = {"shift": model.shift, "scale": model.scale}
        try:
            model.load_state_dict({**constants, **load_weights(weights)})
        except RuntimeError as error:
            raise WeightsError(f"The file {weights} does not fit LPIPS: {error}") from error
        return model.eval().requires_grad_(False)

    def features(self, pictures: Tensor) -> list[Tensor]:
        """pictures: [B, 3, H, W] in -1..1. Returns five maps [B, C, h, w], each normalised over
        its channels."""
        x = (pictures - self.shift) / self.scale
        maps = []
        for level, conv in enumerate(self.convs):
            if level in (1, 2):
                x = F.max_pool2d(x, 3, stride=2)
            x = F.relu(conv(x))
            maps.append(x / (x.square().sum(dim=1, keepdim=True).sqrt() + 1e-10))
        return maps

    def level_maps(self, pictures: Tensor, references: Tensor) -> list[Tensor]:
        """pictures, references: [B, 3, H, W] in -1..1. Returns the five levels' distances, each
        [B, 1, h, w]."""
        pairs = zip(self.features(pictures), self.features(references), strict=True)
        return [head((a - b).square()) for head, (a, b) in zip(self.heads, pairs, strict=True)]

    def forward(self, pictures: Tensor, references: Tensor) -> Tensor:
        """pictures, references: [B, 3, H, W] in -1..1, at least 64 x 64. Returns [B], >= 0."""
        return _mean(self.level_maps(pictures, references))


def _mean(levels: list[Tensor]) -> Tensor:
    """[B, 1, h, w] each -> [B]."""
    return torch.stack([level.mean(dim=(1, 2, 3)) for level in levels]).sum(dim=0)


def _enlarged(levels: list[Tensor], size: tuple[int, int]) -> Tensor:
    """[B, 1, h, w] each, size (H, W) -> [B, H, W]: the sum before its mean over the picture."""
    large = [F.interpolate(level, size=size, mode="bilinear") for level in levels]
    return torch.stack(large).sum(dim=0)[:, 0]


def _tensor(picture: np.ndarray) -> Tensor:
    """[H, W, 3] uint8 -> [1, 3, H, W] in -1..1."""
    return torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None] / 127.5 - 1


def lpips(model: Lpips, image: np.ndarray, reference: np.ndarray) -> float:
    """model: from `Lpips.pretrained`. image, reference: [H, W, 3] uint8 RGB. Returns >= 0."""
    return lpips_and_map(model, image, reference)[0]


@torch.inference_mode()
def lpips_and_map(
    model: Lpips, image: np.ndarray, reference: np.ndarray
) -> tuple[float, np.ndarray]:
    """LPIPS, and its value at every pixel, [H, W] float32, to average over a region's mask.

    A pixel's value also depends on what surrounds it, up to about 100 pixels away. The map's mean
    is not quite the first number: small maps are enlarged before it is taken.
    """
    image, reference, _ = checked_pair(image, reference)
    levels = model.level_maps(_tensor(image), _tensor(reference))
    size = (image.shape[0], image.shape[1])
    return float(_mean(levels)[0]), _enlarged(levels, size)[0].numpy()
