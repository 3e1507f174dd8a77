"""The arms in the photo: how far a pixel is from each, and what of the photo is theirs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .grab import grab, grown, smooth_outline
from .parts import (
    FOREARM_RADIUS,
    UPPER_ARM_RADIUS,
    along_bone,
    centre_upper_arm,
    smoothstep,
)
from .rig import PhotoRig

# Radii of a limb, clothes included, in its own: surely its; not its any more on the torso; beyond
# an end of the bone; beside the bone away from the torso, where sleeves hang.
SURE, TORSO, ELBOW, SLEEVE = 0.45, 1.3, 1.5, 3.0


@dataclass(frozen=True)
class Bone:
    """A bone seen from every pixel [H, W]: t along it, distance to it; its length, its radius."""

    t: np.ndarray
    distance: np.ndarray
    length: float
    radius: float


@dataclass(frozen=True)
class ArmArea:
    """An arm seen from every pixel [H, W].

    score: 1 on a bone, 0 one radius away. lower: bool, nearer to or over the forearm. root: 0 on
    the neck's side of the shoulder, where nothing is the arm's, to 1.
    """

    upper: Bone
    forearm: Bone
    score: np.ndarray
    lower: np.ndarray
    root: np.ndarray


def arm_area(grid: np.ndarray, matte: np.ndarray, rig: PhotoRig, side: str) -> ArmArea:
    """grid: [H, W, 2], the pixels. matte: [H, W] in 0..1. rig: in the photo's pixels."""
    shoulder, elbow, wrist = rig.arms[side]
    shift = centre_upper_arm(matte, rig, side)
    upper = Bone(
        *along_bone(grid, shoulder + shift, elbow + shift),
        float(np.linalg.norm(elbow - shoulder)),
        UPPER_ARM_RADIUS * rig.unit,
    )
    forearm = Bone(
        *along_bone(grid, elbow, wrist),
        float(np.linalg.norm(wrist - elbow)),
        FOREARM_RADIUS[0] * rig.unit,
    )
    thin = FOREARM_RADIUS[1] / FOREARM_RADIUS[0]
    taper = 1.0 + (thin - 1.0) * np.clip(forearm.t, 0, 1)
    of_upper = 1.0 - upper.distance / upper.radius
    of_forearm = 1.0 - forearm.distance / (forearm.radius * taper)
    # The forearm lies before the upper arm: where both claim a pixel it is the forearm's.
    lower = (of_forearm >= of_upper) | ((of_forearm > 0.1) & (forearm.t > 0.1))
    root = np.where(lower, 1.0, smoothstep(-0.12, 0.1, upper.t))
    return ArmArea(upper, forearm, np.maximum(of_upper, of_forearm), lower, root)


def cut_arm(
    photo: np.ndarray,
    matte: np.ndarray,
    area: ArmArea,
    inside: np.ndarray,
    unit: float,
    hands: np.ndarray,
    other: np.ndarray,
) -> np.ndarray:
    """[H, W] bool, the pixels of an arm without its hand.

    photo: [H, W, 3] uint8 RGB. matte: [H, W] in 0..1. inside: [H, W] signed distance into the
    torso, pixels. unit: shoulder width, pixels. hands, other: [H, W] bool, both hands, and the
    hand of the other arm.
    """
    # 0 on the torso, 1 away from it: how far a sleeve may claim what no limb is near to.
    free = smoothstep(0.0, 0.05 * unit, -inside)
    t = np.where(area.lower, area.forearm.t, area.upper.t)
    beside = (t < 1.05) & ((t > 0.0) | ~area.lower)
    wide = 1.0 + (np.where(beside, SLEEVE, ELBOW) - 1.0) * free
    sure = area.score > 1.0 - SURE
    # Well outside the torso there is nobody but the arm.
    alone = (inside < -0.12 * unit) & (matte > 0.5)
    sure |= alone & (area.score > np.where(beside, -0.6, -0.4))
    likely = area.score > 1.0 - np.minimum(wide, 1.6)
    possible = (area.score > 1.0 - TORSO * wide) & (area.root > 0.0) & (matte > 0.3)
    arm = grab(photo, sure & (area.root > 0.5) & ~other, likely & ~other, possible & ~other)
    # Smooth arm and hand as one, or a gap opens at the wrist; but keep off the fingers.
    near = grown(smooth_outline(arm & ~hands), 0.012 * max(matte.shape))
    return smooth_outline(arm | hands) & ~hands & possible & near


def limb_shape(seen: np.ndarray, bone: Bone) -> np.ndarray:
    """[H, W] in 0..1, the limb as it would be if nothing hid it, as wide as what is seen of it."""
    on_bone = seen & (bone.t > 0) & (bone.t < 1)
    wide = 0.75 * bone.radius
    if on_bone.sum() > bone.radius:
        low, high = np.percentile(bone.t[on_bone], [3, 97])
        wide = 0.5 * on_bone.sum() / max((high - low) * bone.length, 0.3 * bone.radius)
    wide = float(np.clip(wide, 0.4 * bone.radius, bone.radius))
    return smoothstep(-1.5, 1.5, wide - bone.distance) * smoothstep(-0.1, 0.1, bone.t)
