"""SRGR: semantic-relevant gesture recall.

Liu et al., "BEAT", ECCV 2022: PCK with every frame weighted by how much the speech
there means something that a gesture can show,

    D = lambda * sum_t sum_j 1[|p_tj - p^_tj| < delta] / (T J)

with delta = 0.1. Their program takes lambda as the frame's annotated score over 0.165, the mean
score of their data, and the distance as the L1 sum of coordinates; its successor (emage_evaltools)
takes the L2 norm. Scores must be annotated: without them every frame counts alike and the number
is `pcm.pcm`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from .joints import Joints, same_frames

THRESHOLD = 0.1  # Shoulder widths; BEAT's are metres.
MEAN_SCORE = 0.165


def srgr(
    real: Joints,
    generated: Joints,
    semantics: np.ndarray,
    threshold: float = THRESHOLD,
    distance: Literal["l1", "l2"] = "l1",
    mean_score: float = MEAN_SCORE,
) -> float:
    """>= 0, higher is better; 1 is a motion that is right wherever it matters, where the scores'
    mean is ``mean_score``.

    real, generated: of one speech, frame by frame. semantics: [T] scores in 0..1. distance: l1
    is BEAT's program, l2 its successor's. Joints count where the real motion shows them; NaN
    where it shows none.
    """
    known = same_frames(real, generated)
    if np.shape(semantics) != (len(real),):
        raise ValueError(f"semantics must be [{len(real)}], got {list(np.shape(semantics))}")
    order = 1 if distance == "l1" else 2
    right = np.linalg.norm(real.points - generated.points, ord=order, axis=-1) < threshold
    weight = np.broadcast_to(np.asarray(semantics, float)[:, None] / mean_score, right.shape)
    return float((right * weight)[known].mean()) if known.any() else float("nan")
