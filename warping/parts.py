"""Which pixel of the photo belongs to which part of the body."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .rig import HAND_MIDDLE, HAND_ROOT, PhotoRig

# Half-widths in shoulder widths, clothes included, of a limb seen before the torso.
UPPER_ARM_RADIUS = 0.16
FOREARM_RADIUS = (0.15, 0.10)
# Half-width of a finger, in palm lengths (wrist to middle knuckle).
FINGER_RADIUS = 0.15
# Away from the torso a limb may be wider by this factor: loose sleeves, but no one else's pixels.
SLEEVE = 2.6
FINGERS = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
PALM = (0, 1, 5, 9, 13, 17)


@dataclass(frozen=True)
class PartMasks:
    """Soft masks [H, W] float32 in 0..1, of what is seen of each part in the photo.

    arms: side -> (upper arm, forearm). hands: side -> hand. body: torso, neck, head, legs.
    shape: side -> (upper arm, forearm) as they would be if nothing hid them. torso: the same.
    """

    body: np.ndarray
    torso: np.ndarray
    arms: dict[str, tuple[np.ndarray, np.ndarray]]
    shapes: dict[str, tuple[np.ndarray, np.ndarray]]
    hands: dict[str, np.ndarray]


def smoothstep(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """0 up to low, 1 from high on, smooth between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def pixel_grid(width: int, height: int) -> np.ndarray:
    """[height, width, 2] float32 of (x, y)."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.dstack([x, y])


def along_bone(grid: np.ndarray, start: np.ndarray, end: np.ndarray) -> tuple:
    """(t, distance): where on the bone, 0 at its start and 1 at its end, unclipped, and the
    distance to the segment in pixels."""
    bone = end - start
    length = max(float(bone @ bone), 1e-6)
    offset = grid - start
    t = (offset @ bone) / length
    nearest = np.clip(t, 0.0, 1.0)[..., None] * bone
    return t, np.linalg.norm(offset - nearest, axis=-1)


def torso_distance(grid: np.ndarray, rig: PhotoRig) -> np.ndarray:
    """Signed distance to the outline of the torso without arms, in pixels, positive inside."""
    left, right = rig.shoulders
    across = (left - right) / max(np.linalg.norm(left - right), 1e-6)
    hip_left, hip_right = rig.hips
    unit = rig.unit
    bottom = np.array([0.0, 4 * unit])
    outline = np.stack(
        [
            rig.neck - [0, 0.4 * unit],
            left - across * 0.02 * unit - [0, 0.1 * unit],
            left - across * 0.07 * unit + [0, 0.35 * unit],
            hip_left + across * 0.12 * unit,
            hip_left + across * 0.2 * unit + bottom,
            hip_right - across * 0.2 * unit + bottom,
            hip_right - across * 0.12 * unit,
            right + across * 0.07 * unit + [0, 0.35 * unit],
            right + across * 0.02 * unit - [0, 0.1 * unit],
        ]
    )
    return _signed_distance(grid.shape[:2], outline)


def _signed_distance(shape: tuple[int, int], outline: np.ndarray) -> np.ndarray:
    """[H, W] distance to a polygon [N, 2] that may reach out of the picture, positive inside."""
    pad = 64
    mask = np.zeros((shape[0] + 2 * pad, shape[1] + 2 * pad), np.uint8)
    cv2.fillPoly(mask, [np.round(outline + pad).astype(np.int32)], 1)
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    outside = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 5)
    return (inside - outside)[pad:-pad, pad:-pad]


def _hand_score(grid: np.ndarray, hand: np.ndarray) -> np.ndarray:
    """Pixels inside (+) or outside (-) the outline of a hand."""
    palm = max(float(np.linalg.norm(hand[HAND_MIDDLE] - hand[HAND_ROOT])), 1.0)
    reach = max(palm, 0.5 * float(np.ptp(hand, axis=0).max()))
    radius = FINGER_RADIUS * reach
    hull = cv2.convexHull(np.round(hand[list(PALM)]).astype(np.int32))
    score = _signed_distance(grid.shape[:2], hull[:, 0].astype(np.float32)) + 0.6 * radius
    for finger in FINGERS:
        for a, b in zip(finger, finger[1:], strict=False):
            score = np.maximum(score, radius - along_bone(grid, hand[a], hand[b])[1])
    return score


def cut_parts(photo: np.ndarray, matte: np.ndarray, rig: PhotoRig) -> PartMasks:
    """Divide the person among the parts by distance to the limbs, nearest part first.

    photo: [H, W, 3] uint8 RGB. matte: [H, W] float32 in 0..1. rig: in the photo's pixels.
    """
    height, width = matte.shape
    grid = pixel_grid(width, height)
    unit = rig.unit
    inside = torso_distance(grid, rig)
    # 0 well inside the torso, 1 outside: how far a sleeve may claim what no limb is near to.
    free = smoothstep(0.0, 0.06 * unit, -inside)
    scores, shapes, arm_shapes = {}, {}, {}
    for side, (shoulder, elbow, wrist) in rig.arms.items():
        t_upper, d_upper = along_bone(grid, shoulder, elbow)
        t_fore, d_fore = along_bone(grid, elbow, wrist)
        r_upper = UPPER_ARM_RADIUS * unit * np.ones_like(t_upper)
        r_fore = unit * (
            FOREARM_RADIUS[0] + (FOREARM_RADIUS[1] - FOREARM_RADIUS[0]) * np.clip(t_fore, 0, 1)
        )
        wide = 1.0 + (SLEEVE - 1.0) * free
        # The arm grows out of the shoulder: it claims nothing on the neck's side of the joint.
        root = smoothstep(-0.12, 0.1, t_upper)
        tip = 1.0 - smoothstep(1.05, 1.25, t_fore)
        upper = np.where(root > 0, r_upper * wide - d_upper, -unit) * 1.0
        fore = np.where(tip > 0, r_fore * wide - d_fore, -unit)
        scores[side, "upper"] = upper / r_upper
        scores[side, "forearm"] = fore / r_fore
        arm_shapes[side] = (
            smoothstep(-1.5, 1.5, r_upper - d_upper) * root,
            smoothstep(-1.5, 1.5, r_fore - d_fore) * tip,
        )
        shapes[side] = (root, tip)
        if side in rig.hands:
            palm = np.linalg.norm(rig.hands[side][HAND_MIDDLE] - wrist)
            scores[side, "hand"] = _hand_score(grid, rig.hands[side]) / max(0.3 * palm, 1.0)
    return _compete(photo, matte, scores, shapes, arm_shapes, inside)


def _compete(photo, matte, scores, roots, arm_shapes, inside) -> PartMasks:
    """Give each pixel to the part that claims it most; hands come before arms."""
    height, width = matte.shape
    names = list(scores)
    stack = np.stack([np.zeros((height, width), np.float32), *(scores[n] for n in names)])
    for index, (_, part) in enumerate(names):
        if part == "hand":
            # In front of everything: its outline alone decides.
            stack[index + 1] = np.where(scores[names[index]] > 0, 50 + scores[names[index]], -1)
    owner = stack.argmax(0)
    masks = {}
    for index, name in enumerate(names):
        hard = (owner == index + 1).astype(np.float32)
        masks[name] = cv2.GaussianBlur(hard, (0, 0), 1.0)
    arms, hands = {}, {}
    taken = np.zeros((height, width), np.float32)
    for side in roots:
        root, tip = roots[side]
        upper, fore = masks[side, "upper"] * root, masks[side, "forearm"] * tip
        arms[side] = (upper * matte, fore * matte)
        taken = np.maximum(taken, np.maximum(upper, fore))
        if (side, "hand") in masks:
            hands[side] = masks[side, "hand"] * matte
            taken = np.maximum(taken, masks[side, "hand"])
    body = np.clip(1.0 - taken, 0, 1) * matte
    torso = smoothstep(-2.0, 2.0, inside)
    return PartMasks(body, torso, arms, arm_shapes, hands)
