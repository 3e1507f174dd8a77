"""What training is told. Light: the command line reads it before anything heavy loads."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


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
    precision: Literal["no", "bf16", "fp16"] = "no"
    """accelerate's mixed precision."""
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
    distillation: float = 0.0
    """Weight of the likeness to what the alignment's gesture encoders make of the motion
    (Contextual Gesture, equations 2 and 3; its weight is not in the paper's text). 0 is none."""
    alignment: str | None = None
    """The alignment to learn from: registered weights, or a path to a .safetensors file."""


@dataclass(frozen=True)
class AlignmentTraining:
    """Train the chronological speech-gesture alignment."""

    data: DataOptions
    loop: LoopOptions
    """Its batch is what a clip is told apart from."""
    words: Path | None = None
    """JSON with the words of clips, {"clip's id": [["text", start, end], ...]}: where they are
    known, speech is cut between words, else at pauses and onsets."""
    width: int = 128
    heads: int = 4
    hidden: int = 384
    layers: int = 2
    """Sizes of the content encoders. A generator that begins with them must have the same."""
    dropout: float = 0.1
    embedding: int = 128
    waves: int = 16
    """Cosines over the window that content is averaged against; 1 is the paper's mean."""
    temperature: float = 0.1
    """Contextual Gesture has 0.7, the author's later work 0.1."""
    chronological: int = 1
    """Negatives of a clip's own speech in another order; 0 leaves them out."""


@dataclass(frozen=True)
class GeneratorTraining:
    """Train the masked generator and the residual generator together."""

    data: DataOptions
    loop: LoopOptions
    tokenizer: str = "motion-tokenizer"
    """Registered weights, or a path to a .safetensors file."""
    alignment: str | None = None
    """An alignment of the same sizes, whose speech encoders the generator's begin with."""
    width: int = 128
    heads: int = 4
    hidden: int = 384
    layers: int = 3
    residual_layers: int = 2
    speech_layers: int = 2
    cross_attention: bool = True
    """Attend to speech around a frame; without it, a frame is only told its own moment's speech
    (Contextual Gesture's ablation "concat")."""
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


@dataclass(frozen=True)
class AutoencoderTraining:
    """Train the motion autoencoder that FGD is measured in."""

    data: DataOptions
    """Its window is the autoencoder's; shipped weights have 32 frames."""
    loop: LoopOptions
    width: int = 128
    latent: int = 32
    """Numbers a window becomes."""
    velocity: float = 1.0
    """Weight of the loss on differences from frame to frame."""


@dataclass(frozen=True)
class SceneOptions:
    """Which clips a renderer learns from, and how their frames are drawn."""

    folder: Path
    """A data set written by `gesticulate dataset build`, best with --crop-videos."""
    scenes: Path | None = None
    """Folder for the prepared photos, which all runs on a data set can share; without it, `scenes`
    in the run's own folder."""
    photos: int = 3
    """Frames of a clip that serve as the photo: the first, and spread ones that show hands."""
    driven: int = 8
    """Frames that are driven from a photo in a row, of one decoding of its clip."""
    favoured: dict[str, float] = field(default_factory=dict)
    """Kind of clip -> how much more often than others it is drawn; 0 leaves it out."""
    jitter: float = 0.1
    """Most that brightness and contrast are changed, photo and truth alike."""
    exchanged: float = 0.6
    """Chance that hues are turned by any angle, and the picture made lighter, darker or negative,
    photo and truth alike. Without it, hands of blue-grey skin were given a rosy glow."""
    workers: int = 1
    """Processes that draw frames while the network learns; 0 draws them in between."""
    prepare_workers: int = 0
    """Processes that prepare photos, before the first step; 0 is one a processor core."""
    val_pairs: int = 24
    """Pairs of a photo and a driven frame, each of another clip of the split `val`."""


@dataclass(frozen=True)
class RendererLosses:
    """Weights of a renderer's losses. S2G-MDD, the nearest published refiner, has pixel 1 for what
    is warped, 3 for what must be invented, 5 for hands, each averaged over its own area, and 0.1
    for the discriminator (research code of He et al., CVPR 2024, stage 3). Two things changed that
    here. With 5 for mouths as well, and LPIPS at 1 and 1.5, mouths came nearer to the truth in L1
    and lost in LPIPS: they were blurred. With 4 for hands and 1 for what is warped, hands were
    painted wherever one might be, and black clothes turned brown."""

    valid: float = 12.0
    hole: float = 3.0
    hands: float = 2.0
    mouth: float = 3.0
    """Ours: as small as a hand, and looked at as much."""
    face: float = 2.0
    """Ours."""
    warped: float = 0.25
    """Share of the pixel losses that the warped photo gets when a refiner works on it: without,
    the refiner would paint over what the warp could have brought."""
    perceptual: float = 4.0
    """Of LPIPS, the whole frame's. S2G-MDD has content 0.05 and style 120 of VGG16, on another
    scale."""
    perceptual_regions: float = 8.0
    """Of LPIPS averaged over hands, mouth and face, each by its own area."""
    perceptual_net: Literal["alex", "vgg"] = "alex"
    """The network that LPIPS compares features of. VGG16 sees finer texture at twenty times the
    cost: for a GPU."""
    hesitation: float = 0.3
    """Of the distance to the puppet's frame, as a share of the distance to the truth, pixels and
    LPIPS alike. Where it is uncertain what is true, the puppet's picture is then the best answer;
    without it that was a mixture: hands turned half transparent, and had a halo of all the places
    where they might have been."""
    restraint: float = 0.01
    """On the splines' share and the nudge: what is not needed stays off."""
    adversarial: float = 0.05
    adversarial_from: int = 1800
    """Step from which the discriminator has a say; before, frames are too far from real."""
    discriminator_rate: float = 0.17
    """The discriminator's learning rate as a share of the renderer's (S2G-MDD: 1e-4 / 6e-4)."""


