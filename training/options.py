"""What training is told. Light: the command line reads it before anything heavy loads."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class LoopOptions:
    """One training run. Running it again in the same folder resumes at the last checkpoint."""

    output: Path
    """Folder for checkpoints, metrics.jsonl and the finished weights."""
    steps: int = 3000
    batch: int = 32
    """Windows a step and process."""
    learning_rate: float = 1e-3
    warmup: int = 100
    """Steps of linear warm-up; afterwards the rate falls along a cosine to a twentieth."""
    weight_decay: float = 0.01
    ema: float = 0.0
    """Decay of the averaged weights that are validated and kept; 0 keeps the last ones."""
    precision: str = "no"
    """accelerate's mixed precision: no, bf16 or fp16."""
    validate_every: int = 250
    checkpoint_every: int = 250
    seed: int = 0


@dataclass(frozen=True)
class DataOptions:
    """Which clips, and how often."""

    folder: Path
    """A data set written by `gesticulate dataset build`."""
    window: int = 80
    """Frames of a training window (Contextual Gesture: 80)."""
    favoured: dict[str, float] = field(default_factory=dict)
    """Kind of clip -> how much more often than by its length it is drawn; 0 leaves it out."""


@dataclass(frozen=True)
class TokenizerTraining:
    """Train the face and the body tokenizer."""

    data: DataOptions
    loop: LoopOptions
    width: int = 192
    blocks: int = 2
    code_dim: int = 128
    codes: int = 1024
    levels: int = 6
    continuous: int = 100
    """Steps at the beginning without quantisation: codebooks that start on the latents of an
    untrained encoder are left behind by it, and most of their codes die."""
    commitment: float = 0.25
    """Weight of the commitment loss (van den Oord et al. 2017: 0.25)."""
    velocity: float = 0.5
    acceleration: float = 0.25
    """Weights of the losses on the first and second difference over time."""


@dataclass(frozen=True)
class GeneratorTraining:
    """Train the masked generator and the residual generator together."""

    data: DataOptions
    loop: LoopOptions
    tokenizer: str = "motion-tokenizer"
    """Registered weights, or a path to a .safetensors file."""
    width: int = 128
    heads: int = 4
    hidden: int = 384
    layers: int = 3
    residual_layers: int = 2
    speech_layers: int = 2
    dropout: float = 0.05
    reconstruction: float = 4.0
    """Weight of the decoded motion's loss. Contextual Gesture has 50, in coordinates of the
    picture; here the motion is in units of the training set's spread, some 20 times as large."""
    regression: float = 3.0
    """Weight of the motion that the speech encoder alone predicts."""
    regress_first: int = 150
    """Steps at the beginning that train the regression alone, at a quarter of the cost."""
    hide_speech: float = 0.1
    """Chance that a sample goes without speech, for classifier-free guidance."""
    speakers: int = 16
    """Rows of the speaker table besides the average speaker: the persons with most speech."""
    known_speaker: float = 0.5
    """Chance that a sample is told its speaker; otherwise it trains the average speaker."""
