"""Jitter: how much a track of points trembles.

The mean length of the jerk, the third derivative of position, as Yi et al. define jitter in
"TransPose", ACM TOG 2021; here in 2D. Real motion is slow in its third derivative,
the noise of a detector is not: at 25 fps white noise of deviation s on each coordinate gives a
jerk of about `1.25 * sqrt(20) * s * fps^3`.
"""

from __future__ import annotations

import numpy as np

from ..keypoints import layout
from ..keypoints.poses import Poses

SEEN = 0.3  # Confidence from which a point counts as seen.


def jitter(points: np.ndarray, fps: float, seen: np.ndarray | None = None) -> float:
    """Mean jerk in the points' unit per second cubed.

    points: [T, K, 2]. seen: [T, K] bool; a jerk counts where the point was seen in all four
    frames it is made of. NaN where there is none.
    """
    points = np.asarray(points, dtype=np.float64)
    if len(points) < 4:
        return float("nan")
    jerk = np.linalg.norm(np.diff(points, n=3, axis=0), axis=-1) * fps**3
    if seen is not None:
        run = np.lib.stride_tricks.sliding_window_view(np.asarray(seen, bool), 4, axis=0)
        jerk = jerk[run.all(axis=-1)]
    return float(jerk.mean()) if jerk.size else float("nan")


def pose_jitter(poses: Poses) -> dict[str, float]:
    """Jitter by part of the layout, in shoulder widths per second cubed.

    The shoulder width is the clip's median, so that people near and far compare. NaN for a part
    that is never seen over four frames.
    """
    shoulders = poses.points[:, [layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]]
    both = (shoulders[..., 2] >= SEEN).all(axis=1)
    if not both.any():
        return dict.fromkeys(layout.PARTS, float("nan"))
    width = np.median(np.linalg.norm(shoulders[both, 0, :2] - shoulders[both, 1, :2], axis=-1))
    seen = poses.confidence >= SEEN
    return {
        name: jitter(poses.xy[:, part] / max(float(width), 1e-9), poses.fps, seen[:, part])
        for name, part in layout.PARTS.items()
    }
