"""LVD: the difference of landmark speeds.

Yi et al., "TalkSHOW", CVPR 2023, after Zhou et al., "MakeItTalk", 2020: the mean over frames of
the sum over joints of | |v| - |v^| |, the lengths of the steps from frame to frame. 0 is best.
Some papers take the length of the difference of the two velocities instead
(``of="velocity"``).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from .joints import Joints, same_frames


def lvd(real: Joints, generated: Joints, of: Literal["speed", "velocity"] = "speed") -> float:
    """In shoulder widths a frame, summed over joints. real, generated: of one speech, frame by
    frame. Steps count where the real motion shows both ends, the mean is over those that show any
    joint; NaN where none does."""
    known = same_frames(real, generated)
    known = known[1:] & known[:-1]
    if not known.any():
        return float("nan")
    steps, made = np.diff(real.points, axis=0), np.diff(generated.points, axis=0)
    if of == "speed":
        apart = np.abs(np.linalg.norm(steps, axis=-1) - np.linalg.norm(made, axis=-1))
    else:
        apart = np.linalg.norm(steps - made, axis=-1)
    return float(np.where(known, apart, 0).sum(axis=1)[known.any(axis=1)].mean())
