"""The critic of the adversarial loss: are these patches of a real frame of this pose?"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from .edges import GROUPS


class PatchDiscriminator(nn.Module):
    """Spectrally normalised PatchGAN that sees the frame together with its edge maps.

    One logit for every 16 x 16 pixels, each over 92 x 92 pixels of the frame.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128), edges: bool = True) -> None:
        """edges: False for a refiner that has no maps either."""
        super().__init__()
        channels = (12 + (len(GROUPS) if edges else 0), *widths)
        self.down = nn.ModuleList(
            spectral_norm(nn.Conv2d(a, b, 4, stride=2, padding=1)) for a, b in pairwise(channels)
        )
        self.judge = spectral_norm(nn.Conv2d(widths[-1], 1, 4, padding=1))

    def forward(self, frame: Tensor, edges: Tensor | None) -> Tensor:
        """Judge every patch.

        Args:
            frame: [B, 3, S, S] RGB 0..1.
            edges: [B, 6, S/2, S/2] in 0..1, as the refiner has them. No gradient reaches them:
                lines are to be drawn as the refiner needs them, not as they please the critic.

        Returns:
            [B, 1, S/16 - 1, S/16 - 1] logits, high for real.
        """
        features = F.pixel_unshuffle(frame * 2 - 1, 2)
        if edges is not None:
            features = torch.cat([features, edges.detach().to(features.dtype)], dim=1)
        features = features.contiguous(memory_format=torch.channels_last)
        for convolution in self.down:
            features = F.leaky_relu(convolution(features), 0.2)
        return self.judge(features)


def discriminator_hinge(real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's loss from its logits of real and of made frames, any shapes."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def generator_hinge(fake: Tensor) -> Tensor:
    """The generator's loss from the discriminator's logits of the frames it made."""
    return -fake.mean()
