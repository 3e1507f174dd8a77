"""Cut the person in the photo into parts: who owns which pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .parts import (
    FOREARM_RADIUS,
    UPPER_ARM_RADIUS,
    along_bone,
    centre_upper_arm,
    hand_inside,
    pixel_grid,
    smoothstep,
    torso_distance,
)
from .rig import PhotoRig

# Where a pixel lies relative to a limb's radius: surely the limb's, surely not, clothes included.
SURE_IN, SURE_OUT, ELBOW, SLEEVE = 0.45, 1.3, 1.5, 3.0
# Longer side of a cut-out for GrabCut, in pixels: it is slow, and edges need no more.
GRAB_SIZE = 160


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


def grab(photo: np.ndarray, sure: np.ndarray, likely: np.ndarray, possible: np.ndarray):
    """GrabCut within three nested regions [H, W] bool. Returns [H, W] bool: all of ``sure``,
    nothing outside ``possible``, drawn to the colours and edges between."""
    x, y, w, h = cv2.boundingRect(possible.astype(np.uint8))
    if w < 4 or h < 4 or not sure.any():
        return sure & possible
    margin = max(w, h) // 6 + 2
    x0, y0 = max(x - margin, 0), max(y - margin, 0)
    x1, y1 = min(x + w + margin, sure.shape[1]), min(y + h + margin, sure.shape[0])
    window = np.s_[y0:y1, x0:x1]
    labels = np.full(sure.shape, cv2.GC_BGD, np.uint8)
    labels[possible] = cv2.GC_PR_BGD
    labels[likely & possible] = cv2.GC_PR_FGD
    labels[sure & possible] = cv2.GC_FGD
    scale = min(1.0, GRAB_SIZE / max(x1 - x0, y1 - y0))
    size = (max(round((x1 - x0) * scale), 8), max(round((y1 - y0) * scale), 8))
    small = cv2.resize(photo[window], size, interpolation=cv2.INTER_AREA)
    marks = cv2.resize(labels[window], size, interpolation=cv2.INTER_NEAREST)
    if not (marks == cv2.GC_FGD).any() or not (marks == cv2.GC_BGD).any():
        return likely & possible
    cv2.setRNGSeed(0)
    cv2.grabCut(small, marks, None, np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)
    inside = (marks & 1).astype(np.float32)
    result = np.zeros(sure.shape, np.float32)
    inside = cv2.resize(inside, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    result[window] = cv2.GaussianBlur(inside, (0, 0), 0.5 + 0.9 / scale)
    return ((result > 0.5) | sure) & possible


def cut_parts(photo: np.ndarray, matte: np.ndarray, rig: PhotoRig) -> PartMasks:
    """Divide the person among the parts: hands before arms before the body.

    photo: [H, W, 3] uint8 RGB. matte: [H, W] float32 in 0..1. rig: in the photo's pixels.
    """
    height, width = matte.shape
    grid = pixel_grid(width, height)
    inside = torso_distance((height, width), rig)
    # 0 on the torso, 1 away from it: how far a sleeve may claim what no limb is near to.
    free = smoothstep(0.0, 0.05 * rig.unit, -inside)
    matte = _keep_one_person(np.maximum(matte, _surely_person(matte.shape, rig)), rig)
    around = matte > 0.02
    deep = {side: hand_inside((height, width), hand) for side, hand in rig.hands.items()}
    for score in deep.values():
        around |= score > -0.4
    hands, matte = _cut_hands(photo, matte, rig, grid, free, deep)
    any_hand = np.logical_or.reduce([np.zeros(matte.shape, bool), *hands.values()])
    owned, shapes, scores = {}, {}, {}
    reach = np.full(matte.shape, 9.0, np.float32)
    for side in rig.arms:
        best, lower, roots, bones = _arm_scores(grid, matte, rig, side)
        # Sleeves are wide beside a bone, not past its end.
        t = np.where(lower, bones[1][0], bones[0][0])
        beside = (t < 1.05) & ((t > 0.0) | ~lower)
        wide = 1.0 + (np.where(beside, SLEEVE, ELBOW) - 1.0) * free
        core = (best > 1.0 - SURE_IN) & (roots > 0.5)
        # Well outside the torso there is nobody but the arm.
        core |= (
            (inside < -0.12 * rig.unit)
            & (best > np.where(beside, -0.6, -0.4))
            & (roots > 0.5)
            & (matte > 0.5)
        )
        possible = (best > 1.0 - SURE_OUT * wide) & (roots > 0.0) & (matte > 0.3)
        other = any_hand & ~hands.get(side, np.zeros_like(any_hand))
        likely = best > 1.0 - np.minimum(wide, 1.6)
        arm = grab(photo, core & ~other, likely & ~other, possible & ~other)
        owned[side] = _smooth_outline(arm | any_hand) & ~any_hand & possible
        # The matte is unsure of sleeves that look like the wall; the cut is not.
        inner = cv2.erode(owned[side].astype(np.uint8), np.ones((3, 3), np.uint8))
        matte = np.maximum(matte, _soft(inner))
        reach = np.minimum(reach, -best / 1.2)
        shapes[side] = tuple(
            _limb_shape(owned[side] & mine, rig.unit, *bone)
            for mine, bone in zip((~lower, lower), bones, strict=True)
        )
        scores[side] = (lower, roots)
    for score in deep.values():
        reach = np.minimum(reach, -score / 2)
    return _soft_masks(matte, reach, around, inside, rig, hands, owned, shapes, scores)


def _surely_person(shape: tuple[int, ...], rig: PhotoRig) -> np.ndarray:
    """[H, W] float32, what the skeleton knows to be the person, should the matte miss it: the face
    up to the hair, the neck, the middle of the chest."""
    mask = np.zeros(shape, np.uint8)
    chin, bridge = rig.face[8], rig.face[27]
    forehead = rig.face[17:27] + 0.45 * (bridge - chin)
    hull = cv2.convexHull(np.concatenate([rig.face, forehead]).astype(np.float32))
    cv2.fillPoly(mask, [np.round(hull).astype(np.int32)], 1)
    a, b = np.round(chin).astype(int), np.round(rig.neck).astype(int)
    cv2.line(mask, a.tolist(), b.tolist(), 1, max(1, round(0.3 * rig.unit)))
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 2.0)


def _keep_one_person(matte: np.ndarray, rig: PhotoRig) -> np.ndarray:
    """Drop what does not hang together with the face: haze, other people, things."""
    _, labels = cv2.connectedComponents((matte > 0.4).astype(np.uint8))
    points = np.concatenate([rig.face, *rig.arms.values(), rig.neck[None]])
    points = np.clip(np.round(points), 0, [matte.shape[1] - 1, matte.shape[0] - 1]).astype(int)
    mine = np.unique(labels[points[:, 1], points[:, 0]])
    mask = np.isin(labels, mine[mine > 0]).astype(np.uint8)
    if not mask.any():
        return matte
    reach = 2 * round(0.012 * max(matte.shape)) + 1
    return matte * cv2.GaussianBlur(cv2.dilate(mask, np.ones((reach, reach))), (0, 0), 1.5).astype(
        np.float32
    )


def _cut_hands(photo, matte, rig, grid, free, deep):
    """side -> [H, W] bool, and the matte without its haze about the hands."""
    hands = {}
    for side, score in deep.items():
        hands[side] = grab(photo, score > 0.35, score > 0.0, score > -1.2)
        near = (score > -1.6) & (free > 0.5)
        arm = rig.arms[side]
        along, distance = along_bone(grid, arm[1], arm[2])
        limb = (distance < FOREARM_RADIUS[0] * rig.unit * 1.2) & (along < 1.0)
        upper = along_bone(grid, arm[0], arm[1])[1] < 2.0 * UPPER_ARM_RADIUS * rig.unit
        matte = np.where(near & ~hands[side] & ~limb & ~upper, 0.0, matte).astype(np.float32)
        soft = cv2.GaussianBlur(hands[side].astype(np.float32), (0, 0), 0.8)
        matte = np.maximum(matte, soft)
    sides = list(hands)
    if len(sides) == 2:
        both = hands[sides[0]] & hands[sides[1]]
        first = deep[sides[0]] > deep[sides[1]]
        hands[sides[0]] &= ~both | first
        hands[sides[1]] &= ~both | ~first
    return hands, matte


def _arm_scores(grid, matte, rig, side):
    """The score of the arm (1 on a bone, 0 one radius away), where it is the forearm, how far a
    pixel may be the arm's at all (not on the neck's side of the shoulder), and (t, distance,
    length, radius) of both bones."""
    shoulder, elbow, wrist = rig.arms[side]
    shift = centre_upper_arm(matte, rig, side)
    t_upper, d_upper = along_bone(grid, shoulder + shift, elbow + shift)
    t_fore, d_fore = along_bone(grid, elbow, wrist)
    r_upper = UPPER_ARM_RADIUS * rig.unit
    taper = FOREARM_RADIUS[0] + (FOREARM_RADIUS[1] - FOREARM_RADIUS[0]) * np.clip(t_fore, 0, 1)
    r_fore = taper * rig.unit
    upper, fore = 1.0 - d_upper / r_upper, 1.0 - d_fore / r_fore
    root = smoothstep(-0.12, 0.1, t_upper)
    # The forearm lies before the upper arm: where both claim a pixel it is the forearm's.
    lower = (fore >= upper) | ((fore > 0.1) & (t_fore > 0.1))
    roots = np.where(lower, 1.0, root)
    bones = (
        (t_upper, d_upper, float(np.linalg.norm(elbow - shoulder)), UPPER_ARM_RADIUS),
        (t_fore, d_fore, float(np.linalg.norm(wrist - elbow)), FOREARM_RADIUS[0]),
    )
    return np.maximum(upper, fore), lower, roots, bones


def _limb_shape(seen, unit, t, distance, length, radius) -> np.ndarray:
    """[H, W] the limb as it would be if nothing hid it, as wide as what is seen of it."""
    radius = radius * unit
    on_bone = seen & (t > 0) & (t < 1)
    wide = 0.75 * radius
    if on_bone.sum() > radius:
        low, high = np.percentile(t[on_bone], [3, 97])
        wide = 0.5 * on_bone.sum() / max((high - low) * length, 0.3 * radius)
    wide = np.clip(wide, 0.4 * radius, radius)
    return smoothstep(-1.5, 1.5, wide - distance) * smoothstep(-0.1, 0.1, t)


def _soft_masks(matte, reach, around, inside, rig, hands, owned, shapes, scores) -> PartMasks:
    """Divide all of the person: what no arm or hand has is the body's, but for slivers."""
    arms_and_hands = [*owned.values(), *hands.values()]
    taken = np.logical_or.reduce([np.zeros(matte.shape, bool), *arms_and_hands])
    thick = 2 * max(2, round(0.008 * max(matte.shape))) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thick, thick))
    # On the torso a limb keeps its own rim: light skin left on a dark shirt would be seen.
    taken |= (inside > 0) & (cv2.dilate(taken.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
    body = cv2.morphologyEx(((matte > 0.5) & ~taken).astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    body = _main_piece(body, inside, rig)
    owner = _nearest([body, *arms_and_hands])
    # A microphone, a chair: the matte has it, no limb can reach it.
    size = 2 * round(0.012 * max(matte.shape)) + 1
    close = cv2.dilate(taken.astype(np.uint8), np.ones((size, size), np.uint8)) > 0
    astray = (owner > 0) & ~taken & ((reach > 1.0) | (~close & (matte < 0.9)))
    matte = np.where(astray, 0.0, matte).astype(np.float32)
    around = around & ~astray
    sides = list(owned)
    hand_sides = list(hands)
    arms, soft_taken = {}, np.zeros_like(matte)
    for index, side in enumerate(sides):
        lower, roots = scores[side]
        arm = owner == index + 1
        pair = [_soft(arm & mine) * roots * matte for mine in (~lower, lower)]
        arms[side] = (pair[0], pair[1])
        soft_taken += _soft(arm) * roots
    soft_hands = {}
    for index, side in enumerate(hand_sides):
        soft = _soft(owner == index + 1 + len(sides))
        soft_hands[side] = soft * matte
        soft_taken += soft
    seen = np.clip(1.0 - soft_taken, 0, 1) * matte
    torso = _torso_shape(body, taken, inside, rig)
    return PartMasks(matte, around, seen, torso, arms, shapes, soft_hands)


def _torso_shape(body, taken, inside, rig) -> np.ndarray:
    """[H, W] the torso as if no arm hid it. Where its edge is seen against the background, there;
    between such rows straight on; where none is seen, as people are built."""
    height, width = body.shape
    shape = inside > 0
    top = int(np.clip(rig.shoulders[:, 1].max() + 0.1 * rig.unit, 0, height - 1))
    middle = int(np.clip(rig.neck[0], 1, width - 2))
    columns = np.arange(width)
    # An edge close to an arm may be the arm's own cut, not the torso's.
    size = 2 * round(0.05 * rig.unit) + 1
    arms = cv2.dilate(taken.astype(np.uint8), np.ones((1, size), np.uint8)) > 0
    for right in (False, True):
        half = columns > middle if right else columns < middle
        pick = (
            (lambda mask: np.where(mask, columns, -1).max(1))
            if right
            else (lambda mask: width - 1 - np.where(mask, columns[::-1], -1).max(1))
        )
        built, seen = pick(shape & half), pick(body & half)
        step = 4 if right else -4
        beyond = np.clip(seen + step, 0, width - 1)
        rows = np.arange(height)
        free = body.any(1) & (rows > top) & ~arms[rows, beyond] & ~body[rows, beyond]
        free &= np.abs(seen - built) < 0.3 * rig.unit
        known = np.flatnonzero(free)
        if len(known) > 4:
            # Shoulder joint and armpit stay as built; from there to the first seen row.
            start = min(top, known[0])
            edge = np.interp(rows, [start, *known], [built[start], *seen[known]])
            edge[:start] = built[:start]
            edge = cv2.GaussianBlur(edge.astype(np.float32)[:, None], (1, 0 + 2 * 6 + 1), 4.0)[:, 0]
            reach = columns <= edge[:, None] if right else columns >= edge[:, None]
            shape = np.where(half, reach & (shape.any(1)[:, None]), shape)
    return cv2.GaussianBlur(shape.astype(np.float32), (0, 0), 1.5)


def _smooth_outline(mask: np.ndarray) -> np.ndarray:
    """A limb's outline is smooth: drop slivers and wiggles."""
    size = 2 * max(2, round(0.008 * max(mask.shape))) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    return cv2.medianBlur(opened * 255, min(2 * size + 1, 31)) > 127


def _soft(mask: np.ndarray) -> np.ndarray:
    """A mask with an edge of about two pixels."""
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.9)


def _main_piece(body: np.ndarray, inside: np.ndarray, rig: PhotoRig) -> np.ndarray:
    """Of the body, what hangs together with the face or lies on the torso: a piece apart from them
    belongs to the arm or hand beside it. Folded arms part the torso from what is below them."""
    _, labels = cv2.connectedComponents(body.astype(np.uint8))
    points = np.concatenate([rig.face, rig.neck[None]])
    points = np.clip(np.round(points), 0, [body.shape[1] - 1, body.shape[0] - 1]).astype(int)
    on_torso = np.bincount(labels[inside > 0.1 * rig.unit], minlength=labels.max() + 1)
    mine = np.concatenate(
        [labels[points[:, 1], points[:, 0]], np.flatnonzero(on_torso > (0.1 * rig.unit) ** 2)]
    )
    return np.isin(labels, mine[mine > 0]) if (mine > 0).any() else body


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
