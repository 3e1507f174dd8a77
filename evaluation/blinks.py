"""Blinks per minute, from the eye aspect ratio.

Soukupova and Cech, "Real-Time Eye Blink Detection using Facial Landmarks", CVWW 2016, equation 1:
`EAR = (|p2 - p6| + |p3 - p5|) / (2 |p1 - p4|)`, the mean of both eyes. Their fixed threshold fits
neither narrow eyes nor a person-independent face, so a blink is a dip below 0.6 of the clip's own
open eye (the 75th percentile) that lasts up to half a second. People blink about 17
times a minute at rest and 26 in conversation (Bentivoglio et al., Movement Disorders 1997).
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..keypoints.motion import Motion
from ..keypoints.poses import Poses
from .lip_sync import face_points

_RIGHT_EYE = (36, 37, 38, 39, 40, 41)
_LEFT_EYE = (42, 43, 44, 45, 46, 47)


def eye_aspect_ratio(track: np.ndarray | Motion | Poses) -> np.ndarray:
    """track: [T, 68, 2], Motion or Poses. Returns [T], NaN where the eyes were not seen."""
    face = face_points(track)

    def distance(a: int, b: int) -> np.ndarray:
        return np.linalg.norm(face[:, a] - face[:, b], axis=-1)

    ratios = [
        (distance(p2, p6) + distance(p3, p5)) / np.maximum(2 * distance(p1, p4), 1e-9)
        for p1, p2, p3, p4, p5, p6 in (_RIGHT_EYE, _LEFT_EYE)
    ]
    return np.mean(ratios, axis=0)


def blinks(track: np.ndarray | Motion | Poses, dip: float = 0.6, longest: int = 12) -> np.ndarray:
    """The first frames of all blinks, [N] int.

    dip: share of the open eye's ratio below which the eye is closed. longest: frames; eyes closed
    for longer are shut or looking down, not blinking.
    """
    ratio = eye_aspect_ratio(track)
    if not np.isfinite(ratio).any():
        return np.zeros(0, int)
    shut = np.nan_to_num(ratio, nan=np.inf) < dip * np.nanpercentile(ratio, 75)
    spans = ndimage.find_objects(ndimage.label(shut)[0])
    return np.array([s.start for (s,) in spans if s.stop - s.start <= longest], dtype=int)


def blink_rate(track: np.ndarray | Motion | Poses, fps: float) -> float:
    """Blinks per minute; NaN for an empty track."""
    frames = len(face_points(track))
    return len(blinks(track)) * 60 * fps / frames if frames else float("nan")
