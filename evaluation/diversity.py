"""Diversity: how much motions differ from each other. Papers mean four incompatible numbers by it.

- `latent_diversity`: Lee et al., "Dancing to Music", NeurIPS 2019, the mean feature distance
  between generated clips; in the programs of HA2G (CVPR 2022) and DiffGesture (CVPR 2023) the L1
  sum between 500 random pairs of the autoencoder's latents. Contextual Gesture's "Div." follows it.
- `pose_diversity`: Chen et al., "DiffSHEG", CVPR 2024: clips in groups of 50, the mean |a - b| of
  all pairs of their poses.
- `seed_diversity`: Yi et al., "TalkSHOW", CVPR 2023: the same within one speech, between motions
  of different seeds.
- `l1div.l1div`: EMAGE's, within one clip.

Higher is more, not better: noise is diverse. Read all beside the real motions'.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal

import numpy as np

from ..keypoints import layout
from ..keypoints.motion import Motion

PAIRS, GROUP = 500, 50


def latent_diversity(
    latents: np.ndarray,
    pairs: int = PAIRS,
    distance: Literal["l1", "l2"] = "l1",
    seed: int = 0,
) -> float:
    """latents: [N, D] of clips. pairs: drawn at random, each of two different clips. distance:
    l1 as in HA2G and DiffGesture, l2 as in Lee et al."""
    count = len(latents)
    if count < 2:
        raise ValueError(f"diversity needs at least 2 clips, got {count}")
    random = np.random.default_rng(seed)
    first = random.integers(count, size=pairs)
    second = (first + random.integers(1, count, size=pairs)) % count
    apart = np.asarray(latents, np.float64)[first] - np.asarray(latents, np.float64)[second]
    return float(np.linalg.norm(apart, ord=1 if distance == "l1" else 2, axis=1).mean())


def pose_diversity(clips: Sequence[np.ndarray], group: int = GROUP) -> float:
    """clips: [T, K, 2] each, of one length, in shoulder widths. group: clips whose pairs are all
    compared; a rest of one clip is left out."""
    if len(clips) < 2:
        raise ValueError(f"diversity needs at least 2 clips, got {len(clips)}")
    shapes = sorted({clip.shape for clip in clips})
    if len(shapes) > 1:
        raise ValueError(
            f"clips must be of one shape, got {' and '.join(map(str, map(list, shapes)))}"
        )
    groups = [clips[start : start + group] for start in range(0, len(clips), group)]
    pairs = [pair for one in groups for pair in combinations(one, 2)]
    return float(np.mean([np.abs(a - b).mean(dtype=np.float64) for a, b in pairs]))


def seed_diversity(motions: Sequence[Motion], points: slice = layout.MOTION_BODY) -> float:
    """Mean absolute difference of coordinates over all pairs of motions of one speech, in shoulder
    widths. Zero where the seed changes nothing.

    motions: at least two of one length, from different seeds. points: which of the 116.
    """
    return pose_diversity([motion.points[:, points] for motion in motions], len(motions))
