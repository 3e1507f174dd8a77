"""Train the masked and the residual generator: `gesticulate train generator`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import UsageError
from ..motion.alignment import SpeechGestureAlignment
from ..motion.checkpoint import Tokenizers, load_alignment, load_tokenizers, save_generator
from ..motion.generator import Condition, GeneratorOptions, GestureGenerator, Stream
from ..motion.heard import check_same_features
from ..motion.masking import corrupt, training_mask
from ..motion.tokenizer import MotionTokenizer
from ..motion.vectors import BODY_DIMS, FACE_DIMS
from ..weights import locate
from .clips import Batch, Clip, WindowSampler
from .data import encoder_of, load_clips
from .loop import fit, noise_of
from .losses import importance, masked_mean, motion_losses
from .options import GeneratorTraining
from .sync import synchronised
from .tokenizer import PROBE

# Known frames at the front of a window that continues a motion, as in long generation.
CONTEXT = 16
CONTEXT_CHANCE = 0.8
# Velocity and acceleration losses of the decoded motion, relative to its own.
VELOCITY, ACCELERATION = 0.5, 0.25


class GeneratorLosses(nn.Module):
    """The generator, the frozen tokenizers, and equation (10) of Contextual Gesture."""

    def __init__(
        self, generator: GestureGenerator, tokenizers: Tokenizers, options: GeneratorTraining
    ) -> None:
        super().__init__()
        self.options = options
        self.generator = generator
        self.tokenizers = nn.ModuleDict(
            {"face": tokenizers.face, "body": tokenizers.body}
        ).requires_grad_(False)
        for part in self.tokenizers:
            self.register_buffer(f"{part}_importance", importance(part), persistent=False)

    def train(self, mode: bool = True) -> GeneratorLosses:
        """The tokenizers stay as they are: their codebooks must not move under the generator."""
        super().train(mode)
        self.tokenizers.eval()
        return self

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """The losses by name. step seeds the masks, so that a resumed run draws the same ones."""
        noise = noise_of(self.options.loop.seed, step)
        speech, reference = self.generator.normalise(batch.speech, batch.reference)
        hide = (torch.rand(len(speech), generator=noise) < self.options.hide_speech).to(
            speech.device
        )
        hide = hide & self.training
        terms: dict[str, Tensor] = {}
        total = speech.new_zeros(())
        for part, stream in self.generator.streams.items():
            # Sound that the lips do not follow would teach the face to ignore sound.
            unheard = hide | ~batch.follows if part == "face" else hide
            condition = stream.condition(speech, reference, batch.starts, batch.speaker, unheard)
            losses = _PartLosses(self, batch, part, stream, condition)
            early = self.training and step < self.options.regress_first
            found = losses.regression() if early else losses.losses(noise)
            total = total + found.pop("sum")
            terms |= {f"{part}_{name}": value for name, value in found.items()}
        return {"loss": total, **terms}


class _PartLosses:
    """The losses of one stream on one batch."""

    def __init__(
        self, owner: GeneratorLosses, batch: Batch, part: str, stream: Stream, condition: Condition
    ) -> None:
        self.options = owner.options
        self.stream, self.condition = stream, condition
        self.tokenizer: MotionTokenizer = owner.tokenizers[part]
        self.real, self.seen = getattr(batch, part), getattr(batch, f"{part}_seen")
        self.importance = getattr(owner, f"{part}_importance")
        self.starts = batch.starts
        # Tokens of frames whose points are mostly unknown are no ground truth.
        self.known = batch.valid & (self.seen.mean(-1) > 0.1)

    def regression(self) -> dict[str, Tensor]:
        """The loss of the motion that speech and reference alone tell."""
        made = self.stream.regressed(self.condition) * self.tokenizer.spread
        loss = self._motion(made)
        return {"sum": self.options.regression * loss, "regression": loss}

    def losses(self, noise: torch.Generator) -> dict[str, Tensor]:
        """All losses by name; "sum" weighs them."""
        tokens = self.tokenizer.encode(self.real)
        found = self.regression()
        base, motion, hits = self._base(tokens[..., 0], noise)
        residual = self._residual(tokens, noise)
        total = found["sum"] + base + residual + self.options.reconstruction * motion
        return {
            "sum": total,
            "base": base,
            "residual": residual,
            "motion": motion,
            "regression": found["regression"],
            "accuracy": hits,
        }

    def _base(self, target: Tensor, noise: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Masked cross-entropy, decoded motion, share of masked tokens hit; target: [B, T]."""
        free = torch.ones_like(target, dtype=torch.bool)
        continues = torch.rand(len(free), generator=noise).to(free.device) < CONTEXT_CHANCE
        free[:, :CONTEXT] = ~(continues & ~self.starts)[:, None]
        chosen = training_mask(free, noise)
        shown = corrupt(target, chosen, self.stream.mask_token, noise)
        logits = self.stream.base_logits(shown, self.condition).float()
        asked = (chosen & self.known).float()
        loss = masked_mean(_cross_entropy(logits, target), asked)
        book = self.tokenizer.quantizer.books[0].codes
        latents = torch.where(chosen[..., None], logits.softmax(-1) @ book, book[target])
        hits = masked_mean((logits.argmax(-1) == target).float(), asked)
        return loss, self._motion(self.tokenizer.decode_latents(latents)), hits

    def _residual(self, tokens: Tensor, noise: torch.Generator) -> Tensor:
        """Cross-entropy of one residual level, drawn at random; tokens: [B, T, Q].

        Low levels are drawn more often, as in MoMask: they move more.
        """
        levels = tokens.shape[-1]
        if levels == 1:
            return self.real.new_zeros(())
        share = float(1 - torch.cos(torch.rand((), generator=noise) * torch.pi / 2))
        level = 1 + min(levels - 2, int(share * (levels - 1)))
        logits = self.stream.residual_logits(tokens[..., :level], self.condition).float()
        return masked_mean(_cross_entropy(logits, tokens[..., level]), self.known.float())

    def _motion(self, made: Tensor) -> Tensor:
        """Loss of motion vectors [B, T, D]: place, velocity and acceleration."""
        spread = self.tokenizer.spread
        place, velocity, acceleration = motion_losses(
            made.float() / spread, self.real / spread, self.seen, self.importance
        )
        return place + VELOCITY * velocity + ACCELERATION * acceleration


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Per token, [B, T]."""
    return F.cross_entropy(logits.transpose(1, 2), target, reduction="none")


def measure_inputs(generator: GestureGenerator, batches: list[Batch]) -> None:
    """Set the generator's input means and spreads from batches of training windows."""
    speech = torch.cat([batch.speech for batch in batches]).flatten(0, 1)
    reference = torch.cat([batch.reference for batch in batches])
    generator.speech_mean.copy_(speech.mean(0))
    generator.speech_std.copy_(speech.std(0).clamp(min=0.1))
    generator.reference_mean.copy_(reference.mean(0))
    generator.reference_std.copy_(reference.std(0).clamp(min=0.02))


