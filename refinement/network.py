"""The learned renderer's networks put together: dense motion, then refinement."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import WeightsError
from ..warping.dense_motion import (
    DenseMotion,
    DenseMotionNetwork,
    DenseMotionOptions,
    warp_features,
    warp_photo,
)
from ..warping.inputs import RendererInput
from ..weights.checkpoint import fill, read, tensors_of, write
from .edges import EdgeHeatmaps
from .unet import FULL_REFINER, LEAN_REFINER, PhotoEncoder, Refiner, RefinerOptions

KIND = "renderer"


@dataclass(frozen=True)
class RendererOptions:
    """motion: the dense-motion network. refiner: None leaves the learned warp alone.
    size: S, pixels of the square that both see."""

    motion: DenseMotionOptions = field(default_factory=DenseMotionOptions)
    refiner: RefinerOptions | None = field(default_factory=RefinerOptions)
    size: int = 256

    def __post_init__(self) -> None:
        if self.size % 32 or self.size <= 0:
            raise ValueError(f"size is {self.size}, expected a multiple of 32")


# For two processor cores, and for a GPU.
LEAN = RendererOptions(refiner=LEAN_REFINER)
FULL = RendererOptions(
    motion=DenseMotionOptions(widths=(128, 224, 320, 448), squeeze=96),
    refiner=FULL_REFINER,
)


@dataclass
class Rendering:
    """What the networks make of a batch.

    frame: [B, 3, S, S], RGB 0..1. warped: [B, 3, S, S], the frame before refinement.
    residual: [B, 3, S, S], added to it where something moves; zero without a refiner.
    motion: how ``warped`` came about.
    """

    frame: Tensor
    warped: Tensor
    residual: Tensor
    motion: DenseMotion


class RendererNetwork(nn.Module):
    """Inputs -> frame. Untrained, it gives the puppet's frame."""

    def __init__(self, options: RendererOptions = LEAN) -> None:
        super().__init__()
        self.options = options
        self.motion = DenseMotionNetwork(options.motion)
        self.refines = options.refiner is not None
        if options.refiner is not None:
            self.encoder = PhotoEncoder(options.refiner)
            self.refiner = Refiner(options.refiner)
            if options.refiner.structure != "none":
                self.edges = EdgeHeatmaps(learnable=options.refiner.structure == "edges")

    def for_inference(self, device: torch.device, dtype: torch.dtype) -> RendererNetwork:
        """This network, moved, its convolutions in ``dtype``; what places pixels stays float32."""
        self.eval().requires_grad_(False)
        for part in (self.motion, *((self.encoder, self.refiner) if self.refines else ())):
            part.to(dtype=dtype, memory_format=torch.channels_last)
        return self.to(device)

    def encode(self, photo: Tensor) -> tuple[Tensor, ...]:
        """Photo [B, 3, S, S], RGB 0..1 -> features at S / 2, S / 4, S / 8, once for all frames of
        a photo; none without a refiner."""
        return tuple(self.encoder(photo)) if self.refines else ()

    def forward(
        self,
        inputs: RendererInput,
        features: Sequence[Tensor] | None = None,
        edges: Sequence[Tensor] | None = None,
    ) -> Rendering:
        """features: of `encode`, [B or 1, ...]; made here where None.
        edges: [B, 6, r, r] for r = S / 8, S / 4, S / 2, where they are drawn elsewhere."""
        motion: DenseMotion = self.motion(inputs)
        warped = warp_photo(inputs, motion)
        if not self.refines:
            return Rendering(warped.clamp(0, 1), warped, torch.zeros_like(warped), motion)
        features = self.encode(inputs.photo) if features is None else features
        # Occlusion masks come from coarse to fine, features from fine to coarse.
        moved = [
            warp_features(one.expand(len(inputs), -1, -1, -1), motion.flow, mask)
            for one, mask in zip(features, motion.occlusion[2::-1], strict=True)
        ]
        if edges is None:
            edges = self.draw_edges(inputs.driven_points)
        residual = self.refiner(warped, moved, motion.occlusion[3], edges).to(warped.dtype)
        frame = warped + full_size(inputs.gate, inputs.size) * residual
        return Rendering(frame.clamp(0, 1), warped, residual, motion)

    def draw_edges(self, points: Tensor) -> list[Tensor] | None:
        """Edge heatmaps [B, 6, r, r], r = S / 8, S / 4, S / 2, of skeletons [B, 133, 3] in [-1, 1];
        None where the refiner takes none."""
        if not hasattr(self, "edges"):
            return None
        return [self.edges(points, self.options.size // part) for part in (8, 4, 2)]


def full_size(values: Tensor, size: int) -> Tensor:
    """[B, C, s, s] -> [B, C, size, size], linear between the samples (align_corners=True)."""
    return functional.interpolate(values, size=(size, size), mode="bilinear", align_corners=True)


def save_renderer(path: Path, network: RendererNetwork) -> None:
    """Write the weights (fp16) and what builds the network again."""
    write(path, tensors_of(network), KIND, dataclasses.asdict(network.options))


def load_renderer(path: Path) -> RendererNetwork:
    """Read what `save_renderer` wrote, in eval mode. Raises: WeightsError."""
    tensors, values = read(path, KIND)
    try:
        network = RendererNetwork(_options(values))
    except (TypeError, KeyError, ValueError) as error:
        raise WeightsError(
            f"{path} was written by another version ({error}); train or fetch it again."
        ) from None
    return fill(network, tensors, path)


def _options(values: dict) -> RendererOptions:
    """From JSON, which has lists for tuples and dictionaries for dataclasses."""

    def plain(one: dict) -> dict:
        return {key: tuple(v) if isinstance(v, list) else v for key, v in one.items()}

    refiner = values["refiner"]
    return RendererOptions(
        motion=DenseMotionOptions(**plain(values["motion"])),
        refiner=None if refiner is None else RefinerOptions(**plain(refiner)),
        size=values["size"],
    )
