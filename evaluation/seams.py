"""Seams: does a long motion show where its windows were joined?

At a visible seam the points jump (speed) or kick (acceleration). Both are compared with the same
motion elsewhere: a ratio of 1 is a seam that cannot be told from the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Seams:
    """Means over the seams and over all other frames.

    speed_at, speed_elsewhere: in the points' unit per frame.
    acceleration_at, acceleration_elsewhere: in the points' unit per frame squared.
    count: seams that were compared.
    """

    speed_at: float
    speed_elsewhere: float
    acceleration_at: float
    acceleration_elsewhere: float
    count: int

    @property
    def speed_ratio(self) -> float:
        """1 where a seam is as fast as the rest."""
        return self.speed_at / max(self.speed_elsewhere, 1e-12)

    @property
    def acceleration_ratio(self) -> float:
        """1 where a seam is as smooth as the rest."""
        return self.acceleration_at / max(self.acceleration_elsewhere, 1e-12)


def seams(points: np.ndarray, starts: Sequence[int]) -> Seams:
    """Speed and acceleration where a new window begins, against elsewhere.

    points: [T, K, 2]. starts: for each seam the first frame that the new window alone decides;
    the first window's start is no seam. The speed of a seam is that of the step into `start`, its
    acceleration the mean of those at `start - 1` and at `start`, both of which hold that step.
    Seams nearer than two frames to an end are left out. NaN where there is no seam.
    """
    points = np.asarray(points, dtype=np.float64)
    step = np.diff(points, axis=0)
    speed = np.linalg.norm(step, axis=-1).mean(axis=1)
    acceleration = np.linalg.norm(np.diff(step, axis=0), axis=-1).mean(axis=1)
    # speed[t - 1] is the step into frame t; acceleration[t - 1] is centred on frame t.
    at = np.array([start for start in starts if 2 <= start <= len(points) - 2], dtype=int)
    if not len(at):
        nan = float("nan")
        return Seams(nan, nan, nan, nan, 0)
    of_speed = np.zeros(len(speed), bool)
    of_speed[at - 1] = True
    of_acceleration = np.zeros(len(acceleration), bool)
    of_acceleration[at - 2] = of_acceleration[at - 1] = True
    return Seams(
        float(speed[of_speed].mean()),
        float(speed[~of_speed].mean()),
        float(acceleration[of_acceleration].mean()),
        float(acceleration[~of_acceleration].mean()),
        len(at),
    )
