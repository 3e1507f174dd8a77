"""The dense-motion network: which candidate motion each pixel follows, and what is not to be seen.

Zhao and Zhang, "Thin-Plate Spline Motion Model for Image Animation", CVPR 2022, with the puppet's
parts as candidates beside the splines, and Contextual Gesture's 29 splines of 4 points.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..keypoints import layout
from .dense import CANDIDATES, FLOOR, tps_candidates
from .inputs import RendererInput
from .tps import make_grid

NUM_PARTS = len(CANDIDATES)
NUM_TPS = len(layout.TPS_GROUPS)
NUM_CANDIDATES = NUM_PARTS + NUM_TPS
# The splines start with this logit each: far below the parts, near enough to be brought in.
TPS_LOGIT = -10.0
# The network's output times this is what is added to that: with the parts' step size, the splines
# would need thousands of steps to be seen at all.
TPS_GAIN = 8.0
# The residual flow stays within this share of half the crop.
MAX_NUDGE = 0.1
# Channels that are normalised together; a frame alone, so that it does not hang on its batch.
_GROUP = 8
# Where the occlusion masks start: sigmoid(2.2) = 0.9.
_OPEN = 2.2
# The logit of a dropped spline: no weight, and still a number where all are dropped.
_DROPPED = -1e4
# Head channels: candidates, residual flow, and occlusion at S / 4, S / 2 and S.
_HEADS = (NUM_CANDIDATES, 2, 1, 4, 16)


@dataclass(frozen=True)
class DenseMotionOptions:
    """widths: channels at S / 4, S / 8, S / 16, ... (multiples of 8). squeeze: channels that the
    candidates are reduced to. tps_dropout: chance of each spline to be left out in training.
    heatmap_variance: of a point's Gaussian, in units of the crop's half side squared."""

    widths: tuple[int, ...] = (48, 64, 96, 128)
    squeeze: int = 48
    tps_dropout: float = 0.3
    heatmap_variance: float = 0.01

    def __post_init__(self) -> None:
        if len(self.widths) < 2 or any(width % _GROUP for width in (*self.widths, self.squeeze)):
            raise ValueError(
                f"widths {self.widths} and squeeze {self.squeeze}: expected at least two widths, "
                f"all multiples of {_GROUP}"
            )
        if not 0 <= self.tps_dropout < 1:
            raise ValueError(f"tps_dropout is {self.tps_dropout}, expected 0 <= chance < 1")


@dataclass
class DenseMotion:
    """What the network chose, float32. s = S / 4; places and flows in [-1, 1] of the crop.

    masks: [B, 37, s, s], weights of parts and splines, sum 1.
    flow: [B, s, s, 2], the candidates' mean by the masks, for features.
    tps_flow: [B, s, s, 2], the splines' mean alone. tps_weight: [B, 1, s, s], their share of the
        picture, 0 where the gate is 0.
    correction: [B, 3, s, s], added to the puppet's frame where other parts show than the puppet
        chose; 0 where the gate is 0.
    nudge: [B, s, s, 2], residual flow, without the gate.
    occlusion: at S / 8, S / 4, S / 2, S: [B, 1, r, r], 1 where features are to be kept.
    """

    masks: Tensor
    flow: Tensor
    tps_flow: Tensor
    tps_weight: Tensor
    correction: Tensor
    nudge: Tensor
    occlusion: tuple[Tensor, Tensor, Tensor, Tensor]


class DenseMotionNetwork(nn.Module):
    """An hourglass over the candidates' deformed copies. Untrained, it gives the puppet."""

    def __init__(self, options: DenseMotionOptions | None = None) -> None:
        super().__init__()
        self.options = options = options or DenseMotionOptions()
        widths = options.widths
        channels = layout.NUM_MOTION_POINTS + 3 * NUM_CANDIDATES + NUM_PARTS + 1
        self.squeeze = nn.Conv2d(channels, options.squeeze, 1)
        self.stem = _block(options.squeeze, widths[0])
        self.down = nn.ModuleList(
            nn.Sequential(_block(fine, coarse, stride=2), _block(coarse, coarse))
            for fine, coarse in pairwise(widths)
        )
        # From coarse to fine. Sums, not concatenations: half the work at the finest level.
        self.widen = nn.ModuleList(
            nn.Conv2d(coarse, fine, 1)
            for fine, coarse in zip(widths[-2::-1], widths[:0:-1], strict=True)
        )
        self.up = nn.ModuleList(_block(width, width) for width in widths[-2::-1])
        self.heads = nn.Conv2d(widths[0], sum(_HEADS), 3, padding=1)
        self.coarse_occlusion = nn.Conv2d(widths[1], 1, 3, padding=1)
        for head in (self.heads, self.coarse_occlusion):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        with torch.no_grad():
            self.heads.bias[NUM_CANDIDATES + 2 :] = _OPEN
            self.coarse_occlusion.bias.fill_(_OPEN)

    def forward(self, inputs: RendererInput) -> DenseMotion:
        # Places need float32: bfloat16 knows a coordinate to half a pixel only.
        with torch.autocast(inputs.photo.device.type, enabled=False), torch.no_grad():
            tps_flows, seen = self._candidates(inputs)
        heads, coarse = self._hourglass(seen)
        delta, nudge, *occlusion = heads.float().split(_HEADS, dim=1)
        masks = [coarse.float(), *map(_spread, occlusion)]
        with torch.autocast(inputs.photo.device.type, enabled=False):
            return self._choose(inputs, tps_flows, delta, nudge, [m.sigmoid() for m in masks])

    def _candidates(self, inputs: RendererInput) -> tuple[Tensor, Tensor]:
        """The splines' flows [B, 29, s, s, 2], and what the hourglass sees [B, C, s, s]."""
        photo_points, driven_points, known = paired_points(inputs)
        size = inputs.gate.shape[-1]
        flows = tps_candidates(photo_points, driven_points, size, size)
        small = functional.avg_pool2d(inputs.photo, inputs.size // size)
        # From the centres of the outermost pixels to their outer edges, which both sizes share.
        edges = flows.flatten(1, 2) * ((inputs.size - 1) / inputs.size)
        copies = functional.grid_sample(small, edges, padding_mode="border", align_corners=False)
        heatmaps = heatmap_differences(
            photo_points, driven_points, known, size, self.options.heatmap_variance
        )
        copies = copies.unflatten(2, (NUM_TPS, size)).flatten(1, 2)
        parts = inputs.colours.flatten(1, 2)
        return flows, torch.cat([heatmaps, parts, copies, inputs.shown, inputs.gate], dim=1)

    def _hourglass(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """[B, C, s, s] -> the heads [B, 60, s, s] and the coarsest occlusion [B, 1, s/2, s/2]."""
        seen = seen.to(self.squeeze.weight.dtype, memory_format=torch.channels_last)
        x = self.stem(functional.relu(self.squeeze(seen)))
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)
        coarse = x
        for widen, up in zip(self.widen, self.up, strict=True):
            skip = skips.pop()
            coarse = x
            wide = functional.interpolate(widen(x), size=skip.shape[-2:], mode="nearest")
            x = up(wide + skip)
        return self.heads(x), self.coarse_occlusion(coarse)

    def _choose(
        self,
        inputs: RendererInput,
        tps_flows: Tensor,
        delta: Tensor,
        nudge: Tensor,
        occlusion: list[Tensor],
    ) -> DenseMotion:
        """Logits -> weights, flows and the correction of the puppet's frame."""
        prior = inputs.shown.clamp(min=FLOOR).log()
        parts = prior + delta[:, :NUM_PARTS]
        splines = self._drop(TPS_GAIN * delta[:, NUM_PARTS:] + TPS_LOGIT)
        # softmax(parts, splines), written so that neither side divides by a vanishing weight.
        share, tps_share = parts.softmax(1), splines.softmax(1)
        odds = splines.logsumexp(1, keepdim=True) - parts.logsumexp(1, keepdim=True)
        weight = odds.sigmoid() * inputs.gate
        change = (share - prior.softmax(1)) * inputs.gate
        tps_flow, flow = _mean(tps_flows, tps_share), _mean(inputs.flows, share)
        spline_part = weight[:, 0, :, :, None]
        return DenseMotion(
            masks=torch.cat([(1 - weight) * share, weight * tps_share], dim=1),
            flow=flow + spline_part * (tps_flow - flow),
            tps_flow=tps_flow,
            tps_weight=weight,
            correction=(change[:, :, None] * inputs.colours).sum(1),
            nudge=MAX_NUDGE * nudge.tanh().permute(0, 2, 3, 1),
            occlusion=(occlusion[0], occlusion[1], occlusion[2], occlusion[3]),
        )

    def _drop(self, splines: Tensor) -> Tensor:
        """Leave out splines [B, 29, s, s] (logits) in training, so that none is relied upon; the
        softmax over the rest renormalises. Never a part: it is the picture's one layer there."""
        if not self.training or self.options.tps_dropout == 0:
            return splines
        drop = torch.rand(*splines.shape[:2], 1, 1, device=splines.device)
        return splines.masked_fill(drop < self.options.tps_dropout, _DROPPED)


def _block(inside: int, outside: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, stride=stride, padding=1, bias=False),
        nn.GroupNorm(outside // _GROUP, outside),
        nn.ReLU(),
    )


def _mean(flows: Tensor, share: Tensor) -> Tensor:
    """flows [B, N, s, s, 2] weighted by share [B, N, s, s]: [B, s, s, 2]."""
    return (flows.permute(0, 4, 1, 2, 3) * share[:, None]).sum(2).permute(0, 2, 3, 1)


def _spread(mask: Tensor) -> Tensor:
    """[B, n * n, s, s] -> [B, 1, n s, n s]."""
    return functional.pixel_shuffle(mask, round(mask.shape[1] ** 0.5))


def paired_points(inputs: RendererInput) -> tuple[Tensor, Tensor, Tensor]:
    """The 116 motion points of photo and frame [B, 116, 2], and whether both know them [B, 116].

    A point that either lacks counts as not moved: it has the same place on both sides, so that a
    spline through it stays calm.
    """
    photo, driven = (_motion_points(p) for p in (inputs.photo_points, inputs.driven_points))
    known = (photo[..., 2] > 0) & (driven[..., 2] > 0)
    place = photo[..., :2].nan_to_num(0.0)
    # Where the photo lacks it as well its place is arbitrary; keep it in sight.
    place = torch.where(photo[..., 2:] > 0, place, place.clamp(-1, 1))
    return place, torch.where(known[..., None], driven[..., :2], place), known


def _motion_points(points: Tensor) -> Tensor:
    """[B, 133, 3] -> [B, 116, 3] as `layout.MOTION_POINTS` picks them; by slices, since a GPU would
    have to be sent a list of indices, and CUDA graphs cannot."""
    arms = slice(layout.ARMS[0], layout.ARMS[-1] + 1)
    hands = slice(layout.LEFT_HAND.start, layout.RIGHT_HAND.stop)
    return torch.cat([points[:, part] for part in (layout.FACE, arms, hands)], dim=1)


def heatmap_differences(
    photo: Tensor, driven: Tensor, known: Tensor, size: int, variance: float
) -> Tensor:
    """Gaussians about the points in the frame minus those in the photo: [B, N, size, size].

    photo, driven: [B, N, 2] in [-1, 1]. known: [B, N], False draws nothing.
    """
    axis = torch.linspace(-1.0, 1.0, size, device=photo.device)
    points = torch.stack([driven, photo], dim=2)
    # exp(-r^2 / 2v) is a product of both axes', so that each map is two outer products.
    bells = torch.exp((axis - points[..., None]).square() * (-0.5 / variance))
    across, down = bells.unbind(3)
    sign = torch.linspace(1.0, -1.0, 2, device=photo.device)[:, None] * known[..., None, None]
    return (down * sign).mT @ across


def warp_photo(inputs: RendererInput, motion: DenseMotion) -> Tensor:
    """The learned warp [B, 3, S, S]: the puppet's frame with other parts where the network chose
    so, the photo through the splines, and the residual flow. Untrained, the puppet's frame."""
    size = inputs.size
    nudge = (motion.nudge * inputs.gate[:, 0, :, :, None]).permute(0, 3, 1, 2)
    small = [motion.correction, motion.tps_weight, motion.tps_flow.permute(0, 3, 1, 2), nudge]
    full = functional.interpolate(
        torch.cat(small, dim=1), size=(size, size), mode="bilinear", align_corners=True
    )
    correction, weight, tps_flow, nudge = full.split([3, 1, 2, 2], dim=1)
    bent = _sample(inputs.photo, tps_flow.permute(0, 2, 3, 1))
    frame = inputs.puppet + correction
    frame = frame + weight * (bent - frame)
    return _sample(frame, make_grid(size, size, frame.device) + nudge.permute(0, 2, 3, 1))


def warp_features(features: Tensor, flow: Tensor, occlusion: Tensor) -> Tensor:
    """Features of the photo moved and masked, in their own dtype.

    features: [B, C, r, r]. flow: [B, s, s, 2]. occlusion: [B, 1, r, r].
    """
    size = features.shape[-2:]
    places = functional.interpolate(
        flow.permute(0, 3, 1, 2).float(), size=size, mode="bilinear", align_corners=True
    )
    moved = _sample(features.float(), places.permute(0, 2, 3, 1))
    return (moved * occlusion).to(features.dtype)


def _sample(picture: Tensor, places: Tensor) -> Tensor:
    """picture [B, C, h, w] at places [B, H, W, 2] in [-1, 1]: [B, C, H, W], float32."""
    with torch.autocast(picture.device.type, enabled=False):
        return functional.grid_sample(picture, places, padding_mode="border", align_corners=True)
