"""PCM: the percentage of correct motion, how much of a made motion lies where the real one does.

Chen et al., "DiffSHEG", CVPR 2024 (after PCK of pose estimation): the share of motion parameters
that differ from the truth by less than a threshold. Their program compares axis angles in 3D
(0.5), the older one of Yoon et al. positions in 3D (0.1); no published program has a threshold for
2D. Here a parameter is a joint in a frame, and it is correct within 0.1 shoulder widths (about
4 cm on a grown person), both hands and the head at their place on the body.
"""

from __future__ import annotations

import numpy as np

from .joints import Joints, same_frames

THRESHOLD = 0.1


def pcm(real: Joints, generated: Joints, threshold: float = THRESHOLD) -> float:
    """The share in 0..1 of joints and frames within the threshold, 1 is best.

    real, generated: of one speech, frame by frame. threshold: in shoulder widths. Joints count
    where the real motion shows them; NaN where it shows none.
    """
    known = same_frames(real, generated)
    apart = np.linalg.norm(real.points - generated.points, axis=-1)[known]
    return float((apart < threshold).mean()) if apart.size else float("nan")
