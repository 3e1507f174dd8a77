"""Strokes of the hands: what a gesture rate counts.

A stroke is the quick part of a gesture (Kendon, "Gesture: Visible Action as Utterance", 2004;
Kita et al., "Movement phases in signs and co-speech gestures", 1998): the hand sets off, is
fastest about the middle, and slows down before what follows. So a stroke is counted where the speed
of the faster wrist has a peak that stands out from both sides by half of its height at least. Half
of its own height: how large somebody gestures says nothing about how often.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from ..keypoints import layout
from ..keypoints.motion import Motion
from .vectors import SEEN

_ARM = layout.MOTION_ARMS.start - layout.LEFT_SHOULDER
# Elbows, wrists and hands: what gestures. Shoulders carry the head, which has its own ways.
GESTURING = slice(_ARM + layout.LEFT_ELBOW, layout.MOTION_BODY.stop)
WRISTS = (_ARM + layout.LEFT_WRIST, _ARM + layout.RIGHT_WRIST)
# Standard deviation of the smoothing, in seconds, which takes the jitter of estimated points out
# and leaves strokes, which last 0.3 s and more.
SMOOTHING = 0.1
# Shoulder widths a second below which nobody sees a stroke, and how far a peak stands out.
SLOWEST, OUTSTANDING = 0.15, 0.5
# A stroke's second half is no longer than this, in seconds, and a hand has stopped below this share
# of the stroke's speed.
APEX_SECONDS, STOPPED = 0.6, 0.2


def wrist_speed(motion: Motion) -> np.ndarray:
    """The faster wrist's speed at each frame, [T] in shoulder widths a second; 0 where neither
    wrist is seen."""
    if len(motion) < 2:
        return np.zeros(len(motion))
    points = motion.points[:, WRISTS].astype(np.float64)
    smooth = gaussian_filter1d(points, SMOOTHING * motion.fps, axis=0, mode="nearest")
    speed = np.linalg.norm(np.gradient(smooth, axis=0), axis=-1) * motion.fps
    seen = motion.confidence[:, WRISTS] > SEEN
    # A wrist that comes into view or leaves it has jumped from or to the rest pose.
    unsure = gaussian_filter1d((~seen).astype(float), SMOOTHING * motion.fps, axis=0) > 0.01
    return np.where(unsure, 0.0, speed).max(axis=1)


def strokes(motion: Motion) -> np.ndarray:
    """Frames at which strokes are fastest, [N] ascending."""
    speed = wrist_speed(motion)
    peaks, found = find_peaks(speed, height=SLOWEST, prominence=0)
    return peaks[found["prominences"] >= OUTSTANDING * speed[peaks]]


def apexes(motion: Motion) -> np.ndarray:
    """Frames at which strokes come to their end, [N] ascending: the apex of each stroke, where the
    hand turns, or has slowed down to `STOPPED` of its quickest (Loehr 2004, section 3.3).

    A stroke that does neither within `APEX_SECONDS` of its quickest moment has none.
    """
    speed, found = wrist_speed(motion), []
    reach = round(APEX_SECONDS * motion.fps)
    for peak in strokes(motion):
        after = speed[peak : peak + reach + 1]
        ends = np.append(np.diff(after) > 0, False) | (after < STOPPED * after[0])
        if ends.any():
            found.append(int(peak + np.argmax(ends)))
    return np.unique(np.array(found, dtype=int))


def stroke_rate(motion: Motion) -> float:
    """Strokes a minute, of the time in which a wrist is seen. NaN where none ever is."""
    seen = seen_wrists(motion).sum()
    return float(len(strokes(motion)) * 60 * motion.fps / seen) if seen else float("nan")


def seen_wrists(motion: Motion) -> np.ndarray:
    """Frames in which a wrist is seen, [T] bool."""
    return (motion.confidence[:, WRISTS] > SEEN).any(axis=1)
