"""Cut the person in the photo into parts: who owns which pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .arms import ArmArea, arm_area, cut_arm, limb_shape
from .grab import grab, grown, one_piece, skin_like, soften
from .matte import one_person
from .parts import hand_inside, pixel_grid, smoothstep, torso_distance
from .rig import PhotoRig
from .torso import torso_pieces, torso_shape

# Narrower than twice this, in shoulder widths, is no part of the torso beside an arm.
_SLIP = 0.045
# A piece of an arm that lies apart and is smaller than a square of this side is a rag.
_RAG = 0.12
# So far beside the torso as people are built, in shoulder widths, clothes may go on behind a limb.
_BESIDE = 0.2


@dataclass(frozen=True)
class PartMasks:
    """Soft masks [H, W] float32 in 0..1.

    person: the matte, cleared of haze about the hands. around: [H, W] bool, all that the person
    may touch: no pixel of it can be trusted to be background. body: torso, neck, head, legs, as
    seen. torso: the torso as it would be if no arm hid it. arms: side -> (upper arm, forearm), as
    seen. shapes: the same if nothing hid them. hands: side -> hand, as seen.
    """

    person: np.ndarray
    around: np.ndarray
    body: np.ndarray
    torso: np.ndarray
    arms: dict[str, tuple[np.ndarray, np.ndarray]]
    shapes: dict[str, tuple[np.ndarray, np.ndarray]]
    hands: dict[str, np.ndarray]


def cut_parts(photo: np.ndarray, matte: np.ndarray, rig: PhotoRig) -> PartMasks:
    """Divide the person among the parts: hands before arms before the body.

    photo: [H, W, 3] uint8 RGB. matte: [H, W] float32 in 0..1. rig: in the photo's pixels.
    """
    shape = (matte.shape[0], matte.shape[1])
    matte = one_person(matte, rig)
    around = matte > 0.02
    inside = torso_distance(shape, rig)
    deep = {side: hand_inside(shape, hand) for side, hand in rig.hands.items()}
    for score in deep.values():
        around |= score > -0.4
    grid = pixel_grid(shape[1], shape[0])
    areas = {side: arm_area(grid, matte, rig, side) for side in rig.arms}
    hands, matte = _cut_hands(photo, matte, deep, areas, inside < -0.025 * rig.unit)
    any_hand = np.logical_or.reduce([np.zeros(shape, bool), *hands.values()])
    arms, shapes = {}, {}
    for side, area in areas.items():
        other = any_hand & ~hands.get(side, np.zeros(shape, bool))
        arm = cut_arm(photo, matte, area, inside, rig.unit, any_hand, other)
        # The matte is unsure of sleeves that look like the wall; the cut is not.
        matte = np.maximum(matte, soften(cv2.erode(arm.astype(np.uint8), np.ones((3, 3)))))
        arms[side] = arm
        shapes[side] = (
            limb_shape(arm & ~area.lower, area.upper, any_hand | (arm & area.lower)),
            limb_shape(arm & area.lower, area.forearm, any_hand),
        )
    body, taken = _cut_body(matte, inside, rig, [*arms.values(), *hands.values()])
    owner = _nearest([body, *arms.values(), *hands.values()])
    rag = (_RAG * rig.unit) ** 2
    owner, loose = _without_rags(owner, matte, list(areas), list(hands), rag)
    matte = np.where(loose, 0.0, matte).astype(np.float32)
    # A microphone, a chair: the matte has it, but no limb can reach it, so it is background.
    far = _out_of_reach(deep, areas) & (owner > 0) & ~taken
    low = (owner > 0) | (grid[..., 1] > rig.neck[1] + 0.3 * rig.unit)
    haze = low & ~grown(taken | body, 0.006 * max(shape)) & (matte < 0.9)
    matte = np.where(far | haze, 0.0, matte).astype(np.float32)
    # What haze covered is background as good as any.
    around &= ~far & grown((matte > 0.02) | any_hand, 0.018 * max(shape))
    torso = torso_shape(body, taken, inside, rig)
    torso = np.maximum(torso, soften(_between(body, taken) & (inside > -_BESIDE * rig.unit)))
    return _soft_masks(matte, around, owner, torso, areas, shapes, list(hands))


def _cut_hands(
    photo: np.ndarray,
    matte: np.ndarray,
    deep: dict[str, np.ndarray],
    areas: dict[str, ArmArea],
    free: np.ndarray,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """side -> [H, W] bool, and the matte without its haze about the hands.

    deep: side -> [H, W], see `hand_inside`. free: [H, W] bool, away from the torso.
    """
    hands = {}
    for side, score in deep.items():
        skin = skin_like(photo, score > 0.5)
        # Estimated fingers may lie beside the real ones: colour tells which.
        near = one_piece(skin & (score > -2.2), score > 0.35)
        hands[side] = grab(
            photo,
            skin & (score > 0.35),
            (score > 0.0) | (near & (score > -0.8)),
            (score > -1.2) | near,
        )
        area = areas[side]
        limb = (area.forearm.distance < 1.2 * area.forearm.radius) & (area.forearm.t < 1.0)
        limb |= area.upper.distance < 2.0 * area.upper.radius
        haze = free & (score > -1.6) & ~hands[side] & ~limb
        matte = np.maximum(np.where(haze, 0.0, matte), soften(hands[side])).astype(np.float32)
    if len(hands) == 2:
        (one, deep_one), (two, deep_two) = ((hands[s], deep[s]) for s in hands)
        both, first = one & two, deep_one > deep_two
        one &= ~both | first
        two &= ~both | ~first
    return hands, matte


def _cut_body(
    matte: np.ndarray, inside: np.ndarray, rig: PhotoRig, limbs: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """[H, W] bool twice: the body, and what arms and hands take. Slivers are nobody's yet."""
    taken = np.logical_or.reduce([np.zeros(matte.shape, bool), *limbs])
    # On the torso a limb keeps its own rim: light skin left on a dark shirt would be seen.
    taken |= (inside > 0) & (cv2.dilate(taken.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
    thick = 2 * max(2, round(0.008 * max(matte.shape))) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thick, thick))
    body = cv2.morphologyEx(((matte > 0.5) & ~taken).astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    # Slips of a sleeve beside the torso are the arm's, or they would stand out when it has gone.
    solid = _opened(body, _SLIP * rig.unit)
    body &= solid | (inside > _SLIP * rig.unit) | ~grown(taken, 2 * _SLIP * rig.unit)
    return torso_pieces(body, inside, rig), taken


def _between(body: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """[H, W] bool, what of the limbs has the body above and below it: it goes on behind them."""
    above = np.maximum.accumulate(body, axis=0)
    below = np.maximum.accumulate(body[::-1], axis=0)[::-1]
    return taken & above & below


def _opened(mask: np.ndarray, radius: float) -> np.ndarray:
    """What of a mask [H, W] bool is wider than twice a radius in pixels."""
    size = 2 * max(round(radius), 1) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0


def _out_of_reach(deep: dict[str, np.ndarray], areas: dict[str, ArmArea]) -> np.ndarray:
    """[H, W] bool, nowhere near an arm or a hand."""
    far = [area.score < -1.2 for area in areas.values()]
    far += [score < -2.0 for score in deep.values()]
    return np.logical_and.reduce(far) if far else np.zeros(1, bool)


def _soft_masks(
    matte: np.ndarray,
    around: np.ndarray,
    owner: np.ndarray,
    torso: np.ndarray,
    areas: dict[str, ArmArea],
    shapes: dict[str, tuple[np.ndarray, np.ndarray]],
    hand_sides: list[str],
) -> PartMasks:
    """owner: [H, W] int, 0 the body, then the arms, then the hands."""
    arms, hands, taken = {}, {}, np.zeros_like(matte)
    for index, (side, area) in enumerate(areas.items(), start=1):
        arm = owner == index
        upper, fore = (soften(arm & mine) * area.root * matte for mine in (~area.lower, area.lower))
        arms[side] = (upper, fore)
        # Under the arm's faded root the body is whole, or the background would shine through both.
        taken += soften(arm) * smoothstep(0.85, 1.0, area.root)
    for index, side in enumerate(hand_sides, start=1 + len(areas)):
        soft = soften(owner == index)
        hands[side] = soft * matte
        taken += soft
    body = np.clip(1.0 - taken, 0, 1) * matte
    return PartMasks(matte, around, body.astype(np.float32), torso, arms, shapes, hands)


def _without_rags(
    owner: np.ndarray, matte: np.ndarray, arms: list[str], hands: list[str], rag: float
) -> tuple[np.ndarray, np.ndarray]:
    """An arm with its hand, without the small pieces that lie apart and would fly about. They are
    the body's where they touch it, else nobody's.

    owner: [H, W] int, 0 the body, then the arms, then the hands; their sides. rag: pixels that such
    a piece has at most; a hand whose arm is hidden is larger. Returns the owner, and [H, W] bool,
    what is nobody's.
    """
    owner, loose = owner.copy(), np.zeros(owner.shape, bool)
    person = matte > 0.3
    for index, side in enumerate(arms, start=1):
        mine = owner == index
        if side in hands:
            mine |= owner == 1 + len(arms) + hands.index(side)
        apart = _small_pieces(mine & person, rag)
        _, labels = cv2.connectedComponents(apart.astype(np.uint8), connectivity=8)
        touching = np.unique(labels[grown((owner == 0) & person, 1.0)])
        to_body = np.isin(labels, touching[touching > 0])
        owner[to_body] = 0
        loose |= apart & ~to_body
    return owner, loose


def _small_pieces(mask: np.ndarray, size: float) -> np.ndarray:
    """The pieces of a mask [H, W] bool with at most so many pixels, but never its largest."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA]
    small = areas <= min(size, areas[1:].max(initial=0) - 1)
    small[0] = False
    return small[labels]


def _nearest(masks: list[np.ndarray]) -> np.ndarray:
    """[H, W] int, for each pixel the index of the mask that is nearest; later masks win ties."""
    seeds = np.full(masks[0].shape, -1, np.int32)
    for index, mask in enumerate(masks):
        seeds[mask] = index
    if not (seeds >= 0).any():
        return np.zeros_like(seeds)
    _, labels = cv2.distanceTransformWithLabels(
        (seeds < 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(labels.max() + 1, np.int32)
    table[labels[seeds >= 0]] = seeds[seeds >= 0]
    return table[labels]
