"""Train the speech-gesture alignment: `gesticulate train alignment`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ..evaluation.retrieval import recall_table
from ..motion.alignment import (
    PARTS,
    AlignmentOptions,
    PartAlignment,
    SpeechGestureAlignment,
    contrast,
)
from ..motion.checkpoint import save_alignment
from .data import encoder_of, load_clips, load_words
from .loop import fit
from .options import AlignmentTraining
from .pairs import Pairs, PairSampler
from .sync import synchronised
from .tokenizer import PROBE

# Displacements below this share of a stream's overall spread are mostly the estimator's jitter.
SPREAD_FLOOR = 0.25


class AlignmentLosses(nn.Module):
    """The alignment, and equation (1) of Contextual Gesture with chronological negatives."""

    def __init__(self, alignment: SpeechGestureAlignment, temperature: float) -> None:
        super().__init__()
        self.alignment = alignment
        self.temperature = temperature

    def forward(self, pairs: Pairs, step: int) -> dict[str, Tensor]:
        """The losses by name.

        "order": share of clips to which their own speech is nearer than in another order (chance:
        0.5). "order_elsewhere": the same with the motion of another clip, for which no order is
        right. Far from 0.5, it says that cuts are heard as such, and "order" is worth as much less.
        """
        speech = self.alignment.normalise(pairs.speech)
        negatives = self.alignment.normalise(pairs.negatives)
        terms: dict[str, Tensor] = {}
        for name, part in self.alignment.parts.items():
            shown = getattr(pairs, f"{name}_shown")
            terms |= {
                f"{name}_{term}": value
                for term, value in self._part(
                    part, getattr(pairs, name)[shown], speech[shown], negatives[shown]
                ).items()
            }
        return {"loss": terms["face_contrast"] + terms["body_contrast"], **terms}

    def _part(
        self, part: PartAlignment, vectors: Tensor, speech: Tensor, negatives: Tensor
    ) -> dict[str, Tensor]:
        """One stream. vectors: [B, T, D]; speech: [B, T, C]; negatives: [B, M, T, C]."""
        count, orders = negatives.shape[:2]
        if count < 2:  # nothing to compare with; a loss all the same, that a step can go down
            return {"contrast": 0 * next(part.parameters()).sum()}
        gestures = part.embed_gesture(vectors)
        heard = part.embed_speech(torch.cat([speech, negatives.flatten(0, 1)]))
        speeches, others = heard[:count], heard[count:].unflatten(0, (count, orders))
        # Cosines that decide between near ones differ by less than bfloat16 can tell.
        with torch.autocast(vectors.device.type, enabled=False):
            if not orders:
                return {"contrast": contrast(gestures, speeches, self.temperature)}
            return {
                "contrast": contrast(gestures, speeches, self.temperature, others),
                "order": in_order(gestures, speeches, others),
                "order_elsewhere": in_order(gestures.roll(1, 0), speeches, others),
            }


def in_order(gestures: Tensor, speeches: Tensor, others: Tensor) -> Tensor:
    """Share of gestures [B, E] nearer to their speech [B, E] than to its other orders [B, M, E]."""
    own = (gestures * speeches).sum(-1, keepdim=True)
    return (own > torch.einsum("be,bme->bm", gestures, others)).float().mean()


@torch.no_grad()
def measure_inputs(alignment: SpeechGestureAlignment, pairs: Pairs) -> None:
    """Set the alignment's means and spreads from training pairs."""
    speech = pairs.speech.flatten(0, 1)
    alignment.speech_mean.copy_(speech.mean(0))
    alignment.speech_std.copy_(speech.std(0).clamp(min=0.1))
    for name, part in alignment.parts.items():
        shown = getattr(pairs, f"{name}_shown")
        vectors = getattr(pairs, name)[shown if shown.any() else slice(None)].flatten(0, 1)
        spread = vectors.std(0)
        part.mean.copy_(vectors.mean(0))
        part.spread.copy_(spread.clamp(min=max(1e-4, SPREAD_FLOOR * float(spread.median()))))


def windows(pairs: Pairs) -> dict[str, tuple[Tensor, Tensor]]:
    """Motion vectors [B, T, D] and speech [B, T, C] of the pairs that show each stream."""
    found = {}
    for part in PARTS:
        shown = getattr(pairs, f"{part}_shown")
        found[part] = (getattr(pairs, part)[shown], pairs.speech[shown])
    return found


def build(options: AlignmentTraining, channels: int, encoder: str) -> SpeechGestureAlignment:
    """An untrained alignment of the options' sizes."""
    return SpeechGestureAlignment(
        AlignmentOptions(
            speech_channels=channels,
            speech_encoder=encoder,
            width=options.width,
            heads=options.heads,
            hidden=options.hidden,
            layers=options.layers,
            dropout=options.dropout,
            embedding=options.embedding,
            waves=options.waves,
            window=options.data.window,
        )
    )


def train_alignment(options: AlignmentTraining) -> Path:
    """Train both streams; returns the weights file it wrote (fp16)."""
    loop, window = options.loop, options.data.window
    words = load_words(options.words)
    samplers = {}
    for split, orders, seed in (("train", options.chronological, loop.seed), ("val", 1, 1)):
        samplers[split] = PairSampler(
            synchronised(load_clips(options.data, split, needs_sound=True, words=words)),
            window,
            orders,
            options.data.favoured if split == "train" else None,
            augment=split == "train",
            seed=seed,
        )
    train, val = samplers["train"], samplers["val"].all()
    torch.manual_seed(loop.seed)
    alignment = build(options, val.speech.shape[-1], encoder_of(options.data))
    measure_inputs(alignment, train.batch(PROBE, 256))
    module = AlignmentLosses(alignment, options.temperature)

    @torch.no_grad()
    def validate(trained: nn.Module) -> dict[str, float]:
        """Losses and recall on the whole of `val`, every window once."""
        pairs = val.to(trained.alignment.speech_mean.device)
        figures = {name: float(value) for name, value in trained(pairs, 0).items()}
        for part, recall in recall_table(trained.alignment, windows(pairs)).items():
            for direction, shares in (
                (f"speech_{part}", recall.forth),
                (f"{part}_speech", recall.back),
            ):
                figures |= {f"{direction}_recall_{k}": share for k, share in shares.items()}
        return figures

    trained = fit(
        module, lambda step, process: train.batch(step, loop.batch, process), validate, loop
    )
    path = loop.output / "motion-alignment.safetensors"
    save_alignment(path, trained.alignment)
    return path
