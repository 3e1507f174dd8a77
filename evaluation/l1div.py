"""L1div: how far a clip's motion spreads about its own mean pose.

Liu et al., "EMAGE", CVPR 2024 (after Li et al., "Audio2Gestures", ICCV 2021): the mean
over frames of the sum over all joints' coordinates of |x - mean_t x|. Higher is more motion, not
better: read it beside the real clips'. EMAGE sums 55 joints in 3D in metres; this is 2D, in
shoulder widths.
"""

from __future__ import annotations

import numpy as np

from .joints import Joints


def l1div(joints: Joints) -> float:
    """>= 0; 0 stands still. Joints count in the frames that show them, the mean is over the frames
    that show any; NaN where none does."""
    seen = joints.seen
    if not seen.any():
        return float("nan")
    points = np.where(seen[..., None], joints.points, np.nan)
    points = points[seen.any(axis=1)][:, seen.any(axis=0)]
    apart = np.abs(points - np.nanmean(points, axis=0))
    return float(np.nansum(apart, axis=(1, 2)).mean())
