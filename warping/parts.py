"""Geometry of the body's parts in the photo: distances to limbs, torso and hands, in pixels."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from .rig import HAND_MIDDLE, HAND_ROOT, PhotoRig

# Half-widths in shoulder widths, clothes included: upper arm; forearm at elbow and at wrist.
UPPER_ARM_RADIUS = 0.15
FOREARM_RADIUS = (0.14, 0.10)
# Half-width of a finger, in palm lengths (wrist to middle knuckle).
FINGER_RADIUS = 0.14
FINGERS = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
PALM = (0, 1, 5, 9, 13, 17)


def smoothstep(low: float, high: float, value: np.ndarray | np.floating) -> np.ndarray:
    """0 up to low, 1 from high on, smooth between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def pixel_grid(width: int, height: int) -> np.ndarray:
    """[height, width, 2] float32 of (x, y)."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.dstack([x, y])


def along_bone(
    grid: np.ndarray, start: np.ndarray, end: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(t, distance) of points [..., 2]: where on the bone, 0 at its start and 1 at its end,
    unclipped, and the distance to the segment in pixels."""
    bone_x, bone_y = (float(v) for v in end - start)
    length = max(bone_x * bone_x + bone_y * bone_y, 1e-6)
    x, y = grid[..., 0] - np.float32(start[0]), grid[..., 1] - np.float32(start[1])
    t = (x * (bone_x / length) + y * (bone_y / length)).astype(np.float32)
    nearest = np.clip(t, 0.0, 1.0)
    return t, np.hypot(x - nearest * np.float32(bone_x), y - nearest * np.float32(bone_y))


def signed_distance(shape: tuple[int, ...], outline: np.ndarray) -> np.ndarray:
    """[H, W] distance to a polygon [N, 2] that may reach out of the picture, positive inside."""
    pad = 64
    mask = np.zeros((shape[0] + 2 * pad, shape[1] + 2 * pad), np.uint8)
    cv2.fillPoly(mask, [np.round(outline + pad).astype(np.int32)], 1)
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    outside = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 5)
    return (inside - outside)[pad:-pad, pad:-pad]


def torso_distance(shape: tuple[int, int], rig: PhotoRig) -> np.ndarray:
    """[H, W] signed distance to the outline of the torso without arms, positive inside."""
    left, right = rig.shoulders
    across = (left - right) / max(float(np.linalg.norm(left - right)), 1e-6)
    unit = rig.unit
    hip_left, hip_right = rig.hips
    waist = max(0.0, 0.42 * unit - 0.5 * float(np.linalg.norm(hip_left - hip_right))) * across
    down = np.array([0.0, unit])
    outline = [
        rig.neck - 0.4 * down,
        left + 0.02 * unit * across - 0.1 * down,
        left + 0.01 * unit * across + 0.35 * down,
        hip_left + waist - 0.25 * down,
        hip_left + waist + 0.06 * unit * across,
        hip_left + waist + 0.2 * unit * across + 4 * down,
        hip_right - waist - 0.2 * unit * across + 4 * down,
        hip_right - waist - 0.06 * unit * across,
        hip_right - waist - 0.25 * down,
        right - 0.01 * unit * across + 0.35 * down,
        right - 0.02 * unit * across - 0.1 * down,
    ]
    return signed_distance(shape, np.stack(outline))


def palm_length(hand: np.ndarray) -> float:
    """Pixels from wrist to middle knuckle of a hand [21, 2]; a palm seen from its edge or a fist
    counts by the hand's whole extent."""
    palm = float(np.linalg.norm(hand[HAND_MIDDLE] - hand[HAND_ROOT]))
    return max(palm, 0.45 * float(np.ptp(hand, axis=0).max()), 1.0)


def hand_inside(shape: tuple[int, int], hand: np.ndarray) -> np.ndarray:
    """[H, W] how deep pixels lie inside the outline of a hand [21, 2]: 1 on a finger's bone, 0 on
    the outline, negative outside, -9 far away."""
    radius = FINGER_RADIUS * palm_length(hand)
    result = np.full(shape, -9.0, np.float32)
    low = np.maximum(np.floor(hand.min(0) - 4 * radius), 0).astype(int)
    high = np.minimum(np.ceil(hand.max(0) + 4 * radius), shape[::-1]).astype(int)
    if (high <= low).any():
        return result
    width, height = high - low
    hand = hand - low
    grid = pixel_grid(int(width), int(height))
    hull = cv2.convexHull(np.round(hand[list(PALM)]).astype(np.int32))[:, 0]
    score = signed_distance(grid.shape[:2], hull) / radius + 0.7
    bones = [np.full(score.shape, np.inf, np.float32)]
    bones += [along_bone(grid, hand[a], hand[b])[1] for f in FINGERS for a, b in pairwise(f)]
    score = np.maximum(score, 1.0 - np.minimum.reduce(bones) / radius)
    result[low[1] : high[1], low[0] : high[0]] = score
    return result


def centre_upper_arm(matte: np.ndarray, rig: PhotoRig, side: str) -> np.ndarray:
    """[2], the way from the estimated bone to the middle of the upper arm, in pixels.

    Estimators put the bone of a hanging arm near its inner edge. Where the outer edge of the
    person is near, the arm's middle is one radius inside it.
    """
    shoulder, elbow, _ = rig.arms[side]
    bone = elbow - shoulder
    out = np.array([-bone[1], bone[0]]) / max(float(np.linalg.norm(bone)), 1e-3)
    if out @ (shoulder - rig.neck) < 0:
        out = -out
    radius = UPPER_ARM_RADIUS * rig.unit
    reach = np.arange(0.0, 2.6 * radius, 1.0)
    starts = shoulder + np.linspace(0.35, 0.9, 8)[:, None] * bone
    ray = starts[:, None] + reach[None, :, None] * out
    column = np.clip(np.round(ray[..., 0]).astype(int), 0, matte.shape[1] - 1)
    row = np.clip(np.round(ray[..., 1]).astype(int), 0, matte.shape[0] - 1)
    empty = matte[row, column] < 0.5
    distance = np.median(np.where(empty.any(1), empty.argmax(1), 10 * radius))
    if distance > 2.5 * radius:
        return np.zeros(2)
    return out * np.clip(distance - radius, 0.0, 0.7 * radius)
