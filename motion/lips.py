"""How far the lips open: with the syllables, and not at all in silence."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

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
# How a gap widens at the five inner pairs, corners to middle; 1 on the average of `MIDDLE`.
WIDENING = np.array([0.0, 0.9, 1.2, 0.9, 0.0])
# A voice begins a little after the lips have opened, and lips close a little after it ended.
LEAD_SECONDS = 0.08
# So long a pause shows closed lips, and no shorter one does.
CLOSED_SECONDS = 0.12
# The opening that speech lets expect varies this much less than lips do; stretched by it, syllables
# are as large as in life (14 training clips: standard deviation 0.061 eye distances, as real ones).
STRETCH = 2.6
# Share of the stretched expectation in the opening's changes, the rest is the decoded tokens'.
# Chosen on those clips: it came closest to the real lips (correlation 0.418; 0.412 with 0.65), and
# the expectation alone would be the same for every seed.
EXPECTED_SHARE = 0.75
# Wider than this, in shoulder widths, mouths hardly ever open: the 99th percentile of the training
# clips, 0.35 distances of the outer eye corners.
WIDEST = 0.10
# Standard deviation of the smoothing: 10 to 90 % of the transition takes 2.56 times as long.
SOFTNESS_SECONDS = 0.04


def gate(voice: np.ndarray, fps: float) -> np.ndarray:
    """How far the lips may open, [T] in 0..1, from voice activity, [T] in 0..1.

    1 around speech and 0 in silence; the transition takes about 100 ms. Within the speech, a pause
    keeps `CLOSED_SECONDS` of its middle, however short: the lips' lead and lag give way. One that
    is shorter than that is none, and leaves the mouth open.
    """
    speaking = np.asarray(voice) >= 0.5
    lead, closed = round(LEAD_SECONDS * fps), round(CLOSED_SECONDS * fps)
    opened = speaking.copy()
    edges = np.flatnonzero(np.diff(np.concatenate([[True], speaking, [True]]).astype(int)))
    for start, stop in edges.reshape(-1, 2):
        inside = start > 0 and stop < len(speaking)
        spare = stop - start - closed if inside else stop - start
        if inside and spare < 0:
            opened[start:stop] = True
            continue
        before = min(lead, (spare + 1) // 2) if inside else lead
        after = min(lead, spare // 2) if inside else lead
        if start > 0:
            opened[start : start + after] = True
        if stop < len(speaking):
            opened[max(start, stop - before) : stop] = True
    return gaussian_filter1d(opened.astype(np.float64), SOFTNESS_SECONDS * fps, mode="nearest")


def opening(motion: Motion) -> np.ndarray:
    """The gap between the inner lips along the face's own downward axis, [T], shoulder widths.

    Negative where the lips cross.
    """
    face = motion.points[:, MOTION_FACE]
    gaps = face[:, LOWER_INNER[MIDDLE]] - face[:, UPPER_INNER[MIDDLE]]
    return np.einsum("tpc,tc->tp", gaps, _down(face)).mean(axis=1)


def articulate(
    drawn: np.ndarray,
    expected: np.ndarray | None,
    share: np.ndarray,
    stretch: float = STRETCH,
    expected_share: float = EXPECTED_SHARE,
) -> np.ndarray:
    """The opening to aim for, [T], not below 0.

    drawn: [T], the decoded motion's; only its changes count, for a window's tokens may settle on a
    mouth that hangs open. expected: [T], what speech alone lets expect; without it, the drawn
    opening is the aim. share: [T], the `gate`.
    """
    drawn = np.maximum(drawn, 0)
    if expected is None:
        return share * WIDEST * np.tanh(drawn / WIDEST)
    weights = share + 1e-6
    mean = np.average(expected, weights=weights)
    changes = expected_share * stretch * (expected - mean)
    changes += (1 - expected_share) * (drawn - np.average(drawn, weights=weights))
    return share * WIDEST * np.tanh(np.maximum(mean + changes, 0) / WIDEST)


def set_opening(motion: Motion, wanted: np.ndarray) -> Motion:
    """The motion with its lips as far apart as wanted, [T] in shoulder widths, 0 is closed.

    The gap changes along the face's downward axis, and the chin goes with the lower lip: the width
    of the mouth, the head and the rest of the face stay. A gap that narrows keeps its form, one
    that widens gains that of `WIDENING`; lips that cross are pulled apart first.
    """
    points = motion.points.copy()
    face = points[:, MOTION_FACE]
    down = _down(face)
    gap = np.einsum("tpc,tc->tp", face[:, LOWER_INNER] - face[:, UPPER_INNER], down)
    now = np.maximum(gap, 0)[:, MIDDLE].mean(axis=1)
    wanted = np.maximum(wanted, 0)
    narrower = 1 - np.clip(wanted / np.maximum(now, 1e-6), 0, 1)
    wider = np.maximum(wanted - now, 0)
    take = np.where(gap > 0, gap * narrower[:, None], gap) - wider[:, None] * WIDENING
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
