"""BAS: the beat alignment score.

Li et al., "AI Choreographer", ICCV 2021 (AIST++): how near the beats of motion and sound are,
exp(-d^2 / (2 sigma^2)) of each beat's distance to the nearest one of the other side, averaged. A
motion beat is a local minimum of the joints' mean speed. As in the program of Siyao et al.,
"Bailando", CVPR 2022, which gesture papers use: the speed is smoothed by a Gaussian of 5 frames,
sigma is 3 frames, and the average is over the beats of the sound; Li et al.'s formula averages over
those of the motion (``over="motion"``). Both constants are frames: of 60 a second in the dance data
they come from, of 25 here, where they are 200 ms and 120 ms long.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import argrelextrema

from .beats import closeness
from .joints import Joints

SMOOTHING, TOLERANCE = 5.0, 3.0  # Frames.


def motion_beats(joints: Joints, smoothing: float = SMOOTHING) -> np.ndarray:
    """[N] seconds at which the mean speed of all joints is lowest. smoothing: frames."""
    speed = joints.speed()
    known = np.isfinite(speed)
    frames = np.flatnonzero(known.any(axis=1))
    if not len(frames):
        return np.zeros(0)
    mean = np.where(known, speed, 0).sum(axis=1)[frames] / known.sum(axis=1)[frames]
    # Frames that show no joint take the speed between their neighbours'.
    filled = np.interp(np.arange(len(speed)), frames, mean)
    lowest = argrelextrema(gaussian_filter1d(filled, smoothing), np.less)[0]
    # speed[t] is that of the step from t to t + 1.
    return (lowest + 0.5) / joints.fps


def beat_alignment(
    sound: np.ndarray,
    motion: np.ndarray,
    fps: float,
    tolerance: float = TOLERANCE,
    over: Literal["sound", "motion"] = "sound",
) -> float:
    """0..1, 1 where every beat has one of the other side at the same time.

    sound: [N] seconds, see `beats.sound_beats`. motion: [M] seconds, see `motion_beats`. fps: of
    the motion. tolerance: sigma in frames. over: whose beats are averaged. NaN where that side
    has none; 0 where the other has none.
    """
    times, others = (sound, motion) if over == "sound" else (motion, sound)
    if not len(times):
        return float("nan")
    return float(closeness(times, others, tolerance / fps).mean())
