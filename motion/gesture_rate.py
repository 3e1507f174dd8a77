"""More or fewer strokes of the hands in the same speech, whoever made the motion.

As retargeting does, the arms' motion is taken apart in time: a slow posture, and strokes about it.
For fewer gestures, the strokes with the least weight in the speech are left out: the hands are held
and settle into the posture, until the next one begins. For more, accents of the speech that have
no stroke get the nearest one once more. So strokes keep their speed and form: who gestures seldom
does not do it in slow motion.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d, uniform_filter1d
from scipy.signal import find_peaks

from ..keypoints.motion import Motion
from ..speech.track import SpeechFeatures
from .strokes import GESTURING, strokes, wrist_speed

# Posture and strokes part at this time constant, in seconds.
POSTURE_SECONDS = 1.2
# How quickly a stroke is faded in and out, in seconds: a standard deviation.
FADE_SECONDS = 0.12
# Held hands settle into the posture in so long.
SETTLE_SECONDS = 2.4
# A stroke that is done once more is whole for so long to each side of its middle, and gone after so
# long.
WHOLE_SECONDS, REACH_SECONDS = 0.16, 0.4
# Accents: smoothing of the loudness, the span it is compared with, and their distance from each
# other and from strokes.
SYLLABLE_SECONDS, PHRASE_SECONDS, APART_SECONDS = 0.06, 3.0, 0.24
# Of so many strokes in a row some are kept, so that no part of the speech loses all of them.
NEIGHBOURS = 9


def with_rate(motion: Motion, speech: SpeechFeatures, rate: float) -> Motion:
    """The motion with so many times as many strokes (`strokes.strokes`), as far as it goes.

    speech: of as many frames. rate: 0 leaves none out of the posture's drift; above 1, there are no
    more than accents in the speech. Head and face stay. A motion without strokes, as of a photo
    without hands, stays as it is.
    """
    found = strokes(motion)
    if rate == 1 or not len(found):
        return motion
    goal = round(rate * len(found))
    emphasis = emphases(speech)
    if rate < 1:
        return _nearest(_fewer(motion, found, emphasis), len(found), goal)
    return _nearest(*_more(motion, found, emphasis, speech.voice), goal)


def emphases(speech: SpeechFeatures) -> np.ndarray:
    """How much louder each frame is than the phrase around it, [T] in dB; 0 where nobody speaks."""
    loud = gaussian_filter1d(np.asarray(speech.energy, np.float64), SYLLABLE_SECONDS * speech.fps)
    voice = (np.asarray(speech.voice) >= 0.5).astype(np.float64)
    spread = PHRASE_SECONDS * speech.fps
    phrase = gaussian_filter1d(loud * voice, spread) / (gaussian_filter1d(voice, spread) + 1e-3)
    return voice * (loud - phrase)


def _nearest(made: Callable[[int], Motion], most: int, goal: int) -> Motion:
    """The motion whose strokes are nearest to the goal in number, among ``made(0..most)``, of which
    each has about one more than the one before."""
    low, high = 0, most
    tried = {count: made(count) for count in (low, high)}
    while high - low > 1:
        middle = (low + high) // 2
        tried[middle] = made(middle)
        if len(strokes(tried[middle])) < goal:
            low = middle
        else:
            high = middle
        tried = {count: tried[count] for count in (low, high)}
    return min(tried.values(), key=lambda motion: abs(len(strokes(motion)) - goal))


def _parted(motion: Motion) -> tuple[np.ndarray, np.ndarray]:
    """[T, 46, 2] posture and strokes of elbows, wrists and hands."""
    own = motion.points[:, GESTURING].astype(np.float64)
    posture = _slow(own, motion.fps)
    return posture, own - posture


def _slow(places: np.ndarray, fps: float) -> np.ndarray:
    return gaussian_filter1d(places, POSTURE_SECONDS * fps, axis=0, mode="nearest")


def _gesturing(motion: Motion, places: np.ndarray) -> Motion:
    points = motion.points.copy()
    points[:, GESTURING] = places
    return Motion(points, motion.confidence, motion.fps)


def _fewer(motion: Motion, found: np.ndarray, emphasis: np.ndarray) -> Callable[[int], Motion]:
    """Makes the motion with so many of its strokes, those of the greatest weight."""
    posture, fast = _parted(motion)
    speed = wrist_speed(motion)
    between = [a + int(speed[a:b].argmin()) for a, b in pairwise(found)]
    borders = [0, *between, len(motion)]
    order = _by_weight(emphasis[found], np.log(speed[found]))

    def made(count: int) -> Motion:
        kept = np.zeros(len(motion), bool)
        for i in order[:count]:
            kept[borders[i] : borders[i + 1]] = True
        share = gaussian_filter1d(kept.astype(float), FADE_SECONDS * motion.fps, mode="nearest")
        held = posture + _settled(fast, ~kept, SETTLE_SECONDS * motion.fps)
        places = posture + fast
        return _gesturing(motion, held + share[:, None, None] * (places - held))

    return made


def _settled(fast: np.ndarray, still: np.ndarray, most: float) -> np.ndarray:
    """[T, 46, 2] how far hands that are held are from the posture: at first as far as the stroke
    left them, at last as far as the next one begins, and in between they settle.

    still: [T] bool. most: frames that settling takes.
    """
    found = fast.copy()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], still, [False]]).astype(int)))
    for first, behind in edges.reshape(-1, 2):
        last = behind - 1
        span = max(1.0, min(last - first, most))
        since, until = np.arange(behind - first), np.arange(behind - first)[::-1]
        before, after = (np.clip(1 - x / span, 0, 1)[:, None, None] for x in (since, until))
        # Nobody has stroked before the first frame, nor will after the last.
        start = fast[first] if first else 0 * fast[first]
        end = fast[last] if behind < len(fast) else 0 * fast[last]
        found[first:behind] = before * start + after * end
    return found


def _more(
    motion: Motion, found: np.ndarray, emphasis: np.ndarray, voice: np.ndarray
) -> tuple[Callable[[int], Motion], int]:
    """Makes the motion with so many strokes more; and how many there can be."""
    apart = APART_SECONDS * motion.fps
    accents = find_peaks(emphasis, distance=max(1.0, apart))[0]
    accents = accents[np.asarray(voice)[accents] >= 0.5]
    distance = np.abs(accents[:, None] - found[None])
    free = distance.min(axis=1) >= apart
    accents, donors = accents[free], found[distance.argmin(axis=1)][free]
    order = _by_weight(emphasis[accents])
    own = motion.points[:, GESTURING].astype(np.float64)
    reach = round(REACH_SECONDS * motion.fps)
    offsets = np.arange(-reach, reach + 1)
    fall = (np.abs(offsets) / motion.fps - WHOLE_SECONDS) / (REACH_SECONDS - WHOLE_SECONDS)
    share = 0.5 * (1 + np.cos(np.pi * np.clip(fall, 0, 1)))[:, None, None]

    def made(count: int) -> Motion:
        new = own.copy()
        for i in np.sort(order[:count]):
            at, source = accents[i] + offsets, donors[i] + offsets
            inside = (np.minimum(at, source) >= 0) & (np.maximum(at, source) < len(own))
            at, source, part = at[inside], source[inside], share[inside]
            # The stroke is done where the hand is.
            moved = own[source] - new[at]
            new[at] += part * (moved - (part * moved).sum(axis=0) / part.sum(axis=0))
        return _gesturing(motion, new)

    return made, len(accents)


def _by_weight(*weights: np.ndarray) -> np.ndarray:
    """[N] indices, the heaviest first, told against their neighbours."""
    total = np.zeros(len(weights[0]))
    for weight in weights:
        centred = weight - uniform_filter1d(weight, NEIGHBOURS, mode="nearest")
        total += centred / max(float(centred.std()), 1e-9)
    return np.argsort(-total, kind="stable")
