"""The arms in the photo: how far a pixel is from each, and what of the photo is theirs."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .grab import grab, grown, one_piece, smooth_outline
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
# The same beyond the elbow of a forearm that lies in the picture: there the joint is well known.
KNOWN_ELBOW = 0.9
# What lies so near to a bone, in radii, shows the limb's colour; a distance in CIE Lab at which two
# colours are told apart; and how much nearer to the torso's colour a pixel must be to be its.
CORE, DIFFERENT, MORE = 0.4, 20.0, 0.7
# Places along a bone at which the width and the colour of the limb are measured.
WIDTH_BINS = 12


@dataclass(frozen=True)
class Bone:
    """A bone seen from every pixel [H, W]: t along it, distance to it, signed offset across it;
    its length, its radius. Pixels."""

    t: np.ndarray
    distance: np.ndarray
    offset: np.ndarray
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
    upper = _bone(grid, shoulder + shift, elbow + shift, UPPER_ARM_RADIUS * rig.unit)
    forearm = _bone(grid, elbow, wrist, FOREARM_RADIUS[0] * rig.unit)
    thin = FOREARM_RADIUS[1] / FOREARM_RADIUS[0]
    taper = 1.0 + (thin - 1.0) * np.clip(forearm.t, 0, 1)
    of_upper = 1.0 - upper.distance / upper.radius
    of_forearm = 1.0 - forearm.distance / (forearm.radius * taper)
    # The forearm lies before the upper arm: where both claim a pixel it is the forearm's.
    lower = (of_forearm >= of_upper) | ((of_forearm > 0.1) & (forearm.t > 0.1))
    root = np.where(lower, 1.0, smoothstep(-0.12, 0.1, upper.t))
    return ArmArea(upper, forearm, np.maximum(of_upper, of_forearm), lower, root)


def _bone(grid: np.ndarray, start: np.ndarray, end: np.ndarray, radius: float) -> Bone:
    along = end - start
    length = float(np.linalg.norm(along))
    across = np.array([-along[1], along[0]], np.float32) / max(length, 1e-3)
    offset = (grid - start.astype(np.float32)) @ across
    return Bone(*along_bone(grid, start, end), offset, length, radius)


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
    known = smoothstep(0.4, 0.9, np.float32(0.5 * area.forearm.length / area.forearm.radius))
    elbow = ELBOW + (KNOWN_ELBOW - ELBOW) * float(known)
    wide = 1.0 + (np.where(beside, SLEEVE, elbow) - 1.0) * free
    sure = area.score > 1.0 - SURE
    # Well outside the torso there is nobody but the arm.
    alone = (inside < -0.12 * unit) & (matte > 0.5)
    sure |= alone & (area.score > np.where(beside, -0.6, 1.1 - elbow))
    likely = area.score > 1.0 - np.minimum(wide, 1.6)
    possible = (area.score > 1.0 - TORSO * wide) & (area.root > 0.0) & (matte > 0.3)
    arm = grab(photo, sure & (area.root > 0.5) & ~other, likely & ~other, possible & ~other)
    torso = (inside > 0.0) & (matte > 0.9) & ~arm & ~hands
    arm &= ~of_torso(photo, arm & ~hands, area, torso)
    # Smooth arm and hand as one, or a gap opens at the wrist; but keep off the fingers.
    near = grown(smooth_outline(arm & ~hands), 0.012 * max(matte.shape))
    return smooth_outline(arm | hands) & ~hands & possible & near


def of_torso(photo: np.ndarray, arm: np.ndarray, area: ArmArea, torso: np.ndarray) -> np.ndarray:
    """[H, W] bool, pixels cut out with an arm that are the torso's by their colour.

    A white sleeve makes the white shirt beside the bare elbow look like the arm. So each place
    along the arm is asked for its own colour: where that is not the torso's, pixels are the arm's
    only as far as they are more like it than like the torso.

    photo: [H, W, 3] uint8 RGB. arm: [H, W] bool, as cut, without hands. torso: [H, W] bool, what
    is left of the torso.
    """
    found = np.zeros(arm.shape, bool)
    beside = torso & grown(arm, 0.06 * max(arm.shape))
    if not beside.any():
        return found
    # A fold's shadow is darker, and of the same hue.
    colours = cv2.cvtColor(photo, cv2.COLOR_RGB2LAB) * np.array([0.7, 1.0, 1.0], np.float32)
    other = np.median(colours[beside], axis=0)
    from_torso = np.linalg.norm(colours - other, axis=-1)
    for bone, half in ((area.upper, arm & ~area.lower), (area.forearm, arm & area.lower)):
        bins = np.clip(bone.t * WIDTH_BINS, 0, WIDTH_BINS - 1).astype(int)
        core = half & (bone.distance < CORE * bone.radius)
        for number in np.unique(bins[half]):
            here = half & (bins == number)
            if not (here & core).any():
                continue
            own = np.median(colours[here & core], axis=0)
            if np.linalg.norm(own - other) > DIFFERENT:
                found |= here & ~core & (from_torso < MORE * np.linalg.norm(colours - own, axis=-1))
    # A dark cuff beside the hand has the colour of the shirt, too; but it does not touch it.
    return one_piece(found | torso, torso) & found


def limb_shape(seen: np.ndarray, bone: Bone, hidden: np.ndarray) -> np.ndarray:
    """[H, W] in 0..1, the limb as it would be if nothing hid it, as wide as what is seen of it,
    on each side of the bone by itself: estimated bones seldom run in the middle of a limb.

    seen, hidden: [H, W] bool, what the photo shows of the limb, and what may hide more of it.
    """
    on_bone = (bone.t > 0) & (bone.t < 1) & (bone.distance < 1.5 * bone.radius)
    bins = np.minimum((bone.t * WIDTH_BINS).astype(int), WIDTH_BINS - 1)
    widths = []
    for way in (1.0, -1.0):
        off = way * bone.offset
        limb, cover = seen & on_bone & (off > 0), hidden & on_bone & (off > 0)
        # Pixels a bin holds per pixel of its length are the width there.
        step = max(bone.length / WIDTH_BINS, 1e-3)
        held = np.bincount(bins[limb], minlength=WIDTH_BINS) / step
        covered = np.bincount(bins[cover], minlength=WIDTH_BINS) / step
        widths.append(np.where((covered < 1.0) & (held > 0), held, np.nan))
    both = np.array([_filled_up(side, 0.75 * bone.radius) for side in widths])
    both = np.clip(both, 0.15 * bone.radius, bone.radius)
    at = np.clip(bone.t, 0, 1) * WIDTH_BINS - 0.5
    one, other = (np.interp(at, np.arange(WIDTH_BINS), side) for side in both)
    wide = np.where(bone.offset > 0, one, other)
    return smoothstep(-1.5, 1.5, wide - bone.distance) * smoothstep(-0.1, 0.1, bone.t)


def _filled_up(values: np.ndarray, otherwise: float) -> np.ndarray:
    """Values [N] with their NaNs interpolated; all ``otherwise`` where there is nothing else."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return np.full(len(values), otherwise)
    smooth = np.interp(np.arange(len(values)), known, values[known])
    return np.convolve(np.pad(smooth, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
