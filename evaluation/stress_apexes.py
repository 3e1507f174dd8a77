"""Do strokes fall onto stressed syllables? The share of them with a stroke's apex nearby.

Speakers' apexes lie on pitch accents or just before them (Loehr 2004; Leonard and Cummins, "The
temporal relation between beat gestures and speech", Language and Cognitive Processes 26(10), 2011,
where the apex is the most regular of a gesture's points). Who strokes often hits many stresses by
chance, so that the number is read beside that of other clips' speech.
"""

from __future__ import annotations

import numpy as np

from ..keypoints.motion import Motion
from ..motion.strokes import apexes, seen_wrists
from .beats import nearest

TOLERANCE = 0.12  # Seconds.


def stress_apexes(motion: Motion, stresses: np.ndarray, tolerance: float = TOLERANCE) -> float:
    """Share of the stresses, 0..1, with an apex within so many seconds.

    stresses: [N] seconds, see `speech.stress`. Those while no wrist is seen don't count; NaN where
    none is left.
    """
    at = np.floor(stresses * motion.fps).astype(int)
    stresses, at = stresses[at < len(motion)], at[at < len(motion)]
    stresses = stresses[seen_wrists(motion)[at]]
    if not len(stresses):
        return float("nan")
    times = (apexes(motion) + 0.5) / motion.fps
    return float((nearest(stresses, times) <= tolerance).mean())
