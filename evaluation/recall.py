"""Retrieval recall: does a gesture find its own speech among others, and the speech its gesture?

As in Petrovich et al., "TMR", ICCV 2023, protocol (d) "small batches" after Guo et al., CVPR 2022,
which Contextual Gesture's alignment follows: the set is cut at random into batches of 32 pairs,
each item ranks the 32 of the other side by cosine similarity, and R@k is the share of items whose
partner is among the first k. Chance is k / 32. The last batch, where it is not full, is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Recall:
    """forth, back: by k, the share in 0..1 of first-side items that find their partner among the
    first k of the second side, and the other way round. batch: pairs ranked together. pairs: that
    were compared, over all rounds."""

    forth: dict[int, float]
    back: dict[int, float]
    batch: int
    pairs: int

    def chance(self, k: int) -> float:
        """What unrelated embeddings reach."""
        return min(1.0, k / self.batch)


def recall(
    first: np.ndarray,
    second: np.ndarray,
    ks: tuple[int, ...] = (1, 2, 3, 5, 10),
    batch: int = 32,
    rounds: int = 10,
    seed: int = 0,
) -> Recall:
    """first, second: [N, D] embeddings, row i of the one belongs to row i of the other (speech and
    gesture, say). batch: a smaller set is one batch. rounds: random cuts into batches that are
    averaged. Half of those that are as similar as the partner are taken to be better, so that
    constant embeddings find nobody."""
    first, second = (np.asarray(side, dtype=np.float64) for side in (first, second))
    if first.ndim != 2 or first.shape != second.shape or len(first) < 2:
        raise ValueError(
            f"embeddings must be two [N, D] of one shape with N of 2 or more, got "
            f"{list(first.shape)} and {list(second.shape)}"
        )
    first, second = (
        side / np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-12)
        for side in (first, second)
    )
    batch = min(batch, len(first))
    random = np.random.default_rng(seed)
    ranks: list[np.ndarray] = []
    for _ in range(rounds):
        order = random.permutation(len(first))
        for start in range(0, len(order) - batch + 1, batch):
            chosen = order[start : start + batch]
            similar = first[chosen] @ second[chosen].T
            ranks.append(np.stack([_ranks(similar), _ranks(similar.T)]))
    both = np.concatenate(ranks, axis=1)
    forth, back = ({k: float((side < k).mean()) for k in ks} for side in both)
    return Recall(forth, back, batch, both.shape[1])


def _ranks(similar: np.ndarray) -> np.ndarray:
    """[B, B] similarities, row i's partner in column i -> [B] how many are better, from 0."""
    own = np.diag(similar)[:, None]
    tied = np.isclose(similar, own, rtol=0, atol=1e-9)
    better = ((similar > own) & ~tied).sum(axis=1)
    return better + (tied.sum(axis=1) - 1) / 2
