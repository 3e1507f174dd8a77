"""Losses on motion vectors: SmoothL1 on what the data knows, its velocity and acceleration."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..keypoints.layout import FACE_INNER_LIPS, FACE_NOSE_TIP, FACE_OUTER_LIPS, MOTION_ARMS
from ..motion.vectors import BODY_DIMS, FACE_DIMS


def importance(part: str) -> Tensor:
    """How much each dimension of a stream counts, [D], mean 1.

    Lips are what a viewer checks speech against, the place of the head moves everything on it,
    and six arm points carry 42 hand points: left to their numbers, cheeks and fingers would decide.
    """
    if part == "face":
        points = np.ones(FACE_DIMS // 2)
        points[FACE_OUTER_LIPS] = points[FACE_INNER_LIPS] = 3.0
        points[FACE_NOSE_TIP] = 6.0
    else:
        points = np.ones(BODY_DIMS // 2)
        points[: MOTION_ARMS.stop - MOTION_ARMS.start] = 4.0
    return torch.from_numpy(np.repeat(points / points.mean(), 2)).float()


def motion_losses(
    made: Tensor, real: Tensor, seen: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """SmoothL1 of the vectors, of their velocity and of their acceleration; three scalars.

    made, real: [B, T, D] in units of the training set's spread. seen: [B, T, D], 1 where the data
    knows. weight: [D]. A difference over time counts where all its frames are known.
    """
    terms = []
    for _ in range(3):
        error = F.smooth_l1_loss(made, real, reduction="none", beta=0.5)
        terms.append((error * seen * weight).sum() / seen.sum().clamp(min=1))
        made, real = made.diff(dim=1), real.diff(dim=1)
        seen = seen[:, 1:] * seen[:, :-1]
    return terms[0], terms[1], terms[2]


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of values where the mask is set; 0 where it never is."""
    return (values * mask).sum() / mask.sum().clamp(min=1)