def most_heard(clips: list[Clip], rows: int, least: int = 1500) -> list[str]:
    """The persons with most frames, at most ``rows``; fewer than ``least`` (a minute) frames do
    not make a style."""
    frames: Counter[str] = Counter()
    for clip in clips:
        frames[clip.person] += len(clip)
    return [person for person, count in frames.most_common(rows) if count >= least]


def build(
    options: GeneratorTraining, channels: int, encoder: str, tokenizers: Tokenizers
) -> GestureGenerator:
    """An untrained generator of the options' sizes, for these tokenizers."""
    sizes = tokenizers.face.options
    generator = GestureGenerator(
        GeneratorOptions(
            speech_channels=channels,
            speech_encoder=encoder,
            speakers=options.speakers + 1,
            width=options.width,
            heads=options.heads,
            hidden=options.hidden,
            layers=options.layers,
            residual_layers=options.residual_layers,
            speech_layers=options.speech_layers,
            dropout=options.dropout,
            cross_attention=options.cross_attention,
            window=options.data.window,
            codes=sizes.codes,
            levels=sizes.levels,
            code_dim=sizes.code_dim,
        ),
        FACE_DIMS,
        BODY_DIMS,
    )
    generator.face.space.take(tokenizers.face.quantizer)
    generator.body.space.take(tokenizers.body.quantizer)
    return generator


def begin_with(generator: GestureGenerator, alignment: SpeechGestureAlignment) -> None:
    """Take the speech encoders of an alignment, and what it normalises speech by.

    Raises: UsageError where their sizes or their features are not the generator's.
    """
    check_same_features(
        "The alignment",
        alignment.options.speech_encoder,
        "the generator's data set",
        generator.options.speech_encoder,
    )
    for name, stream in generator.streams.items():
        own, other = (asdict(e.options) for e in (stream.speech, alignment.parts[name].speech))
        different = [key for key in own if own[key] != other[key] and key != "dropout"]
        if different:
            said = ", ".join(f"{key} {other[key]} instead of {own[key]}" for key in different)
            raise UsageError(
                f"The alignment's {name} speech encoder does not fit the generator's: {said}. "
                "Train both with the same sizes."
            )
        # `hidden`, which stands in for speech, is the generator's alone.
        taken = alignment.parts[name].speech.state_dict()
        stream.speech.load_state_dict(taken | {"hidden": stream.speech.hidden.data})
    generator.speech_mean.copy_(alignment.speech_mean)
    generator.speech_std.copy_(alignment.speech_std)


def train_generator(options: GeneratorTraining) -> Path:
    """Train both generators of both streams; returns the weights file it wrote (fp16)."""
    clips = synchronised(load_clips(options.data, "train", needs_sound=True))
    held_out = synchronised(load_clips(options.data, "val", needs_sound=True))
    people = most_heard(clips, options.speakers)
    loop, window = options.loop, options.data.window
    sampler = WindowSampler(
        clips, window, options.data.favoured, people, options.known_speaker, seed=loop.seed
    )
    val = WindowSampler(held_out, window, options.data.favoured, augment=False, seed=1)
    tokenizers = load_tokenizers(locate(options.tokenizer))
    speech = clips[0].speech
    assert speech is not None  # load_clips was asked for clips with sound
    torch.manual_seed(loop.seed)
    generator = build(options, speech.shape[1], encoder_of(options.data), tokenizers)
    measure_inputs(generator, [sampler.batch(PROBE + i, 64) for i in range(8)])
    if options.alignment is not None:
        begin_with(generator, load_alignment(locate(options.alignment)))
    module = GeneratorLosses(generator, tokenizers, options)
    val_batches = [val.batch(i, 32) for i in range(4)]

    @torch.no_grad()
    def validate(trained: nn.Module) -> dict[str, float]:
        rows = [trained(batch, i) for i, batch in enumerate(val_batches)]
        return {name: float(sum(row[name] for row in rows)) / len(rows) for name in rows[0]}

    trained = fit(
        module, lambda step, process: sampler.batch(step, loop.batch, process), validate, loop
    )
    path = loop.output / "motion-generator.safetensors"
    save_generator(path, trained.generator, people)
    return path
