"""The Frechet distance between two Gaussians: what FGD, FID and FVD share.

Dowson and Landau 1982; as a metric of generated pictures Heusel et al., "GANs Trained by a Two
Time-Scale Update Rule", NeurIPS 2017:

    d^2 = |m1 - m2|^2 + Tr(C1 + C2 - 2 (C1 C2)^(1/2))

The trace of the root is taken from the eigenvalues of C1^(1/2) C2 C1^(1/2), which are real and not
negative, so that it also holds for fewer samples than dimensions, where the usual `sqrtm` of C1 C2
fails and programs add a small number to the covariances (`epsilon`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Gaussian:
    """mean: [D]. covariance: [D, D], of samples (divided by N - 1). count: N."""

    mean: np.ndarray
    covariance: np.ndarray
    count: int

    @classmethod
    def of(cls, features: np.ndarray) -> Gaussian:
        """features: [N, D], N of 2 or more."""
        features = np.asarray(features, dtype=np.float64)
        if features.ndim != 2 or len(features) < 2 or not np.isfinite(features).all():
            raise ValueError(
                "features must be [N, D] finite numbers with N of 2 or more, got "
                f"{list(features.shape)}"
            )
        centred = features - features.mean(axis=0)
        covariance = centred.T @ centred / (len(features) - 1)
        return cls(features.mean(axis=0), covariance, len(features))


def frechet_distance(a: Gaussian, b: Gaussian, epsilon: float = 0.0) -> float:
    """The squared distance, >= 0.

    epsilon: added to the diagonals of both covariances inside the root, as EMAGE's program does
    with 1e-6; here nothing needs it.
    """
    if a.mean.shape != b.mean.shape:
        raise ValueError(f"features of {len(a.mean)} and {len(b.mean)} dimensions do not compare")
    extra = epsilon * np.eye(len(a.mean))
    values, vectors = np.linalg.eigh(a.covariance + extra)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    product = np.linalg.eigvalsh(root @ (b.covariance + extra) @ root)
    crossed = 2 * np.sqrt(np.maximum(product, 0)).sum()
    gap = float(np.square(a.mean - b.mean).sum())
    return max(0.0, gap + float(np.trace(a.covariance) + np.trace(b.covariance) - crossed))


def set_distance(real: np.ndarray, generated: np.ndarray, epsilon: float = 0.0) -> float:
    """`frechet_distance` of two sets of features, [N, D] and [M, D]."""
    return frechet_distance(Gaussian.of(real), Gaussian.of(generated), epsilon)
