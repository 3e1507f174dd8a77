"""The public thin-plate-spline motion model, rebuilt from its published layer shapes, to be timed.

Zhao and Zhang, "Thin-Plate Spline Motion Model for Image Animation", CVPR 2022, with 10 splines of
5 points: dense motion (37,941,397 numbers) and inpainting (24,737,283). The weights are random, so
the pictures mean nothing; the work per frame is that of the real one. Its keypoint detector (a
ResNet-18, 11.2 million) and its background predictor (another) are left out: what is compared
starts at the skeleton as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses
from gesticulate.warping.tps import make_grid, radial

SPLINES, POINTS = 10, 5
# Added to the whole system of a spline, its affine block too: a fit, not an interpolation.
_REGULARISATION = 0.01
_HEATMAP_VARIANCE = 0.01


class Down(nn.Module):
    """Convolution, normalisation, ReLU, half the size."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, 3, padding=1)
        self.norm = nn.InstanceNorm2d(out, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(F.relu(self.norm(self.conv(x))), 2)


class Up(nn.Module):
    """Twice the size, convolution, normalisation, ReLU."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, 3, padding=1)
        self.norm = nn.InstanceNorm2d(out, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(F.interpolate(x, scale_factor=2))))


class Residual(nn.Module):
    """Two convolutions, each after normalisation and ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm1 = nn.InstanceNorm2d(channels, affine=True)
        self.norm2 = nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.conv1(F.relu(self.norm1(x)))
        return x + self.conv2(F.relu(self.norm2(inner)))


class Encoder(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = (channels, 128, 256, 512, 1024, 1024)
        pairs = pairwise(widths)
        self.down_blocks = nn.ModuleList([Down(a, b) for a, b in pairs])


class Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        widths = ((1024, 1024), (2048, 512), (1024, 256), (512, 128), (256, 64))
        self.up_blocks = nn.ModuleList([Up(a, b) for a, b in widths])


class Hourglass(nn.Module):
    """Five halvings and back, with skips."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(channels), Decoder()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the last two levels: [B, 256, h / 2, w / 2] and [B, 64 + channels, h, w]."""
        skips = [x]
        for down in self.encoder.down_blocks:
            skips.append(down(skips[-1]))
        x, levels = skips.pop(), []
        for up in self.decoder.up_blocks:
            x = torch.cat([up(x), skips.pop()], dim=1)
            levels.append(x)
        return levels[-2], levels[-1]


class DenseMotion(nn.Module):
    """Which spline moves which pixel, and what is hidden."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("down", _gaussian(sigma=1.5, size=13).expand(3, 1, 13, 13).clone())
        channels = 3 * (SPLINES + 1) + SPLINES * POINTS + 1
        self.hourglass = Hourglass(channels)
        last = channels + 64
        self.maps = nn.Conv2d(last, SPLINES + 1, 7, padding=3)
        self.up = nn.ModuleList([Up(last, last // 2), Up(last // 2, last // 4)])
        widths = (256, last, last // 2, last // 4)
        self.occlusion = nn.ModuleList([nn.Conv2d(width, 1, 7, padding=3) for width in widths])

    def forward(self, source: Tensor, driving: Tensor, origin: Tensor) -> tuple[Tensor, list]:
        """source: [B, 3, H, W]. driving, origin: [B, 50, 2] in [-1, 1]. Returns the flow
        [B, H / 4, W / 4, 2] and four masks of 1/8, 1/4, 1/2 and 1 of the size."""
        small = F.conv2d(source, self.down, padding=6, groups=3)[..., ::4, ::4]
        height, width = small.shape[-2:]
        flows = _flows(driving, origin, height, width)
        copies = small[:, None].expand(-1, SPLINES + 1, -1, -1, -1).flatten(0, 1)
        moved = F.grid_sample(copies, flows.flatten(0, 1), align_corners=True)
        moved = moved.unflatten(0, (-1, SPLINES + 1)).flatten(1, 2)
        heat = _heatmaps(driving, height, width) - _heatmaps(origin, height, width)
        heat = torch.cat([torch.zeros_like(heat[:, :1]), heat], dim=1)
        coarse, fine = self.hourglass(torch.cat([heat, moved], dim=1))
        weights = self.maps(fine).softmax(dim=1)
        flow = torch.einsum("bkhw,bkhwc->bhwc", weights, flows)
        levels = [coarse, fine, self.up[0](fine)]
        levels.append(self.up[1](levels[-1]))
        masks = [conv(x).sigmoid() for conv, x in zip(self.occlusion, levels, strict=True)]
        return flow, masks


class Inpainting(nn.Module):
    """The warped features of the source, completed."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Module()
        self.first.conv = nn.Conv2d(3, 64, 7, padding=3)
        self.first.norm = nn.InstanceNorm2d(64, affine=True)
        self.down_blocks = nn.ModuleList([Down(64, 128), Down(128, 256), Down(256, 512)])
        self.up_blocks = nn.ModuleList([Up(512, 256), Up(512, 128), Up(256, 64)])
        self.resblock = nn.ModuleList([Residual(c) for c in (512, 512, 512, 512, 256, 256)])
        self.final = nn.Conv2d(64, 3, 7, padding=3)

    def forward(self, source: Tensor, flow: Tensor, masks: list[Tensor]) -> Tensor:
        """Arguments as `DenseMotion` takes and gives them. Returns [B, 3, H, W]."""
        features = [F.relu(self.first.norm(self.first.conv(source)))]
        for down in self.down_blocks:
            features.append(down(features[-1]))
        x = _warp(features[3], flow) * masks[0]
        for level, up in enumerate(self.up_blocks):
            x = self.resblock[2 * level + 1](self.resblock[2 * level](x))
            x, moved = up(x), _warp(features[2 - level], flow) * masks[level + 1]
            x = torch.cat([x, moved], dim=1) if level < 2 else x * (1 - masks[3]) + moved
        frame = self.final(x).sigmoid()
        return frame * (1 - masks[3]) + _warp(source, flow) * masks[3]


class TpsMotionModel(nn.Module):
    """Both networks; the source is encoded anew for every frame, as published."""

    def __init__(self) -> None:
        super().__init__()
        self.dense_motion, self.inpainting = DenseMotion(), Inpainting()

    def forward(self, source: Tensor, driving: Tensor, origin: Tensor) -> Tensor:
        """source: [B, 3, H, W], 0..1, H and W multiples of 128. driving, origin: [B, 50, 2] in
        [-1, 1]. Returns [B, 3, H, W]."""
        return self.inpainting(source, *self.dense_motion(source, driving, origin))


class TpsRenderer:
    """The model as a renderer stage: skeletons in, frames out, one by one."""

    name = "tps"

    def __init__(self, device: str = "cpu", dtype: torch.dtype = torch.float32) -> None:
        torch.manual_seed(0)
        self.device, self.dtype = torch.device(device), dtype
        self.model = TpsMotionModel().eval().requires_grad_(False)
        self.model.to(self.device, memory_format=torch.channels_last)

    def prepare(self, photo: np.ndarray, photo_pose: Poses) -> TpsPhoto:
        """See `pipelines.stages.Renderer`; the photo's sides are multiples of 128."""
        source = torch.from_numpy(photo).to(self.device).permute(2, 0, 1)[None] / 255
        source = source.contiguous(memory_format=torch.channels_last)
        return TpsPhoto(self, source, self.points(photo_pose))

    def points(self, poses: Poses) -> Tensor:
        """[T, 50, 2] in [-1, 1]: as many motion points as the model has, spread over the body."""
        chosen = layout.MOTION_POINTS[:: len(layout.MOTION_POINTS) // (SPLINES * POINTS)]
        places = poses.points[:, chosen[: SPLINES * POINTS], :2] / np.array(poses.size) * 2 - 1
        return torch.from_numpy(places.astype(np.float32)).to(self.device)


@dataclass(frozen=True)
class TpsPhoto:
    """source: [1, 3, H, W] in 0..1. origin: [1, 50, 2] in [-1, 1]."""

    renderer: TpsRenderer
    source: Tensor
    origin: Tensor

    @torch.inference_mode()
    def render(self, poses: Poses) -> Iterator[np.ndarray]:
        """See `pipelines.stages.PreparedPhoto`."""
        device, dtype, model = self.renderer.device, self.renderer.dtype, self.renderer.model
        for driving in self.renderer.points(poses):
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                flow, masks = model.dense_motion(self.source, driving[None], self.origin)
                frame = model.inpainting(self.source, flow, masks)
            pixels = (frame[0].float() * 255).round().to(torch.uint8)
            yield pixels.permute(1, 2, 0).cpu().numpy()


def _gaussian(sigma: float, size: int) -> Tensor:
    """[size, size], sum 1."""
    steps = torch.arange(size) - (size - 1) / 2
    line = torch.exp(-steps.square() / (2 * sigma**2))
    return torch.outer(line, line) / line.sum() ** 2


def _flows(driving: Tensor, origin: Tensor, height: int, width: int) -> Tensor:
    """[B, 1 + SPLINES, height, width, 2]: nothing moved, then each spline."""
    batch = len(driving)
    centres = driving.reshape(batch * SPLINES, POINTS, 2)
    targets = origin.reshape(batch * SPLINES, POINTS, 2)
    basis = torch.cat([torch.ones_like(centres[..., :1]), centres], dim=-1)
    corner = centres.new_zeros(len(centres), 3, 3)
    upper = torch.cat([radial(centres, centres), basis], dim=-1)
    system = torch.cat([upper, torch.cat([basis.mT, corner], dim=-1)], dim=1)
    system = system + _REGULARISATION * torch.eye(POINTS + 3).to(driving)
    known = torch.cat([targets, targets.new_zeros(len(targets), 3, 2)], dim=1)
    solution = torch.linalg.solve(system, known)
    grid = make_grid(height, width).to(driving).reshape(1, -1, 2).expand(len(centres), -1, -1)
    bent = radial(grid, centres) @ solution[:, :POINTS]
    straight = solution[:, POINTS : POINTS + 1] + grid @ solution[:, POINTS + 1 :]
    flows = (bent + straight).reshape(batch, SPLINES, height, width, 2)
    still = make_grid(height, width).to(driving).expand(batch, 1, -1, -1, -1)
    return torch.cat([still, flows], dim=1)


def _heatmaps(points: Tensor, height: int, width: int) -> Tensor:
    """[B, N, 2] -> [B, N, height, width]."""
    gap = make_grid(height, width).to(points) - points[:, :, None, None]
    return torch.exp(-0.5 * gap.square().sum(dim=-1) / _HEATMAP_VARIANCE)


def _warp(features: Tensor, flow: Tensor) -> Tensor:
    """[B, C, h, w] at the places of a flow of any size."""
    size = (features.shape[-2], features.shape[-1])
    flow = F.interpolate(flow.movedim(-1, 1), size=size, mode="bilinear", align_corners=True)
    return F.grid_sample(features, flow.movedim(1, -1), align_corners=True)
