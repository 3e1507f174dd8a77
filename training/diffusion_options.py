"""What the trainings of motion by diffusion are told; as light as `options`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .options import DataOptions, LoopOptions


@dataclass(frozen=True)
class SkeletonDiffusionTraining:
    """Train the skeleton diffusion of Democratizing (Yang et al. 2025)."""

    data: DataOptions
    """Its window is what the network makes at a time, and the clean frames before that."""
    loop: LoopOptions
    history: int = 8
    """Clean frames before the window (the public model: 25, before 250)."""
    from_reference: float = 0.3
    """Chance that these are one frame, repeated, as where motion begins with a photo."""
    width: int = 192
    heads: int = 4
    hidden: int = 768
    layers: int = 6
    fusion: int = 384
    """Width between the two layers that fuse a frame with its speech."""
    speech_layers: int = 1
    """Of an encoder before the fusion (the public model has none, after wav2vec 2.0)."""
    dropout: float = 0.1
    noise_steps: int = 100
    hide_speech: float = 0.1
    """Chance that a sample goes without speech, for classifier-free guidance."""
    velocity: float = 0.0
    """Weight of the loss on differences from frame to frame; the public model has none."""
    importance: bool = False
    """Whether lips, the place of the head and arms count more, as for the masked generator. In the
    public model all points count the same."""


@dataclass(frozen=True)
class DialogueTraining:
    """Train the motion generator for two people in talk (Co3Gesture, in 2D)."""

    data: DataOptions
    """Its window is what the network makes at a time, and the clean frames before that. Clips of
    one person are put together to talks; clips of `dataset build --persons 2` are talks."""
    loop: LoopOptions
    history: int = 8
    """Clean frames before the window."""
    from_reference: float = 0.3
    """Chance that these are one frame, repeated, as where motion begins with a photo."""
    width: int = 192
    heads: int = 4
    hidden: int = 576
    layers: int = 4
    speech_layers: int = 1
    dropout: float = 0.1
    noise_steps: int = 100
    hide_speech: float = 0.1
    """Chance that a sample goes without speech, for classifier-free guidance."""
    velocity: float = 1.0
    """Weight of the loss on differences from frame to frame."""
    interaction: float = 0.3
    """Weight of the loss on the distances between both people's joints."""
    interaction_steps: float = 0.7
    """Share of the noise steps, from the clean end, in which that loss counts."""
    real: float = 0.5
    """Share of windows drawn from real pairs, where the data set has any."""
    listening: tuple[str, ...] = ("silent",)
    """Kinds of clips without sound that show people who may be listening; others without sound
    (signing, dancing) don't."""


@dataclass(frozen=True)
class FineGestureTraining:
    """Train FineGesture (Wan et al. 2025): first its motion VQ-VAE, then the diffusion in it."""

    data: DataOptions
    """Its window is what the network makes at a time, and the poses before that."""
    loop: LoopOptions
    """Of the diffusion. The VQ-VAE's run lies in its folder `vqvae`."""
    vqvae: str = "train"
    """`train`: train one first. `none`: go without, on motion vectors (the paper's ablation). Else
    the path of a trained one, for instance another run's vqvae/motion-vqvae.safetensors."""
    vqvae_steps: int = 2000
    vqvae_learning_rate: float = 1e-3
    continuous: int = 200
    """Steps at the beginning of the VQ-VAE without quantisation, as for the tokenizers."""
    vqvae_width: int = 64
    code_dim: int = 64
    codes: int = 256
    levels: int = 1
    """Codebooks of each group of points, one for what the one before left over (the paper: 1)."""
    velocity: float = 1.0
    acceleration: float = 1.0
    commitment: float = 1.0
    """Weights of the VQ-VAE's losses (the paper, equation 4: all 1)."""
    importance: bool = False
    """Whether lips, the place of the head and arms count more in them. In the paper all numbers
    count the same."""
    width: int = 128
    heads: int = 4
    hidden: int = 256
    layers: int = 4
    speech_layers: int = 1
    dropout: float = 0.1
    spatial: bool = True
    """Attention between the groups of points; without: the paper's ablation."""
    temporal: bool = True
    """Attention between frames; without: the paper's ablation."""
    adapt: Literal["instance", "layer"] = "instance"
    """How speaker and step come in: by AdaIN as in the paper, or by adaptive layer normalisation,
    which keeps how much a person moves in a window."""
    history: int = 4
    """Poses before the window."""
    from_reference: float = 0.3
    """Chance that these are one pose, repeated, as where motion begins with a photo."""
    noise_steps: int = 500
    prediction: Literal["sample", "epsilon", "v_prediction"] = "epsilon"
    """What the network tells: the clean sample, the noise as in the paper, or the velocity."""
    hide_speech: float = 0.1
    """Chance that a sample goes without speech, for classifier-free guidance."""
    speakers: int = 16
    """Rows of the speaker table besides anybody: the persons with most speech."""
    known_speaker: float = 0.5
    """Chance that a sample is told its speaker; otherwise it trains the row for anybody."""
