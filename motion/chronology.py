"""Speech in another order: the chronological negatives of the alignment (Contextual Gesture, 3.1).

Cut between words or phrases and put together anew, a speech says the same at other times: only
an encoder that knows when something was said tells it from the speech that a gesture goes with.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..speech.features import PROSODY
from ..speech.track import Word

# A syllable's onset below this is not worth a cut (1 is a strong syllable).
ONSET = 0.3
VOICED = 0.5
# A cut at the edge of a pause is heard least, one at the beginning of a word is true, one at an
# onset is a guess.
PAUSE, WORD = 2.0, 1.0
# Words of 80 frames could be put in so many orders; what is heard as a phrase is about this long.
SHORTEST = 8


def boundaries(features: np.ndarray, words: Sequence[Word] = (), fps: float = 25.0) -> np.ndarray:
    """How well the speech can be cut in front of each frame, [T] float32, 0 where not at all.

    features: [T, C], with the prosody of `MelEncoder` in their last columns. words: where they are
    known, cuts lie at their beginnings (and where a pause begins after one); else at the edges of
    pauses and at onsets, by their strength.
    """
    count = len(features)
    found = np.zeros(count, np.float32)
    if words:
        for time, strength in [(w.start, WORD) for w in words] + [(w.end, PAUSE) for w in words]:
            frame = round(time * fps)
            touches = strength == PAUSE and any(0 <= w.start - time < 1.5 / fps for w in words)
            if 0 < frame < count and not touches:
                found[frame] = max(found[frame], strength)
        return found
    prosody = features[:, -len(PROSODY) :]
    onset = prosody[:, PROSODY.index("onset")]
    voiced = prosody[:, PROSODY.index("voice")] > VOICED
    peak = np.zeros(count, bool)
    peak[1:-1] = (onset[1:-1] >= onset[:-2]) & (onset[1:-1] > onset[2:]) & (onset[1:-1] > ONSET)
    found[peak] = np.minimum(onset[peak], WORD)
    found[1:][voiced[1:] != voiced[:-1]] = PAUSE
    found[:1] = 0
    return found


def cuts(strength: np.ndarray, shortest: int = SHORTEST) -> list[int]:
    """The frames to cut in front of, in order: the strongest places first, none nearer than
    ``shortest`` frames to another or to the ends; the middle where there is no place at all.

    strength: [T] from `boundaries`, of one window.
    """
    chosen: list[int] = []
    for frame in np.argsort(-strength, kind="stable"):
        if strength[frame] <= 0:
            break
        ends = [0, len(strength), *chosen]
        if min(abs(int(frame) - end) for end in ends) >= shortest:
            chosen.append(int(frame))
    return sorted(chosen) or [len(strength) // 2]


def shuffled(count: int, at: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """The order of the frames after the pieces between cuts were shuffled, [T] int64.

    count: frames, T. at: cuts in order, at least one. Some piece always moves.
    ``features[order]`` is the shuffled speech.
    """
    pieces = np.split(np.arange(count), at)
    order = rng.permutation(len(pieces))
    while (order == np.arange(len(pieces))).all():
        order = rng.permutation(len(pieces))
    return np.concatenate([pieces[piece] for piece in order])
