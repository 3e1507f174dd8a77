"""The two videos that drive Wan-Animate: skeletons as its preprocessing draws them, and the face.

Conventions of Wan-Video/Wan2.2 (wan/modules/animate/preprocess): body of 20 points, that is
OpenPose's 18 and a toe a foot, in lines of one or two pixels; hands in the same style; no face,
since the face is told by a video of its own, 512 x 512 pixels about the 68 points.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..keypoints import layout
from ..keypoints.drawing import (
    HAND_COLOURS,
    LIMB_SHADE,
    OPENPOSE_COLOURS,
    OPENPOSE_LIMBS,
    OPENPOSE_POINTS,
)

FACE_SIZE = 512
# How much the face's box grows in area; three quarters of what it gains in height lie above it.
_FACE_GROWTH = 1.3
_SHOULDERS = [layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]
# Big and small toe, of which the middle is drawn.
_LEFT_TOES = [layout.FEET.start, layout.FEET.start + 1]
_RIGHT_TOES = [layout.FEET.start + 3, layout.FEET.start + 4]
_LIMBS = [*OPENPOSE_LIMBS, (13, 18), (10, 19)]
_COLOURS = [*OPENPOSE_COLOURS, (200, 200, 0), (100, 100, 0)]
_JOINT_BLUE = (0, 0, 255)


def skeleton_picture(
    points: np.ndarray, size: tuple[int, int], threshold: float = 0.3
) -> np.ndarray:
    """One skeleton on black, [H, W, 3] uint8 RGB.

    points: [133, 3] in pixels of a picture of ``size`` (width, height), with confidence. threshold:
    points of less confidence are left out.
    """
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    stroke = max(min(size) // 200 - 1, 1)
    # The middle of the shoulders comes last, where OPENPOSE_POINTS look for it (at -1).
    middles = [points[pair].mean(axis=0) for pair in (_LEFT_TOES, _RIGHT_TOES, _SHOULDERS)]
    order = [*OPENPOSE_POINTS, layout.NUM_POINTS, layout.NUM_POINTS + 1]
    body = np.concatenate([points, middles])[order]
    _draw_body(picture, body, stroke, threshold)
    for hand, edges in (
        (layout.LEFT_HAND, layout.LEFT_HAND_EDGES),
        (layout.RIGHT_HAND, layout.RIGHT_HAND_EDGES),
    ):
        _draw_hand(picture, points, hand, edges, max(stroke // 2, 1), threshold)
    return picture


def _draw_body(picture: np.ndarray, body: np.ndarray, stroke: int, threshold: float) -> None:
    """body: [20, 3], in OpenPose's order with the toes behind."""
    seen = body[:, 2] >= threshold
    for (a, b), colour in zip(_LIMBS, _COLOURS, strict=False):
        if seen[a] and seen[b]:
            middle, along = (body[a, :2] + body[b, :2]) / 2, body[a, :2] - body[b, :2]
            half = (int(np.linalg.norm(along) / 2), stroke)
            angle = int(np.degrees(np.arctan2(along[1], along[0])))
            outline = cv2.ellipse2Poly(_pixel(middle), half, angle, 0, 360, 1)
            cv2.fillConvexPoly(picture, outline, [int(LIMB_SHADE * c) for c in colour])
    for point, colour in zip(body[seen], np.array(_COLOURS)[seen].tolist(), strict=True):
        cv2.circle(picture, _pixel(point), stroke, colour, -1)


def _draw_hand(
    picture: np.ndarray,
    points: np.ndarray,
    hand: slice,
    edges: tuple[tuple[int, int], ...],
    stroke: int,
    threshold: float,
) -> None:
    seen = (points[:, 2] >= threshold) & (points[:, :2] >= 1).all(axis=1)
    for (a, b), colour in zip(edges, HAND_COLOURS, strict=True):
        if seen[a] and seen[b]:
            cv2.line(picture, _pixel(points[a]), _pixel(points[b]), colour, stroke)
    for point in points[hand][seen[hand]]:
        cv2.circle(picture, _pixel(point), stroke, _JOINT_BLUE, -1)


def _pixel(point: np.ndarray) -> tuple[int, int]:
    x, y = np.clip(point[:2], -16_000, 16_000)
    return int(x), int(y)


def face_picture(frame: np.ndarray, points: np.ndarray, side: int = FACE_SIZE) -> np.ndarray:
    """The face cut out of a frame, [side, side, 3] uint8 RGB; its shape is stretched to a square.

    frame: [H, W, 3] uint8 RGB. points: [133, 3] in its pixels. Where the face lies outside the
    frame, the picture is black.
    """
    left, right, top, bottom = face_box(points[layout.FACE, :2], (frame.shape[1], frame.shape[0]))
    if right - left < 2 or bottom - top < 2:
        return np.zeros((side, side, 3), np.uint8)
    return cv2.resize(frame[top:bottom, left:right], (side, side))


def face_box(face: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, right, top and bottom in pixels. face: [68, 2]. size: (width, height) of the frame."""
    low, high = face.min(axis=0), face.max(axis=0)
    gain = (high - low) * (np.sqrt(_FACE_GROWTH) - 1)
    left, top = np.maximum(low - gain * (0.5, 0.75), 0).astype(int)
    right, bottom = np.minimum(high + gain * (0.5, 0.25), size).astype(int)
    return int(left), int(right), int(top), int(bottom)
