"""LPIPS: how different two pictures look to a network that was tuned on people's judgements.

Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018,
equation 1, with the linear heads of version 0.1. 0 is best. Over AlexNet it is the variant that
video papers report; over VGG16 it is a second judge, for networks that were trained on the first.
The weights are not part of the package: see `lpips_weights.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import WeightsError
from .frame_pair import checked_pair
from .lpips_weights import Net, load_weights


@dataclass(frozen=True)
class _Level:
    """What stands between two compared maps.

    pool: window of the max pool (stride 2) at the start, 0 for none. convs: channels out, kernel,
    stride and padding of each convolution; a ReLU follows each.
    """

    pool: int
    convs: tuple[tuple[int, int, int, int], ...]


_LEVELS: dict[Net, tuple[_Level, ...]] = {
    # The five convolutions of AlexNet ("one weird trick" version, as torchvision has it).
    "alex": (
        _Level(0, ((64, 11, 4, 2),)),
        _Level(3, ((192, 5, 1, 2),)),
        _Level(3, ((384, 3, 1, 1),)),
        _Level(0, ((256, 3, 1, 1),)),
        _Level(0, ((256, 3, 1, 1),)),
    ),
    # The thirteen of VGG16, compared at relu1_2, 2_2, 3_3, 4_3 and 5_3.
    "vgg": (
        _Level(0, ((64, 3, 1, 1),) * 2),
        _Level(2, ((128, 3, 1, 1),) * 2),
        _Level(2, ((256, 3, 1, 1),) * 3),
        _Level(2, ((512, 3, 1, 1),) * 3),
        _Level(2, ((512, 3, 1, 1),) * 3),
    ),
}


class Lpips(nn.Module):
    """The distance as a network, for metrics and as a loss.

    Build it with `Lpips.pretrained`; a fresh one has random weights.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, net: Net = "alex") -> None:
        """net: the network whose features are compared."""
        super().__init__()
        self.levels = _LEVELS[net]
        self.convs, self.heads = nn.ModuleList(), nn.ModuleList()
        channels = 3
        for level in self.levels:
            for width, kernel, stride, padding in level.convs:
                self.convs.append(nn.Conv2d(channels, width, kernel, stride, padding))
                channels = width
            self.heads.append(nn.Conv2d(channels, 1, 1, bias=False))
        # The mean and deviation of ImageNet, for pictures in -1..1.
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1))

    @classmethod
    def pretrained(cls, weights: Path | None = None, net: Net = "alex") -> Lpips:
        """The published metric, in evaluation mode and frozen.

        weights: a file that `lpips_weights` made, or None for the one it keeps in the cache.
        Raises: WeightsError where there are none, or they are not this network's.
        """
        model = cls(net)
        constants = {"shift": model.shift, "scale": model.scale}
        try:
            model.load_state_dict({**constants, **load_weights(weights, net)})
        except RuntimeError as error:
            raise WeightsError(f"The file {weights} does not fit LPIPS: {error}") from error
        return model.eval().requires_grad_(False)

    def features(self, pictures: Tensor) -> list[Tensor]:
        """pictures: [B, 3, H, W] in -1..1. Returns five maps [B, C, h, w], each normalised over
        its channels."""
        x = (pictures - self.shift) / self.scale
        maps, convs = [], iter(self.convs)
        for level in self.levels:
            if level.pool:
                x = F.max_pool2d(x, level.pool, stride=2)
            for _ in level.convs:
                x = F.relu(next(convs)(x))
            maps.append(x / (x.square().sum(dim=1, keepdim=True).sqrt() + 1e-10))
        return maps

    def level_maps(self, pictures: Tensor, references: Tensor) -> list[Tensor]:
        """pictures, references: [B, 3, H, W] in -1..1; one reference stands for all. Returns the
        five levels' distances, each [B, 1, h, w]."""
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


def _tensor(pictures: Sequence[np.ndarray]) -> Tensor:
    """[H, W, 3] uint8 each -> [B, 3, H, W] in -1..1."""
    values = torch.from_numpy(np.stack(pictures).astype(np.float32))
    return values.permute(0, 3, 1, 2) / 127.5 - 1


def lpips(model: Lpips, image: np.ndarray, reference: np.ndarray) -> float:
    """model: from `Lpips.pretrained`. image, reference: [H, W, 3] uint8 RGB. Returns >= 0."""
    return lpips_and_maps(model, [image], reference)[0][0]


@torch.inference_mode()
def lpips_and_maps(
    model: Lpips, images: Sequence[np.ndarray], reference: np.ndarray
) -> tuple[list[float], np.ndarray]:
    """LPIPS of several pictures against one, and its value at every pixel, [B, H, W] float32, to
    average over a region's mask.

    A pixel's value also depends on what surrounds it, up to about 100 pixels away. The map's mean
    is not quite the first number: small maps are enlarged before it is taken.
    """
    pairs = [checked_pair(image, reference) for image in images]
    levels = model.level_maps(_tensor([image for image, _, _ in pairs]), _tensor([pairs[0][1]]))
    maps = _enlarged(levels, (reference.shape[0], reference.shape[1]))
    return _mean(levels).tolist(), maps.numpy()
