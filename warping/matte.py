"""The person matte: how much of each pixel is the person."""

from __future__ import annotations

import threading

import cv2
import numpy as np

from ..keypoints.mediapipe_graphs import no_stderr

_lock = threading.Lock()


def person_matte(photo: np.ndarray) -> np.ndarray:
    """MediaPipe's selfie segmentation, drawn to the photo's own edges.

    photo: [H, W, 3] uint8 RGB. Returns [H, W] float32 in 0..1.
    """
    import mediapipe

    solution = mediapipe.solutions.selfie_segmentation.SelfieSegmentation
    with _lock, no_stderr(), solution(0) as segmentation:
        raw = segmentation.process(np.ascontiguousarray(photo)).segmentation_mask
    return snap_to_edges(photo, np.asarray(raw, np.float32))


def snap_to_edges(photo: np.ndarray, mask: np.ndarray, radius: float = 0.012) -> np.ndarray:
    """Move the soft edge of a mask to the nearest edge of the photo, by a guided filter.

    mask: [H, W] float32 in 0..1. radius: of the filter, as a share of the photo's longer side.
    """
    pixels = max(2, round(radius * max(photo.shape[:2])))
    smooth = cv2.ximgproc.guidedFilter(photo, mask, pixels, 6.0**2)
    # The filter leaves a haze on both sides of the edge: steepen it.
    return np.clip((smooth - 0.5) * 1.5 + 0.5, 0.0, 1.0)
