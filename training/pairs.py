"""Pairs of speech and motion for the alignment, with the order of their chronological negatives.

Every batch is a function of (seed, step, process) alone, as those of clips.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from ..datasets.load import mirrored
from ..errors import InputError
from ..motion.chronology import boundaries, cuts, shuffled
from ..motion.vectors import shows, to_vectors
from .clips import Clip, augment_speech


@dataclass(frozen=True)
class Pairs:
    """B windows of T frames with their speech.

    face: [B, T, 136], body: [B, T, 96] motion vectors. face_shown, body_shown: [B] bool, the
    stream is seen, and its lips go with the sound. speech: [B, T, C]. orders: [B, M, T] int64, the
    speech's frames in M other orders.
    """

    face: Tensor
    body: Tensor
    face_shown: Tensor
    body_shown: Tensor
    speech: Tensor
    orders: Tensor

    def to(self, device: torch.device) -> Pairs:
        """The same on another device."""
        return Pairs(*(getattr(self, f.name).to(device) for f in fields(self)))

    @property
    def negatives(self) -> Tensor:
        """The speech in its other orders, [B, M, T, C]."""
        rows = torch.arange(len(self.speech), device=self.speech.device)
        return self.speech[rows[:, None, None], self.orders]


class PairSampler:
    """Draws batches of pairs, each pair of another clip as far as there are enough of them.

    Clips shorter than the window are left out: padded, the two sides would find each other by
    where they end. orders: chronological negatives for each pair. favoured: as in
    `WindowSampler`.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        window: int,
        orders: int,
        favoured: dict[str, float] | None = None,
        augment: bool = True,
        seed: int = 0,
    ) -> None:
        self.clips = [c for c in clips if c.speech is not None and len(c) >= window]
        if len(self.clips) < 2:
            raise InputError(
                f"Of {len(clips)} clips, {len(self.clips)} have sound and at least {window} "
                "frames. The alignment compares clips: build a data set with more of them, or "
                "choose a smaller window."
            )
        self.window, self.orders, self.augment, self.seed = window, orders, augment, seed
        self.cuttable = [boundaries(_speech(c), c.words) for c in self.clips]
        favoured = favoured or {}
        weight = np.array([len(clip) * favoured.get(clip.kind, 1.0) for clip in self.clips])
        self.chance = weight / weight.sum()

    def batch(self, step: int, size: int, process: int = 0) -> Pairs:
        """The batch of a step: ``size`` pairs."""
        rng = np.random.default_rng((self.seed, step, process))
        chosen: list[int] = []
        while len(chosen) < size:
            count = min(size - len(chosen), int((self.chance > 0).sum()))
            chosen += rng.choice(len(self.clips), count, replace=False, p=self.chance).tolist()
        return _stacked(
            [
                self._pair(i, int(rng.integers(len(self.clips[i]) - self.window + 1)), rng)
                for i in chosen
            ]
        )

    def all(self) -> Pairs:
        """Every clip cut into windows that do not overlap. Always the same."""
        rng = np.random.default_rng(self.seed)
        return _stacked(
            [
                self._pair(i, start, rng)
                for i, clip in enumerate(self.clips)
                for start in range(0, len(clip) - self.window + 1, self.window)
            ]
        )

    def _pair(self, number: int, start: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        clip = self.clips[number]
        frames = slice(start, start + self.window)
        points, confidence = clip.points[frames], clip.confidence[frames]
        speech = _speech(clip)[frames]
        if self.augment:
            if rng.random() < 0.5:
                points, confidence = mirrored(points, confidence)
            speech = augment_speech(speech, rng)
        face, body = to_vectors(points)
        at = cuts(self.cuttable[number][frames])
        orders = [shuffled(self.window, at, rng) for _ in range(self.orders)]
        return (
            face,
            body,
            np.array(clip.follows and shows(confidence, "face")),
            np.array(shows(confidence, "body")),
            speech.astype(np.float32),
            np.array(orders, dtype=np.int64).reshape(self.orders, self.window),
        )


def _speech(clip: Clip) -> np.ndarray:
    assert clip.speech is not None  # PairSampler keeps only those with sound
    return clip.speech


def _stacked(pairs: list[tuple[np.ndarray, ...]]) -> Pairs:
    return Pairs(*(torch.from_numpy(np.stack(column)) for column in zip(*pairs, strict=True)))
