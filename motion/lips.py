"""Silence closes the mouth: voice activity gates the opening of the lips."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from ..keypoints.layout import FACE_CHIN, MOTION_FACE
from ..keypoints.motion import Motion

# Pairs of upper and lower lip points, counted from the first face point (iBUG 300-W order).
UPPER_INNER, LOWER_INNER = [60, 61, 62, 63, 64], [60, 67, 66, 65, 64]
UPPER_OUTER, LOWER_OUTER = [49, 50, 51, 52, 53], [59, 58, 57, 56, 55]
MIDDLE = slice(1, 4)
# The chin and its neighbours go with the lower lip, less and less to the sides.
CHIN = [FACE_CHIN + i for i in range(-4, 5)]
CHIN_SHARE = 0.8 * np.cos(np.linspace(-0.5, 0.5, len(CHIN)) * np.pi) ** 2
# When the mouth closes, the lower lip does most of the way.
LOWER_SHARE = 0.75
# A voice begins a little after the lips have opened, and lips close a little after it ended.
LEAD_SECONDS = 0.08
# Standard deviation of the smoothing: 10 to 90 % of the transition takes 2.56 times as long.
SOFTNESS_SECONDS = 0.04


def gate(voice: np.ndarray, fps: float) -> np.ndarray:
    """How far the lips may open, [T] in 0..1, from voice activity, [T] in 0..1.

    1 around speech and 0 in silence; the transition takes about 100 ms, and pauses shorter than
    twice `LEAD_SECONDS` leave the mouth open.
    """
    reach = 2 * round(LEAD_SECONDS * fps) + 1
    speaking = maximum_filter1d((np.asarray(voice) >= 0.5).astype(np.float64), reach)
    return gaussian_filter1d(speaking, SOFTNESS_SECONDS * fps, mode="nearest")


def opening(motion: Motion) -> np.ndarray:
    """The gap between the inner lips along the face's own downward axis, [T], shoulder widths.

    Negative where the lips cross.
    """
    face = motion.points[:, MOTION_FACE]
    gaps = face[:, LOWER_INNER[MIDDLE]] - face[:, UPPER_INNER[MIDDLE]]
    return np.einsum("tpc,tc->tp", gaps, _down(face)).mean(axis=1)


def close_lips(motion: Motion, share: np.ndarray) -> Motion:
    """The motion with each frame's lips closed by a share, [T]: 0 as they are, 1 closed.

    Only the gap is taken away, along the face's downward axis: the width of the mouth, the head
    and the rest of the face stay. Lips that cross are pulled apart, whatever the share.
    """
    points = motion.points.copy()
    face = points[:, MOTION_FACE]
    down = _down(face)
    gap = np.einsum("tpc,tc->tp", face[:, LOWER_INNER] - face[:, UPPER_INNER], down)
    take = np.where(gap > 0, gap * np.clip(share, 0, 1)[:, None], gap)
    # The outer points lie next to the inner ones; at the corners nothing moves.
    for upper, lower in ((UPPER_INNER, LOWER_INNER), (UPPER_OUTER, LOWER_OUTER)):
        inner = slice(1, 4) if upper is UPPER_INNER else slice(None)
        amount = take[:, inner] if upper is UPPER_INNER else _spread(take)
        face[:, np.array(upper)[inner]] += (1 - LOWER_SHARE) * amount[..., None] * down[:, None]
        face[:, np.array(lower)[inner]] -= LOWER_SHARE * amount[..., None] * down[:, None]
    drop = LOWER_SHARE * take[:, MIDDLE].mean(axis=1)
    face[:, CHIN] -= drop[:, None, None] * CHIN_SHARE[:, None] * down[:, None]
    return Motion(points, motion.confidence, motion.fps)


def _spread(take: np.ndarray) -> np.ndarray:
    """What the five outer points of a lip move, [T, 5], from the five inner pairs', [T, 5].

    The inner row's ends are its corners; the outer row's ends lie between corner and middle.
    """
    side = 0.5 * (take[:, [1, 3]] + take[:, [0, 4]])
    return np.concatenate([side[:, :1], take[:, MIDDLE], side[:, 1:]], axis=1)


def _down(face: np.ndarray) -> np.ndarray:
    """The face's downward axis, [T, 2]: across the line between the outer eye corners."""
    across = face[:, 45] - face[:, 36]
    down = np.stack([-across[:, 1], across[:, 0]], axis=1)
    return down / np.maximum(np.linalg.norm(down, axis=1, keepdims=True), 1e-6)
