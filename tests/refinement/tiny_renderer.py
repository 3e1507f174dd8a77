"""A renderer's networks small enough for tests, with weights as if trained."""

import torch

from gesticulate.refinement.network import RendererNetwork, RendererOptions
from gesticulate.refinement.unet import RefinerOptions
from gesticulate.warping.dense_motion import DenseMotionOptions

SIZE = 64
TINY = RendererOptions(
    DenseMotionOptions(widths=(8, 8, 16, 16), squeeze=8),
    RefinerOptions(widths=(8, 16, 16), photo_widths=(8, 8, 16), spade_hidden=8, blocks=1),
    SIZE,
)


def randomise(network: RendererNetwork, seed: int = 1) -> RendererNetwork:
    """Give what starts at zero some weight, as training does."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in network.parameters():
            if not value.any():
                value.copy_(torch.randn(value.shape, generator=draw) * 0.05)
    return network
