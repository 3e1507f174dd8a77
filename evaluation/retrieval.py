"""Retrieval recall of an alignment, as Contextual Gesture measures it (appendix F)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..motion.alignment import SpeechGestureAlignment
from .recall import Recall, recall

# Windows at a time.
PIECE = 64


@torch.no_grad()
def recall_table(
    alignment: SpeechGestureAlignment,
    windows: Mapping[str, tuple[Tensor, Tensor]],
    ranks: tuple[int, ...] = tuple(range(1, 11)),
    batch: int = 32,
) -> dict[str, Recall]:
    """Recall of each stream, `forth` from speech to gesture.

    windows: "face", "body" -> motion vectors [N, T, D] and speech features [N, T, C], row i of
    the one with row i of the other. batch: as in `recall`; 32 is the paper's setting (b). A stream
    with fewer than two windows is left out.
    """
    table = {}
    for name, (vectors, speech) in windows.items():
        if len(vectors) < 2:
            continue
        part = alignment.parts[name]
        heard = [part.embed_speech(alignment.normalise(piece)) for piece in speech.split(PIECE)]
        moved = [part.embed_gesture(piece) for piece in vectors.split(PIECE)]
        table[name] = recall(
            torch.cat(heard).cpu().numpy(), torch.cat(moved).cpu().numpy(), ranks, batch
        )
    return table
