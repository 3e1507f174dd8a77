"""What the training of the face's refiner can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..refinement.face.network import FaceRefinerOptions
from .options import LoopOptions


@dataclass(frozen=True)
class FaceLosses:
    """Weights of the losses."""

    pixels: float = 4.0
    """L1 over the square."""
    opening: float = 8.0
    """L1 over what lies between the lips or lids, and next to it."""
    perceptual: float = 2.0
    """LPIPS."""
    reader: float = 0.1
    """Of how far the drawn picture reads from the opening that was asked for (face_reader.py)."""
    adversarial: float = 0.05
    adversarial_from: int = 2000
    """Step from which the discriminator has a say: a mean of teeth is a grey plate, and only a
    critic minds."""
    discriminator_rate: float = 0.3
    """Its learning rate as a share of the refiner's."""
    hesitation: float = 0.25
    """Of the distance to the moved photo, away from the opening, as a share of that to the
    truth."""


@dataclass(frozen=True)
class FaceTraining:
    """`gesticulate train face`."""

    data: Path
    """Folder that `gesticulate dataset faces` wrote."""
    loop: LoopOptions
    region: Literal["mouth", "eye"] = "mouth"
    """Which of the two networks."""
    init: str | None = None
    """Weights to begin with, a name or a path. The other region's network is kept as it is."""
    networks: FaceRefinerOptions = field(default_factory=FaceRefinerOptions)
    """Sizes of the networks, where ``init`` does not say."""
    reader_steps: int = 1500
    exchanged: float = 0.3
    """Chance of colours that no camera gives."""
    workers: int = 1
    """Processes that make pairs beside the one that trains; 0 makes them in it."""
    val_pairs: int = 96
    losses: FaceLosses = field(default_factory=FaceLosses)
