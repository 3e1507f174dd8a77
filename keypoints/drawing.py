"""Skeleton pictures in the style of DWPose, which pose-guided diffusion models were trained on.

Body: the 18 OpenPose points, coloured limbs darkened to 60 %, bright joints. Hands: rainbow
bones, blue joints. Face: white dots. Black background, or over a picture.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterator

import cv2
import numpy as np

from . import layout
from .poses import Poses

# OpenPose's 18 body points; the neck, its second, is the middle of the shoulders.
NECK = -1
OPENPOSE_POINTS = [
    layout.NOSE, NECK,
    layout.RIGHT_SHOULDER, layout.RIGHT_ELBOW, layout.RIGHT_WRIST,
    layout.LEFT_SHOULDER, layout.LEFT_ELBOW, layout.LEFT_WRIST,
    layout.RIGHT_HIP, layout.RIGHT_KNEE, layout.RIGHT_ANKLE,
    layout.LEFT_HIP, layout.LEFT_KNEE, layout.LEFT_ANKLE,
    layout.RIGHT_EYE, layout.LEFT_EYE, layout.RIGHT_EAR, layout.LEFT_EAR,
]  # fmt: skip
OPENPOSE_LIMBS = [
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12),
    (12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
]  # fmt: skip
# Eighteen steps around the colour circle from red, as OpenPose has them: limb i and joint i.
OPENPOSE_COLOURS = [
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0),
    (0, 255, 0), (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255),
    (0, 0, 255), (85, 0, 255), (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85),
]  # fmt: skip
HAND_COLOURS = [
    tuple(round(255 * c) for c in colorsys.hsv_to_rgb(i / len(layout.LEFT_HAND_EDGES), 1, 1))
    for i in range(len(layout.LEFT_HAND_EDGES))
]
LIMB_SHADE = 0.6
_JOINT_BLUE, _WHITE = (0, 0, 255), (255, 255, 255)
# cv2 draws between pixels when coordinates come as fixed-point numbers with these many bits.
_SHIFT = 4


def draw(
    pose: np.ndarray | Poses,
    size: tuple[int, int] | None = None,
    background: np.ndarray | None = None,
    threshold: float = 0.3,
    full_dots: bool = False,
) -> np.ndarray:
    """One skeleton as a picture.

    pose: [133, 3] in pixels with confidence, or poses of one frame. size: (width, height); that
    of the poses or of the background where None. background: [H, W, 3] uint8 RGB to draw over;
    black where None. threshold: points of less confidence are left out. full_dots: hands' joints
    and the face's dots as large as DWPose draws them (radius 4 and 3 where the shorter side has 512
    pixels), which models were trained on; smaller ones are easier to read.
    Returns [H, W, 3] uint8 RGB.
    """
    if isinstance(pose, Poses):
        if len(pose) != 1:
            raise ValueError(f"draw one frame at a time: got poses of {len(pose)} frames")
        size, points = size or pose.size, pose.points[0]
    else:
        points = pose
    if background is not None:
        picture = np.ascontiguousarray(background).copy()
        size = (picture.shape[1], picture.shape[0])
    elif size is not None:
        picture = np.zeros((size[1], size[0], 3), np.uint8)
    else:
        raise ValueError("draw needs a size where neither poses nor a background carry one")
    thick = max(1.0, min(size) / 128)
    seen = np.asarray((points[:, 2] >= threshold) & (points[:, 2] > 0))
    xy = points[:, :2].astype(np.float64)
    _draw_body(picture, xy, seen, thick, darken=background is None)
    for hand, edges in (
        (layout.LEFT_HAND, layout.LEFT_HAND_EDGES),
        (layout.RIGHT_HAND, layout.RIGHT_HAND_EDGES),
    ):
        _draw_hand(picture, xy, seen, hand, edges, thick, joint=1.0 if full_dots else 0.6)
    dot = 0.75 if full_dots else 0.5 if min(size) >= 400 else 0.35
    for i in range(layout.FACE.start, layout.FACE.stop):
        if seen[i]:
            _dot(picture, xy[i], dot * thick, _WHITE)
    return picture


def draw_frames(
    poses: Poses, size: tuple[int, int] | None = None, threshold: float = 0.3
) -> Iterator[np.ndarray]:
    """Each frame's skeleton as a picture [H, W, 3] uint8 RGB, on black, as a stream."""
    if size is not None:
        poses = poses.scaled(size)
    for points in poses.points:
        yield draw(points, poses.size, threshold=threshold)


def _draw_body(
    picture: np.ndarray, xy: np.ndarray, seen: np.ndarray, thick: float, darken: bool
) -> None:
    shoulders = [layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]
    points = np.concatenate([xy, xy[shoulders].mean(axis=0, keepdims=True)])[OPENPOSE_POINTS]
    there = np.append(seen, seen[shoulders].all())[OPENPOSE_POINTS]
    shade = LIMB_SHADE if darken else 1.0
    for (a, b), colour in zip(OPENPOSE_LIMBS, OPENPOSE_COLOURS, strict=False):
        if there[a] and there[b]:
            middle, along = (points[a] + points[b]) / 2, points[b] - points[a]
            outline = cv2.ellipse2Poly(
                _whole(middle),
                (int(np.linalg.norm(along) / 2), max(1, round(thick))),
                int(np.degrees(np.arctan2(along[1], along[0]))),
                0,
                360,
                1,
            )
            cv2.fillConvexPoly(picture, outline, [round(shade * c) for c in colour])
    for point, ok, colour in zip(points, there, OPENPOSE_COLOURS, strict=True):
        if ok:
            _dot(picture, point, thick, colour)


def _draw_hand(
    picture: np.ndarray,
    xy: np.ndarray,
    seen: np.ndarray,
    hand: slice,
    edges: tuple[tuple[int, int], ...],
    thick: float,
    joint: float,
) -> None:
    for (a, b), colour in zip(edges, HAND_COLOURS, strict=True):
        if seen[a] and seen[b]:
            width = max(1, round(thick / 2))
            cv2.line(picture, _fine(xy[a]), _fine(xy[b]), colour, width, cv2.LINE_AA, _SHIFT)
    for i in range(hand.start, hand.stop):
        if seen[i]:
            _dot(picture, xy[i], joint * thick, _JOINT_BLUE)


def _dot(picture: np.ndarray, point: np.ndarray, radius: float, colour: tuple[int, ...]) -> None:
    fixed = max(1 << _SHIFT, round(radius * (1 << _SHIFT)))
    cv2.circle(picture, _fine(point), fixed, colour, -1, cv2.LINE_AA, _SHIFT)


def _whole(point: np.ndarray) -> tuple[int, int]:
    x, y = np.clip(np.round(point), -16_000, 16_000).astype(int)
    return int(x), int(y)


def _fine(point: np.ndarray) -> tuple[int, int]:
    x, y = np.clip(np.round(point * (1 << _SHIFT)), -250_000, 250_000).astype(int)
    return int(x), int(y)
