"""Train the face and the body tokenizer: `gesticulate train tokenizer`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import UsageError
from ..motion.alignment import PARTS, PartAlignment, SpeechGestureAlignment, distillation
from ..motion.checkpoint import load_alignment, save_tokenizers
from ..motion.tokenizer import MotionTokenizer, TokenizerOptions
from ..weights import locate
from .clips import Batch, WindowSampler
from .data import load_clips
from .loop import fit
from .losses import importance, motion_losses
from .options import TokenizerTraining

# Displacements below this share of a stream's overall spread are mostly the estimator's jitter;
# dividing by less would make the tokenizer learn the jitter of the eye corners.
SPREAD_FLOOR = 0.25
# Steps no training reaches: their batches measure means and spreads.
PROBE = 1_000_000_000


class TokenizerLosses(nn.Module):
    """Both tokenizers and what they are trained on.

    alignment: whose gesture encoders the codes are to be like, where there is one.
    """

    def __init__(
        self, options: TokenizerTraining, alignment: SpeechGestureAlignment | None = None
    ) -> None:
        super().__init__()
        self.options = options
        self.tokenizers = nn.ModuleDict(
            {
                part: MotionTokenizer(
                    TokenizerOptions(
                        dims=dims,
                        width=options.width,
                        blocks=options.blocks,
                        code_dim=options.code_dim,
                        codes=options.codes,
                        levels=options.levels,
                    )
                )
                for part, dims in PARTS.items()
            }
        )
        for part in PARTS:
            self.register_buffer(f"{part}_importance", importance(part), persistent=False)
        self.teachers = nn.ModuleDict()
        self.maps = nn.ModuleDict()
        if alignment is not None:
            for part, teacher in alignment.parts.items():
                self.teachers[part] = teacher.requires_grad_(False)
                width = alignment.options.width
                self.maps[part] = nn.Linear(options.code_dim, width)
                # What the teacher says of all frames alike: the map's bias alone would match it.
                self.register_buffer(f"{part}_usual", torch.zeros(width))
        self.train()

    def train(self, mode: bool = True) -> TokenizerLosses:
        """The teachers stay as they are, without dropout."""
        super().train(mode)
        self.teachers.eval()
        return self

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """The losses by name: reconstruction, velocity, acceleration, commitment of each part."""
        terms: dict[str, Tensor] = {}
        total = batch.face.new_zeros(())
        for part, tokenizer in self.tokenizers.items():
            real, seen = getattr(batch, part), getattr(batch, f"{part}_seen")
            # Frames whose points are mostly unknown teach the codebook nothing.
            valid = batch.valid & (seen.mean(-1) > 0.1)
            if self.training and step < self.options.continuous:
                codes = tokenizer.latents(real)
                made = tokenizer.decode_latents(codes)
                commitment = made.new_zeros(())
            else:
                made, quantized = tokenizer(real, valid)
                codes, commitment = quantized.values, quantized.commitment
            spread = tokenizer.spread
            place, velocity, acceleration = motion_losses(
                made.float() / spread, real / spread, seen, getattr(self, f"{part}_importance")
            )
            total = (
                total
                + place
                + self.options.velocity * velocity
                + self.options.acceleration * acceleration
                + self.options.commitment * commitment
            )
            terms |= {
                f"{part}_place": place,
                f"{part}_velocity": velocity,
                f"{part}_commitment": commitment,
            }
            if part in self.teachers:
                likeness = self._distillation(part, codes, real, valid)
                total = total + self.options.distillation * likeness
                terms[f"{part}_distillation"] = likeness
        return {"loss": total, **terms}

    def _distillation(self, part: str, codes: Tensor, real: Tensor, valid: Tensor) -> Tensor:
        """Equation (2), on what differs from frame to frame.

        codes: [B, T, code_dim], summed over the levels; real: [B, T, D].
        """
        teacher: PartAlignment = self.teachers[part]
        with torch.no_grad():
            taught = teacher.content(real) - getattr(self, f"{part}_usual")
        return distillation(self.maps[part](codes), taught, valid)


def teacher_of(options: TokenizerTraining) -> SpeechGestureAlignment | None:
    """The alignment that the options name, None without distillation.

    Raises: UsageError where only one of `distillation` and `alignment` is given.
    """
    if (options.distillation > 0) != (options.alignment is not None):
        raise UsageError(
            f"Got distillation {options.distillation:g} and alignment {options.alignment!r}. "
            "Distillation needs both a weight above 0 and the weights of an alignment "
            "(`gesticulate train alignment`); without it, leave out both."
        )
    return None if options.alignment is None else load_alignment(locate(options.alignment))


def set_spread(tokenizer: MotionTokenizer, vectors: Tensor, seen: Tensor) -> None:
    """Measure a tokenizer's `spread` on vectors [..., D] where seen [..., D] is 1."""
    rms = (
        (vectors**2 * seen).flatten(0, -2).sum(0) / seen.flatten(0, -2).sum(0).clamp(min=1)
    ).sqrt()
    tokenizer.spread.copy_(rms.clamp(min=SPREAD_FLOOR * float(rms.median())))


def train_tokenizer(options: TokenizerTraining) -> Path:
    """Train both tokenizers; returns the weights file it wrote (fp16 safetensors)."""
    clips = load_clips(options.data, "train")
    held_out = load_clips(options.data, "val")
    sampler = WindowSampler(
        clips, options.data.window, options.data.favoured, seed=options.loop.seed
    )
    val = WindowSampler(held_out, options.data.window, augment=False, seed=1)
    torch.manual_seed(options.loop.seed)
    module = TokenizerLosses(options, teacher_of(options))
    probe = [sampler.batch(PROBE + i, 64) for i in range(8)]
    for part, tokenizer in module.tokenizers.items():
        set_spread(
            tokenizer,
            torch.cat([getattr(batch, part) for batch in probe]),
            torch.cat([getattr(batch, f"{part}_seen") for batch in probe]),
        )
        if part in module.teachers:
            vectors = torch.cat([getattr(batch, part) for batch in probe])
            with torch.no_grad():
                content = module.teachers[part].content(vectors)
            getattr(module, f"{part}_usual").copy_(content.mean((0, 1)))
    val_batches = [val.batch(i, 32) for i in range(3)]

    @torch.no_grad()
    def validate(trained: nn.Module) -> dict[str, float]:
        rows = [trained(batch, 0) for batch in val_batches]
        figures = {name: float(sum(row[name] for row in rows)) / len(rows) for name in rows[0]}
        for part, tokenizer in trained.tokenizers.items():
            tokens = torch.cat([tokenizer.encode(getattr(batch, part)) for batch in val_batches])
            figures |= {
                f"{part}_codes_used_{level + 1}": float(len(tokens[..., level].unique()))
                for level in range(tokens.shape[-1])
            }
        return figures

    trained = fit(
        module,
        lambda step, process: sampler.batch(step, options.loop.batch, process),
        validate,
        options.loop,
    )
    path = options.loop.output / "motion-tokenizer.safetensors"
    save_tokenizers(path, trained.tokenizers["face"], trained.tokenizers["body"])
    return path