@dataclass(frozen=True)
class RendererTraining:
    """Train the learned renderer: the warp, the refiner, or both together."""

    data: SceneOptions
    loop: LoopOptions
    size: Literal["lean", "full"] = "lean"
    """Widths of the networks; with `init`, those of the weights are kept."""
    stage: Literal["prepare", "warp", "refine", "all"] = "all"
    """prepare: only the photos, nothing is trained. warp: dense motion alone, without a refiner.
    refine: the refiner and the warp's last layers, with `init` for what comes before them. all:
    everything."""
    structure: Literal["none", "skeleton", "edges"] = "edges"
    """What the refiner is told of the driving skeleton: nothing, lines of fixed thickness, or
    lines whose thickness is learned."""
    init: str | None = None
    """Weights to begin with: registered ones, or a path to a .safetensors file. What they do not
    have starts as the puppet."""
    losses: RendererLosses = field(default_factory=RendererLosses)


@dataclass(frozen=True)
class AnimationData:
    """Which clips the diffusion renderer learns from, and how."""

    folder: Path
    """A data set written by `gesticulate dataset build`, best with --crop-videos."""
    size: int = 512
    """Pixels of a side; a multiple of 64."""
    frames: int = 24
    """Frames of a sample in the stage `motion`."""
    stride: int = 2
    """Every so manieth frame of a clip is one of them, so that they show more motion."""
    apart: int = 30
    """Least frames between the photo and what is to be drawn, where the clip is long enough: a
    photo that looks like its target teaches to copy it."""
    favoured: dict[str, float] = field(default_factory=dict)
    """Kind of clip -> how much more often than others it is drawn; 0 leaves it out."""
    workers: int = 4
    """Processes that read clips while the network learns; 0 reads them in between."""
    val_samples: int = 8
    """Samples of the split `val` that are measured."""


@dataclass(frozen=True)
class AnimationTraining:
    """Train the diffusion renderer: first on pairs of pictures, then its motion modules."""

    data: AnimationData
    loop: LoopOptions
    stage: Literal["pairs", "motion"] = "pairs"
    """pairs: everything but the motion modules, on single frames. motion: only those, on windows
    of frames; begins with the first stage's weights."""
    size: Literal["full", "tiny"] = "full"
    """full: Stable Diffusion 1.5's widths. tiny: random networks of some hundred thousand
    parameters, to try a run."""
    init: str | None = None
    """What to begin with: a .safetensors file of a training before; `public` for AnimateAnyone's
    public weights; or the hub name or folder of a Stable Diffusion 1.x, which both networks
    become copies of (the public code takes the one tuned to pictures' CLIP embeddings).
    Without, everything is random."""
    motion_init: str | None = None
    """For the stage `motion`: hub name or folder of an AnimateDiff motion adapter (v1-5-2) in
    diffusers' format."""
    coders: Path | None = None
    """Folder with the autoencoder and CLIP as AnimateAnyone's reimplementation lays them out;
    without it, they are looked for where the renderer looks, and fetched."""
    hide_photo: float = 0.1
    """Chance that a sample goes without photo, for classifier-free guidance."""
    noise_offset: float = 0.05
    """Share of noise that is the same all over a frame, which frees a picture's brightness."""
    gamma: float = 5.0
    """Of min-SNR weighting; 0 weighs all times alike."""
    gradient_checkpointing: bool = False
    """Compute activations twice and keep none: about a third slower, a fraction of the memory."""


@dataclass(frozen=True)
class LipTraining:
    """Train the lip model."""

    folder: Path
    """A folder written by `gesticulate dataset faces`."""
    loop: LoopOptions
    speech_encoder: str = "whisper+mel"
    """Whose features it reads."""
    window: int = 64
    """Frames of a training window."""
    width: int = 64
    """Of the network's layers."""
    kinds: dict[str, float] = field(default_factory=dict)
    """Kind of clip -> how much more often than by its length it is drawn; 0 leaves it out."""
    noise: float = 0.3
    """Of the features, in their standard deviations."""
    speed: float = 0.5
    shape: float = 1.0
    closure: float = 0.5
    """Weights of the losses, see `LipLosses`; that of place is 1."""
