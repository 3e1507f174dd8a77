"""Blinks: the eyelids close for a quarter of a second every few seconds."""

from __future__ import annotations

import numpy as np

from ..keypoints.layout import MOTION_FACE
from ..keypoints.motion import Motion

# Upper and lower eyelid points of both eyes, counted from the first face point.
UPPER_LID, LOWER_LID = [37, 38, 43, 44], [41, 40, 47, 46]
# Speakers blink about 20 times a minute (Bentivoglio et al., "Analysis of blink rate patterns in
# normal subjects", Movement Disorders 1997: 26 in conversation, 17 at rest).
SECONDS_BETWEEN = (1.6, 4.6)
# Lids close in about 90 ms and open in about twice that: shares of closure at 25 frames a second.
CLOSURE = np.array([0.35, 0.85, 1.0, 0.8, 0.5, 0.25, 0.08])
CLOSURE_FPS = 25.0


def closure(count: int, fps: float, rng: np.random.Generator) -> np.ndarray:
    """How far the lids are closed in each of ``count`` frames, [T] in 0..1; the first is open."""
    seconds = np.arange(len(CLOSURE)) / CLOSURE_FPS
    closed = np.zeros(count)
    time = np.arange(count) / fps
    start = float(rng.uniform(*SECONDS_BETWEEN))
    while start < count / fps:
        blink = np.interp(time - start, seconds, CLOSURE, left=0, right=0)
        closed = np.maximum(closed, blink)
        start += float(rng.uniform(*SECONDS_BETWEEN))
    if count:
        closed[0] = 0
    return closed


def add_blinks(motion: Motion, closed: np.ndarray) -> Motion:
    """The motion with the upper lids moved down to the lower ones by a share, [T] in 0..1."""
    points = motion.points.copy()
    face = points[:, MOTION_FACE]
    upper, lower = face[:, UPPER_LID], face[:, LOWER_LID]
    # The lower lid rises a little to meet the upper one.
    meet = 0.85 * lower + 0.15 * upper
    share = closed[:, None, None]
    face[:, UPPER_LID] = upper + share * (meet - upper)
    face[:, LOWER_LID] = lower + share * (meet - lower)
    return Motion(points, motion.confidence, motion.fps)
