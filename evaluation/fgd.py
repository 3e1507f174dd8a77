"""FGD: the Frechet gesture distance.

Yoon et al., "Speech Gesture Generation from the Trimodal Context of Text, Audio, and Speaker
Identity", ACM TOG 2020: the Frechet distance between the latents of real and of generated windows
of motion. 0 is best. The network is `motion_autoencoder.py`'s, for 2D whole bodies; as in the
programs of Trimodal, HA2G and DiffGesture a latent describes a whole window, not (as in EMAGE) a
few of its frames. Overlapping windows are taken, a new one every 8 frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from ..keypoints.layout import NUM_MOTION_POINTS
from ..keypoints.motion import Motion
from ..keypoints.person import REST
from .frechet import set_distance
from .joints import FPS
from .motion_autoencoder import STRIDE, MotionAutoencoder


def fgd(
    real: Sequence[Motion],
    generated: Sequence[Motion],
    autoencoder: MotionAutoencoder,
    stride: int = STRIDE,
) -> float:
    """>= 0. real, generated: any clips, not necessarily of the same speech. stride: frames from
    window to window. Few windows bias the distance upwards: compare sets of the same size.

    Raises: InputError where one side has fewer than two windows.
    """
    sides = [autoencoder.latents(side, stride) for side in (real, generated)]
    for name, latents in zip(("real", "generated"), sides, strict=True):
        if len(latents) < 2:
            raise InputError(
                f"FGD needs 2 windows of {autoencoder.options.window} frames (1.3 s) on each "
                f"side, the {name} motions have {len(latents)}. Give longer clips or more of them."
            )
    return set_distance(*sides)


def known_sets() -> tuple[list[Motion], list[Motion]]:
    """Two sets of motions that are the same on every machine: slow and quick waves, all points."""
    frames, points = 200, np.arange(NUM_MOTION_POINTS)
    time = np.arange(frames)[:, None] / FPS
    sets: list[list[Motion]] = []
    for quickness in (1.0, 1.5):
        motions = []
        for clip in range(8):
            phase = 0.7 * points + clip
            turns = 2 * np.pi * time * (0.3 + 0.05 * clip) * quickness + phase
            waves = 0.1 * np.stack([np.sin(turns), np.cos(1.3 * turns)], axis=-1)
            motions.append(Motion(REST + waves, np.ones((frames, NUM_MOTION_POINTS)), FPS))
        sets.append(motions)
    return sets[0], sets[1]


def known_distance(autoencoder: MotionAutoencoder) -> float:
    """FGD of `known_sets`, which tells weights from each other."""
    return fgd(*known_sets(), autoencoder)
