"""Hands no quicker than people's: a quick way takes a little more time, and loses nothing of its
length.

A generator may jump from one gesture to the next within two frames. Smoothing would flatten the
strokes around as well. Here the time of arms and hands is warped: where they are too quick they are
given more of it, borrowed from the slower moments before and after. Every place that the hands went
to they still go to, apexes included, a few hundredths of a second earlier or later.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import isotonic_regression

from ..keypoints.layout import MOTION_LEFT_HAND, MOTION_RIGHT_HAND
from ..keypoints.motion import Motion
from .shaping import EASE_SECONDS, fade_out
from .strokes import GESTURING, WRISTS
from .vectors import SEEN

# Shoulder widths a second: of a wrist, and of the fingers about it (root of the mean square over
# the hand's points). People who talk peak at 3 to 3.5 and, in 17 clips, at 3.1 (99th percentile).
MOST, MOST_FINGERS = 3.5, 3.0
# From this share of the limit on, speeds are compressed below it: a hard limit would make the hand
# glide evenly, where people's speed rises and falls.
KNEE = 0.7
# Time is borrowed from frames that pass at most so much quicker than they were.
HASTE = 1.25
# Who is quick for longer than this has no time to borrow: then strokes get smaller until their
# average, over a Gaussian of so many seconds, is at most such a share of the limit.
SPELL_SECONDS, SHARE = 0.4, 0.8
POSTURE_SECONDS = 0.6


def limit_speed(motion: Motion, most: float = MOST, most_fingers: float = MOST_FINGERS) -> Motion:
    """The motion with wrists and fingers within a speed, both arms in the same time.

    most, most_fingers: shoulder widths a second. Motion within `KNEE` of them is returned as it is.
    Points that are not seen don't count. Head, face and shoulders stay.
    """
    if len(motion) < 3:
        return motion
    places = motion.points[:, GESTURING].astype(np.float64)
    need = _need(motion, places, most, most_fingers)
    if need.max() <= 1:
        return motion
    calmer = _calmed(places, need, motion.fps)
    need = _need(motion, calmer, most, most_fingers)
    points = motion.points.copy()
    points[:, GESTURING] = _at(calmer, warped_times(need))
    return Motion(points, motion.confidence, motion.fps)


def warped_times(need: np.ndarray) -> np.ndarray:
    """When each frame is reached, [T] in frames: t(0) = 0, and t(i + 1) - t(i) >= need(i).

    need: [T - 1], the least time for the way from each frame to the next, in frames. Of all such
    times the ones that are nearest to 0, 1, 2, ... (least squares), where frames in between pass at
    most `HASTE` times as quickly as they were. With the least steps taken out this is isotonic
    regression. If all together has no time, the end comes after T - 1.
    """
    steps = np.maximum(need, 1 / HASTE)
    least = np.concatenate([[0.0], np.cumsum(steps)])
    target = np.arange(len(least)) - least
    weights = np.ones(len(target))
    # The first frame is the photo's. The last one is that of the speech, if there is time.
    weights[0] = 1e9
    weights[-1] = 1e6
    slack = isotonic_regression(target, weights=weights).x
    return least + slack - slack[0]


def _need(motion: Motion, places: np.ndarray, most: float, most_fingers: float) -> np.ndarray:
    """[T - 1] least time for each step, in frames: above 1 where it is to take longer than it did.

    places: [T, 46, 2] of `GESTURING`.
    """
    steps = np.square(np.diff(places, axis=0)).sum(axis=-1)
    seen = motion.confidence > SEEN
    shown = (seen[1:] & seen[:-1])[:, GESTURING]
    start = GESTURING.start
    wrists = [wrist - start for wrist in WRISTS]
    found = [np.sqrt((steps * shown)[:, wrists].max(axis=1)) / most]
    for hand in (MOTION_LEFT_HAND, MOTION_RIGHT_HAND):
        part = slice(hand.start - start, hand.stop - start)
        count = np.maximum(shown[:, part].sum(axis=1), 1)
        mean = (steps * shown)[:, part].sum(axis=1) / count
        found.append(np.sqrt(mean) / most_fingers)
    share = motion.fps * np.max(found, axis=0)
    room = 1 - KNEE
    return np.where(share > KNEE, share / (KNEE + room * np.tanh((share - KNEE) / room)), share)


def _calmed(places: np.ndarray, need: np.ndarray, fps: float) -> np.ndarray:
    """Places [T, 46, 2] with smaller strokes where they are too quick for long."""
    held = np.append(need, need[-1])
    average = gaussian_filter1d(held, SPELL_SECONDS * fps, mode="nearest")
    share = np.minimum(1.0, SHARE / np.maximum(average, 1e-9))
    if share.min() >= 1:
        return places
    share = gaussian_filter1d(share, SPELL_SECONDS * fps, mode="nearest")
    posture = gaussian_filter1d(places, POSTURE_SECONDS * fps, axis=0, mode="nearest")
    calmer = posture + share[:, None, None] * (places - posture)
    # The first frame is the photo's; the gap to it fades, and does not move all that follows.
    fade = fade_out(len(places), EASE_SECONDS["body"], fps)[:, None, None]
    return calmer + fade * (places[0] - calmer[0])


def _at(places: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Places [T, 46, 2] that are reached at times [T], told at 0, 1, 2, ...

    On straight ways between them: a spline would be quicker in the middle of a step than its ends
    tell, and the limit would not hold.
    """
    found: np.ndarray = make_interp_spline(times, places, k=1, axis=0)(
        np.minimum(np.arange(len(places)), times[-1])
    )
    return found
