"""How sure a mean is: the percentile bootstrap (Efron and Tibshirani 1993, chapter 13)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ROUNDS, LEVEL = 2000, 0.95


def mean_interval(
    values: Sequence[float], weights: Sequence[float] | None = None, seed: int = 0
) -> tuple[float, float]:
    """The interval that holds the weighted mean of what the values are drawn from, in 95 of 100
    cases: of the means of `ROUNDS` samples with replacement. NaN values are left out; (NaN, NaN)
    of fewer than two others."""
    rows = np.array([values, weights if weights is not None else np.ones(len(values))], float)
    known, weight = rows[:, np.isfinite(rows[0])]
    if len(known) < 2 or weight.sum() <= 0:
        return float("nan"), float("nan")
    drawn = np.random.default_rng(seed).integers(len(known), size=(ROUNDS, len(known)))
    total = weight[drawn].sum(axis=1)
    means = (known * weight)[drawn].sum(axis=1)[total > 0] / total[total > 0]
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
