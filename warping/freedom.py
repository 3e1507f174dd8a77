"""How far the arms of a photo can be moved and still be drawn well, found by moving them.

A limb that would tear rests: a calm video is better than a torn one. An arm that rests is not cut
out at all; it goes with the torso, as one sheet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from .arms import arm_area
from .cut import cut_parts
from .fields import PoseFields
from .grab import skin_like
from .matte import Matting, default_matting
from .parts import hand_inside, palm_length, pixel_grid
from .renderer import node_grid, upsample
from .rig import ARM_POINTS, HAND_POINTS, SIDES, PhotoRig, Rig, photo_rig
from .textures import Part, stack_parts

# The trial is made at this size, pixels of the longer side: what it does not show does not count.
_SIZE = 320
_STEP = 8  # between the points at which motion is computed, pixels
# How far strokes take a wrist: outwards and down, in shoulder widths; how much of that the elbow
# does; and shares of it that are tried.
_STROKES, _ELBOW = ((0.0, -0.25), (0.0, 0.12), (0.25, -0.05), (-0.25, -0.05)), 0.4
_SHARES = (1.0, 0.65, 0.4)
# What may come out of a trial, areas in shoulder widths squared: pieces that come loose, holes that
# open, and what shows of an arm that the photo does not show.
_LOOSE, _OPEN, _UNSEEN = 0.002, 0.005, 0.03
# Of a bone's length, how much may lie where the matte sees nobody.
_BARE = 0.3
# A hand holds something where so much that is no skin hangs on it, in palm lengths squared.
_HELD = 0.5
# Hands nearer than this to each other hold each other, in palm lengths.
_CLASPED = 0.35


@dataclass(frozen=True)
class ArmFreedom:
    """How far an arm with its hand can move.

    side: the person's own left or right. share: of its usual motion; 0 for an arm that rests.
    reason: why not all of it, in plain words.
    """

    side: str
    share: float = 1.0
    reason: str = ""


@dataclass(frozen=True)
class Defects:
    """What a motion of an arm would show, in shoulder widths squared. loose: pieces that come off
    it. opened: holes. unseen: what the photo does not show of it."""

    loose: float
    opened: float
    unseen: float

    @property
    def reason(self) -> str:
        """The worst of them in plain words; "" where all are small."""
        if self.loose > _LOOSE:
            return "pieces of it would come loose"
        if self.opened > _OPEN:
            return "holes would open beside it"
        if self.unseen > _UNSEEN:
            return "the photo does not show enough of it: it points at the camera or is covered"
        return ""


def arm_freedoms(
    photo: np.ndarray, points: np.ndarray, matting: Matting | None = None
) -> tuple[ArmFreedom, ...]:
    """How far the arms of a photo can move, left and right.

    photo: [H, W, 3] uint8 RGB. points: [133, 3], its skeleton, in its pixels. matting: None for
    the one that comes along.
    """
    matte = (matting or default_matting()).matte(photo)
    height, width = matte.shape
    scale = min(1.0, _SIZE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    matte = cv2.resize(matte, size, interpolation=cv2.INTER_AREA)
    scaled = points.copy()
    scaled[:, :2] = (points[:, :2] + 0.5) * (np.array(size) / [width, height]) - 0.5
    rig = photo_rig(scaled, size)
    if not rig.arms:
        return tuple(ArmFreedom(side, 0.0, "it is not all in the picture") for side in SIDES)
    parts = stack_parts(cut_parts(small, matte, rig))
    return tuple(_freedom(side, small, matte, rig, parts) for side in SIDES)


def calmed(points: np.ndarray, rest: np.ndarray, freedoms: tuple[ArmFreedom, ...]) -> np.ndarray:
    """Skeletons [T, 133, 3] whose arms go no farther from the photo's [133, 3] than they can."""
    result = points.copy()
    for one in freedoms:
        if one.share < 1.0:
            mine = [*ARM_POINTS[one.side][1:], *range(*HAND_POINTS[one.side].indices(len(rest)))]
            shoulder = ARM_POINTS[one.side][0]
            sway = points[:, [shoulder], :2] - rest[shoulder, :2]
            still = rest[mine, :2] + sway
            result[:, mine, :2] = still + one.share * (points[:, mine, :2] - still)
    return result


def resting(points: np.ndarray, freedoms: tuple[ArmFreedom, ...]) -> np.ndarray:
    """A photo's skeleton [133, 3] whose resting arms count as not seen below the shoulder: no
    motion is made for them, and no layer is cut out along them."""
    result = points.copy()
    for one in freedoms:
        if one.share == 0.0:
            result[list(ARM_POINTS[one.side][1:]), 2] = 0.0
            result[HAND_POINTS[one.side], 2] = 0.0
    return result


def _freedom(
    side: str, photo: np.ndarray, matte: np.ndarray, rig: PhotoRig, parts: list[Part]
) -> ArmFreedom:
    reason = _obstacle(side, photo, matte, rig)
    if reason:
        return ArmFreedom(side, 0.0, reason)
    for share in _SHARES:
        defects = trial(rig, parts, side, share)
        if not defects.reason:
            return ArmFreedom(side, share, reason)
        reason = defects.reason
    return ArmFreedom(side, 0.0, reason)


