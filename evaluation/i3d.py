"""I3D: the video network whose features FVD compares.

Carreira and Zisserman, "Quo Vadis, Action Recognition?", CVPR 2017: Inception V1 inflated over
time, trained on Kinetics-400. Batch norms are folded into the convolutions. Padding is
TensorFlow's "SAME", which is uneven where the stride is 2.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import WeightsError
from .picture_networks import network_path

CLASSES = 400
# Channels of each mixed block: the 1x1 branch; 1x1 and 3x3 of the second; of the third; the pool's.
_MIXED: dict[str, tuple[int, int, int, int, int, int]] = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}
# Max pools before a block: kernel and stride over time, then over the picture.
_POOLS = {"Mixed_3b": (1, 1, 3, 2), "Mixed_4b": (3, 2, 3, 2), "Mixed_5b": (2, 2, 2, 2)}


def same_padding(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> list[int]:
    """What "SAME" adds around [B, C, T, H, W], in the order of `F.pad`: the odd one behind."""
    padding: list[int] = []
    for size, k, s in zip(reversed(x.shape[2:]), reversed(kernel), reversed(stride), strict=True):
        missing = max((-(-size // s) - 1) * s + k - size, 0)
        padding += [missing // 2, missing - missing // 2]
    return padding


class SameConv(nn.Conv3d):
    """A convolution with "SAME" padding, and a ReLU behind."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T, H, W]."""
        return F.relu(super().forward(F.pad(x, same_padding(x, self.kernel_size, self.stride))))


def same_pool(x: Tensor, kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> Tensor:
    """A max pool with "SAME" padding. What it sees comes out of a ReLU: zeros win nowhere."""
    return F.max_pool3d(F.pad(x, same_padding(x, kernel, stride)), kernel, stride)


class Mixed(nn.Module):
    """Four branches side by side."""

    def __init__(self, inputs: int, widths: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        one, narrow, three, narrower, third, pooled = widths
        self.Branch_0_Conv3d_0a_1x1 = SameConv(inputs, one, 1)
        self.Branch_1_Conv3d_0a_1x1 = SameConv(inputs, narrow, 1)
        self.Branch_1_Conv3d_0b_3x3 = SameConv(narrow, three, 3)
        self.Branch_2_Conv3d_0a_1x1 = SameConv(inputs, narrower, 1)
        self.Branch_2_Conv3d_0b_3x3 = SameConv(narrower, third, 3)
        self.Branch_3_Conv3d_0b_1x1 = SameConv(inputs, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T, H, W]."""
        return torch.cat(
            [
                self.Branch_0_Conv3d_0a_1x1(x),
                self.Branch_1_Conv3d_0b_3x3(self.Branch_1_Conv3d_0a_1x1(x)),
                self.Branch_2_Conv3d_0b_3x3(self.Branch_2_Conv3d_0a_1x1(x)),
                self.Branch_3_Conv3d_0b_1x1(same_pool(x, (3, 3, 3), (1, 1, 1))),
            ],
            dim=1,
        )


class I3d(nn.Module):
    """Video -> the 400 numbers before the softmax. Modules have the names of the published one."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = SameConv(3, 64, 7, stride=2)
        self.Conv3d_2b_1x1 = SameConv(64, 64, 1)
        self.Conv3d_2c_3x3 = SameConv(64, 192, 3)
        channels = 192
        for name, widths in _MIXED.items():
            self.add_module(name, Mixed(channels, widths))
            channels = widths[0] + widths[2] + widths[4] + widths[5]
        self.Logits_Conv3d_0c_1x1 = nn.Conv3d(channels, CLASSES, 1)

    @classmethod
    def pretrained(cls, path: Path | None = None) -> I3d:
        """path: a file that `picture_networks` made, or None for the one in the cache.

        Raises: WeightsError where there is none, or it is another network's.
        """
        path = network_path("i3d", path)
        model = cls()
        try:
            model.load_state_dict(load_file(path))
        except (SafetensorError, RuntimeError) as error:
            raise WeightsError(f"{path} is not I3D: {error}") from error
        return model.eval().requires_grad_(False)

    def forward(self, videos: Tensor) -> Tensor:
        """videos: [B, 3, T, 224, 224] in -1..1, T of 9 or more. Returns [B, 400]."""
        x = same_pool(self.Conv3d_1a_7x7(videos), (1, 3, 3), (1, 2, 2))
        x = self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(x))
        for name in _MIXED:
            if name in _POOLS:
                time, step, side, stride = _POOLS[name]
                x = same_pool(x, (time, side, side), (step, stride, stride))
            x = self.get_submodule(name)(x)
        x = F.avg_pool3d(x, (2, 7, 7), stride=1)
        return self.Logits_Conv3d_0c_1x1(x).mean(dim=(2, 3, 4))
