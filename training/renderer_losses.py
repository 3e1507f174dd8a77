"""What the renderer is trained on: pixels, perception, a critic, and restraint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..refinement.discriminator import PatchDiscriminator, discriminator_hinge, generator_hinge
from ..refinement.network import RendererNetwork, Rendering
from ..warping.dense_motion import MAX_NUDGE
from .frames import REGIONS, Frames
from .options import RendererLosses
from .perceptual import PerceptualLoss

_LOOKED_AT = [REGIONS.index(name) for name in ("hands", "mouth", "face")]


@dataclass
class Drawn:
    """What the network made of a batch, and the edge maps the critic is shown with it.

    edges: [B, 6, S / 2, S / 2], None where the refiner has none.
    """

    rendering: Rendering
    edges: Tensor | None


class DrawingNetwork(nn.Module):
    """The network with its edge maps handed out: one forward pass for both of a step's losses."""

    def __init__(self, network: RendererNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Frames) -> Drawn:
        network: RendererNetwork = self.network
        edges = network.draw_edges(frames.inputs.driven_points)
        rendering = network(frames.inputs, edges=edges)
        return Drawn(rendering, None if edges is None else edges[-1].detach())


def pixel_losses(picture: Tensor, target: Tensor, regions: Tensor) -> dict[str, Tensor]:
    """L1 over each region, by its own area in the batch (S2G-MDD, stage 3).

    picture, target: [B, 3, S, S]. regions: [B, 5, S, S], see `Frames`. 0 for what is not there.
    """
    difference = (picture.float() - target).abs().mean(dim=1, keepdim=True)
    area = regions.sum(dim=(0, 2, 3))
    # Below some pixels a region's mean is noise that would outweigh everything.
    within = (difference * regions).sum(dim=(0, 2, 3)) / area.clamp(min=16.0)
    return dict(zip(REGIONS, within, strict=True))


class Objective:
    """The losses of the renderer, by name; "loss" is their weighted sum."""

    def __init__(self, weights: RendererLosses, device: torch.device) -> None:
        self.weights = weights
        self.perceptual: PerceptualLoss | None = None
        if weights.perceptual or weights.perceptual_regions:
            self.perceptual = PerceptualLoss(weights.perceptual_net).to(device)

    def __call__(
        self, drawn: Drawn, frames: Frames, critic: PatchDiscriminator | None
    ) -> dict[str, Tensor]:
        """critic: None while the discriminator has no say."""
        made, weights, regions = drawn.rendering, self.weights, frames.regions
        others = [frames.target, *([frames.inputs.puppet] if weights.hesitation else [])]
        (total, terms), *change = self._distances(made.frame, others, regions)
        if change:
            terms["change"] = change[0][0]
            total = total + weights.hesitation * terms["change"]
        if made.warped.requires_grad and made.residual.requires_grad and weights.warped:
            terms["warped"] = self._weighed(pixel_losses(made.warped, frames.target, regions))
            total = total + weights.warped * terms["warped"]
        terms["restraint"] = restraint(made)
        total = total + weights.restraint * terms["restraint"]
        if critic is not None:
            terms["adversarial"] = generator_hinge(critic(made.frame, drawn.edges))
            total = total + weights.adversarial * terms["adversarial"]
        return {"loss": total, **{name: value.detach() for name, value in terms.items()}}

    def _distances(
        self, picture: Tensor, others: Sequence[Tensor], regions: Tensor
    ) -> list[tuple[Tensor, dict[str, Tensor]]]:
        """How far a picture is from each of the others, in pixels and LPIPS: weighed, and apart."""
        weights, found = self.weights, []
        for other in others:
            pixels = pixel_losses(picture, other, regions)
            found.append((self._weighed(pixels), {f"l1_{k}": v for k, v in pixels.items()}))
        if self.perceptual is None:
            return found
        seen = self.perceptual(picture, others, regions[:, _LOOKED_AT])
        return [
            (
                total + weights.perceptual * whole + weights.perceptual_regions * within.mean(),
                {**terms, "lpips": whole, "lpips_regions": within.mean()},
            )
            for (total, terms), (whole, within) in zip(found, seen, strict=True)
        ]

    def _weighed(self, losses: dict[str, Tensor]) -> Tensor:
        """The sum over regions, each by its weight."""
        return torch.stack([getattr(self.weights, name) * v for name, v in losses.items()]).sum()


def restraint(made: Rendering) -> Tensor:
    """How far the network does what the puppet did not ask for: the splines' share and the nudge,
    where something moves (elsewhere both are shut off)."""
    motion = made.motion
    return motion.tps_weight.float().mean() + motion.nudge.float().abs().mean() / MAX_NUDGE


def critic_losses(critic: nn.Module, drawn: Drawn, frames: Frames) -> dict[str, Tensor]:
    """The discriminator's own loss, and how often it is right."""
    made = drawn.rendering.frame.detach()
    # One pass for both: spectral norm takes a step at each pass in training.
    edges = None if drawn.edges is None else torch.cat([drawn.edges, drawn.edges])
    real, fake = critic(torch.cat([frames.target, made]), edges).float().chunk(2)
    right = ((real > 0).float().mean() + (fake < 0).float().mean()) / 2
    return {"critic": discriminator_hinge(real, fake), "critic_right": right.detach()}