def _obstacle(side: str, photo: np.ndarray, matte: np.ndarray, rig: PhotoRig) -> str:
    """What keeps an arm from moving at all, in plain words, or ""."""
    if side not in rig.arms:
        return "it is not all in the picture"
    if bare_share(matte, rig.arms[side]) > _BARE:
        return "something stands before it, or it is not where it was looked for"
    if hands_clasped(rig):
        return "the hands hold each other"
    if side in rig.hands and held_area(photo, matte, rig, side) > _HELD:
        return "the hand holds something"
    return ""


def bare_share(matte: np.ndarray, arm: np.ndarray) -> float:
    """The larger share of upper arm and forearm [3, 2] that lies where nobody is seen."""
    shares = []
    for start, end in ((arm[0], arm[1]), (arm[1], arm[2])):
        places = start + np.linspace(0.15, 0.9, 16)[:, None] * (end - start)
        x, y = np.clip(np.round(places).astype(int), 0, np.array(matte.shape[::-1]) - 1).T
        shares.append(float((matte[y, x] < 0.4).mean()))
    return max(shares)


def hands_clasped(rig: PhotoRig) -> bool:
    """Whether the two hands lie in each other."""
    if len(rig.hands) < 2:
        return False
    left, right = rig.hands.values()
    apart = np.linalg.norm(left[:, None] - right[None], axis=-1)
    return bool(np.percentile(apart, 5) < _CLASPED * min(palm_length(left), palm_length(right)))


def held_area(photo: np.ndarray, matte: np.ndarray, rig: PhotoRig, side: str) -> float:
    """Palm lengths squared of what hangs on a hand and is neither skin nor the person's arm or
    torso."""
    shape = (matte.shape[0], matte.shape[1])
    grid, hand = pixel_grid(shape[1], shape[0]), rig.hands[side]
    deep, palm = hand_inside(shape, hand), palm_length(hand)
    near = np.linalg.norm(grid - hand.mean(0), axis=-1) < 2.0 * palm
    arms = [arm_area(grid, matte, rig, one).score > -1.5 for one in rig.arms]
    own = np.logical_or.reduce([*arms, np.abs(grid[..., 0] - rig.neck[0]) < 0.6 * rig.unit])
    other = near & (matte > 0.6) & ~skin_like(photo, deep > 0.5) & (deep < -1.0) & ~own
    return float(other.sum()) / palm**2


def trial(rig: PhotoRig, parts: list[Part], side: str, share: float = 1.0) -> Defects:
    """The worst of some trial motions of an arm. share: how far they go."""
    # An arm in pieces is never drawn well; holes there may be.
    at_rest = np.array(_areas(rig, parts, side, rig)) * [0, 1, 1]
    worst = np.zeros(3)
    for driven in _trial_motions(rig, side, share):
        worst = np.maximum(worst, _areas(rig, parts, side, driven) - at_rest)
    return Defects(*(worst / rig.unit**2).tolist())


def _trial_motions(rig: PhotoRig, side: str, share: float) -> Iterator[Rig]:
    """The wrist goes as far as strokes of talkers do, and takes the elbow along a little."""
    shoulder, elbow, wrist = rig.arms[side]
    out = np.sign(shoulder[0] - rig.neck[0]) or 1.0
    for x, y in _STROKES:
        way = share * rig.unit * np.array([out * x, y])
        arm = np.stack([shoulder, elbow + _ELBOW * way, wrist + way]).astype(np.float32)
        hands = dict(rig.hands)
        if side in hands:
            hands[side] = (hands[side] + way).astype(np.float32)
        yield Rig(rig.shoulders, {**rig.arms, side: arm}, hands, rig.face)


def _areas(rig: PhotoRig, parts: list[Part], side: str, driven: Rig) -> tuple[float, float, float]:
    """Pixels in one motion: loose pieces of an arm, holes in the person, and what shows of the arm
    and not in the photo."""
    fields = PoseFields.between(rig, driven)
    height, width = parts[0].alpha.shape
    box = (0, 0, width, height)
    nodes = node_grid(box, _STEP)
    whole, arm = np.zeros((2, height, width), bool)
    unseen = 0
    for part in reversed(parts):
        back = upsample(fields.back(part.name, part.side, nodes), box, _STEP)
        shown = cv2.remap(part.alpha, back, None, cv2.INTER_LINEAR) > 0.5
        if part.side == side:
            known = cv2.remap(part.seen, back, None, cv2.INTER_LINEAR) > 0.5
            unseen += int((shown & ~known & ~whole).sum())
            arm |= shown
        whole |= shown
    return _loose(arm), _holes(whole), float(unseen)


def _loose(mask: np.ndarray) -> float:
    """Pixels of all pieces of a mask but the largest."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return float(areas.sum() - areas.max(initial=0))


def _holes(mask: np.ndarray) -> float:
    """Pixels that a mask encloses. The picture's lower edge closes it: people go on below."""
    free = np.pad((~mask).astype(np.uint8), ((1, 0), (1, 1)), constant_values=1)
    _, labels = cv2.connectedComponents(free, connectivity=4)
    return float(((labels != labels[0, 0]) & (free > 0)).sum())
