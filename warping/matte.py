"""The person matte: how much of each pixel is the person."""

from __future__ import annotations

import threading

import cv2
import numpy as np

from ..keypoints import layout
from ..keypoints.mediapipe_graphs import no_stderr
from .grab import grown
from .guided_filter import guided_filter
from .rig import PhotoRig

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
    smooth = guided_filter(photo, mask, pixels, 6.0**2)
    # The filter leaves a haze on both sides of the edge: steepen it.
    return np.clip((smooth - 0.5) * 1.5 + 0.5, 0.0, 1.0)


def one_person(matte: np.ndarray, rig: PhotoRig) -> np.ndarray:
    """The matte of the person whose joints these are: without other people, things and haze that
    do not hang together with them, and with the face, should the matte have missed it.

    matte: [H, W] float32 in 0..1. rig: in the same pixels.
    """
    matte = np.maximum(matte, _face_and_neck(matte.shape, rig))
    _, labels = cv2.connectedComponents((matte > 0.4).astype(np.uint8))
    points = np.concatenate([rig.face, *rig.arms.values(), rig.neck[None]])
    points = np.clip(np.round(points), 0, [matte.shape[1] - 1, matte.shape[0] - 1]).astype(int)
    mine = np.unique(labels[points[:, 1], points[:, 0]])
    mask = grown(np.isin(labels, mine[mine > 0]), 0.012 * max(matte.shape))
    return matte * cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5)


def _face_and_neck(shape: tuple[int, ...], rig: PhotoRig) -> np.ndarray:
    """[H, W] float32, what the skeleton knows to be the person: face up to the hair, and neck."""
    mask = np.zeros(shape, np.uint8)
    chin, bridge = rig.face[layout.FACE_CHIN], rig.face[layout.FACE_NOSE_BRIDGE.start]
    brows = rig.face[layout.FACE_RIGHT_BROW.start : layout.FACE_LEFT_BROW.stop]
    outline = np.concatenate([rig.face, brows + 0.45 * (bridge - chin)]).astype(np.float32)
    cv2.fillPoly(mask, [np.round(cv2.convexHull(outline)).astype(np.int32)], 1)
    top, base = np.round([chin, rig.neck]).astype(int).tolist()
    cv2.line(mask, top, base, 1, max(1, round(0.3 * rig.unit)))
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 2.0)
