"""A photo as a stack of layers, each complete under the ones before it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .cut import PartMasks, cut_parts
from .fill import fill_nearest, fill_smooth, fill_textured
from .matte import person_matte
from .rig import SIDES, PhotoRig, photo_rig

# Masks and fills are smooth: this many pixels on the longer side are enough for them.
WORKING_SIZE = 512
ARM = ("upper", "forearm")


@dataclass(frozen=True)
class Layer:
    """One part of the person.

    part: "body", "upper", "forearm" or "hand". side: "left", "right", or "" for the body.
    texture: [h, w, 4] uint8, premultiplied RGBA, the pixels of ``box``.
    box: (x, y, width, height) in the photo, pixels; may reach out of it.
    outline: [N, 2] float32, hull of the layer in the photo, pixels.
    """

    part: str
    side: str
    texture: np.ndarray
    box: tuple[int, int, int, int]
    outline: np.ndarray


@dataclass(frozen=True)
class PhotoLayers:
    """The photo taken apart.

    photo: [H, W, 3] uint8 RGB. background: [H, W, 3] uint8 RGB, filled in behind the person.
    person: [H, W] bool, where the background is not the photo's.
    layers: back to front. rig: the photo's joints.
    """

    photo: np.ndarray
    background: np.ndarray
    person: np.ndarray
    layers: tuple[Layer, ...]
    rig: PhotoRig


def prepare_photo(
    photo: np.ndarray, points: np.ndarray, matte: np.ndarray | None = None
) -> PhotoLayers:
    """Take a photo apart, once.

    photo: [H, W, 3] uint8 RGB. points: [133, 3], its skeleton, in its pixels. matte: [H, W] float32
    in 0..1, the person, where it is known better than `person_matte` finds it.
    """
    height, width = photo.shape[:2]
    rig = photo_rig(points, (width, height))
    scale = min(1.0, WORKING_SIZE / max(height, width))
    small, small_rig = photo, rig
    if scale < 1.0:
        size = (round(width * scale), round(height * scale))
        small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
        factor = np.array([size[0] / width, size[1] / height], np.float32)
        scaled = points.copy()
        scaled[:, :2] = (scaled[:, :2] + 0.5) * factor - 0.5
        small_rig = photo_rig(scaled, size)
    if matte is None:
        matte = person_matte(small)
    elif scale < 1.0:
        matte = cv2.resize(matte, size, interpolation=cv2.INTER_AREA)
    masks = cut_parts(small, matte, small_rig)
    background, person, parts = _stack_layers(small, masks, small_rig)
    if scale < 1.0:
        background, person, parts = _enlarge(photo, background, person, parts)
    return _assemble(photo, background, person, parts, rig)


def _alphas(masks: PartMasks) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    """(part, side, seen mask, full alpha), back to front."""
    matte = masks.person
    zero = np.zeros_like(matte)
    sides = [s for s in SIDES if s in masks.arms]
    hands = [masks.hands.get(s, zero) for s in sides]
    fores = [masks.arms[s][1] for s in sides]
    uppers = [masks.arms[s][0] for s in sides]
    over_upper = np.maximum.reduce([zero, *fores, *hands])
    over_body = np.maximum.reduce([over_upper, *uppers])
    over_fore = np.maximum.reduce([zero, *hands])

    def complete(seen: np.ndarray, shape: np.ndarray, over: np.ndarray) -> np.ndarray:
        # Layers overlap by some pixels, so that nothing shows through where soft edges meet.
        spread = cv2.GaussianBlur(cv2.dilate(seen, np.ones((7, 7), np.uint8)), (0, 0), 1.5)
        return np.maximum(seen, matte * np.maximum(spread, shape) * np.minimum(over * 50.0, 1.0))

    result = [("body", "", masks.body, complete(masks.body, masks.torso, over_body))]
    for part, index, over in (("upper", 0, over_upper), ("forearm", 1, over_fore)):
        for side in sides:
            seen = masks.arms[side][index]
            result.append((part, side, seen, complete(seen, masks.shapes[side][index], over)))
    shown = [side for side in sides if side in masks.hands]
    for index, side in enumerate(shown):
        over = np.maximum.reduce([zero, *(masks.hands[s] for s in shown[index + 1 :])])
        seen = masks.hands[side]
        result.append(("hand", side, seen, complete(seen, zero, over)))
    return result


def _stack_layers(photo: np.ndarray, masks: PartMasks, rig: PhotoRig):
    """Background [H, W, 3] float32, person [H, W] bool, and (part, side, premultiplied RGBA)."""
    image = photo.astype(np.float32)
    matte = masks.person
    parts = _alphas(masks)
    background, person = _background(image, masks.around, rig.unit)
    below = background
    layers = []
    for index, (part, side, seen, alpha) in enumerate(parts):
        above = np.maximum.reduce([np.zeros_like(matte), *(p[2] for p in parts[index + 1 :])])
        # Not from close to what is cut out: its own rim would be smeared into the hole.
        rim = 2 * round(0.006 * max(photo.shape[:2])) + 1
        known = (seen > 0.95) & (cv2.dilate(above, np.ones((rim, rim), np.uint8)) < 0.02)
        if part in ARM:
            # One sleeve, one skin: what hides the one half of an arm, the other half may show.
            over = np.maximum.reduce([above * 0, *(p[2] for p in parts if p[0] == "hand")])
            other = next(p[2] for p in parts if p[1] == side and p[0] in ARM and p[0] != part)
            known |= (other > 0.95) & (cv2.dilate(over, np.ones((rim, rim), np.uint8)) < 0.02)
        if known.sum() < 20:
            # Nothing of it is seen: better what hides it than nothing.
            known = (alpha > 0.5) | (seen > 0.5)
        if part == "body":
            texture = fill_textured(image, known, 0.25 * rig.unit)
        else:
            texture = fill_nearest(image, known, 0.03 * rig.unit)
        a = alpha[..., None]
        # What is seen: the colour that, laid over what is below, gives the photo again.
        shown = np.clip(image - (1.0 - a) * below, 0.0, 255.0 * a)
        hidden = np.minimum(above * 20.0, 1.0)[..., None]
        colour = shown * (1.0 - hidden) + a * texture * hidden
        below = colour + (1.0 - a) * below
        layers.append((part, side, np.dstack([colour, 255.0 * alpha])))
    return background, person, layers


def _background(image: np.ndarray, around: np.ndarray, unit: float):
    """The photo without the person [H, W, 3] float32, and where it is not the photo [H, W] bool.

    Light and hair spill over the person's outline: the fill learns nothing from the pixels next to
    it. But what is shown of the fill is as little as can be, and it joins those pixels smoothly,
    so that nothing changes in the picture when the person starts to move.
    """
    longer = max(around.shape)

    def grown(share: float) -> np.ndarray:
        size = 2 * round(share * longer) + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        return cv2.dilate(around.astype(np.uint8), kernel) > 0

    spill, person = grown(0.024), grown(0.009)
    filled = fill_textured(image, ~spill, 0.3 * unit, upright=3.0)
    ring = spill & ~person
    filled = filled + fill_smooth(image - filled, ring.astype(np.float32))
    inner = cv2.erode(person.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    share = cv2.GaussianBlur(inner, (0, 0), 1.0)[..., None] * person[..., None]
    return np.clip(image + share * (filled - image), 0.0, 255.0), person


def _enlarge(photo, background, person, parts):
    """Bring what was made at working size back to the photo's, with the photo's own detail."""
    height, width = photo.shape[:2]
    size = (width, height)
    background = cv2.resize(background, size, interpolation=cv2.INTER_CUBIC)
    person = cv2.resize(person.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    background = np.where(person[..., None], background, photo.astype(np.float32))
    image = photo.astype(np.float32)
    smooth = cv2.resize(
        cv2.resize(
            image, (parts[0][2].shape[1], parts[0][2].shape[0]), interpolation=cv2.INTER_AREA
        ),
        size,
        interpolation=cv2.INTER_CUBIC,
    )
    detail = image - smooth
    over = np.zeros((height, width, 1), np.float32)
    result = []
    for part, side, rgba in reversed(parts):
        big = np.clip(cv2.resize(rgba, size, interpolation=cv2.INTER_CUBIC), 0, 255)
        alpha = big[..., 3:] / 255.0
        colour = np.clip(big[..., :3] + detail * alpha * (1.0 - over), 0, big[..., 3:])
        over = over + alpha * (1.0 - over)
        result.append((part, side, np.dstack([colour, big[..., 3]])))
    return background, person, result[::-1]


def _assemble(photo, background, person, parts, rig) -> PhotoLayers:
    layers = [
        _layer(part, side, np.clip(np.round(rgba), 0, 255).astype(np.uint8), rig)
        for part, side, rgba in parts
        if (rgba[..., 3] > 2).any()
    ]
    result = np.where(person[..., None], np.clip(np.round(background), 0, 255), photo)
    return PhotoLayers(photo, result.astype(np.uint8), person, tuple(layers), rig)


def _layer(part: str, side: str, texture: np.ndarray, rig: PhotoRig) -> Layer:
    """Cut a layer to its box. Where the picture's edge cuts through it, it is carried on by its
    mirror image: a head that nods must not show where the photo ended."""
    height, width = texture.shape[:2]
    opaque = (texture[..., 3] > 2).astype(np.uint8)
    x, y, w, h = cv2.boundingRect(opaque)
    x0, y0 = max(x - 2, 0), max(y - 2, 0)
    x1, y1 = min(x + w + 2, width), min(y + h + 2, height)
    hull = cv2.convexHull(cv2.findNonZero(opaque))[:, 0].astype(np.float32)
    reach = round(0.15 * rig.unit)
    across, down = min(reach, x1 - x0 - 1), min(reach, y1 - y0 - 1)
    left, right = (across * int(edge) for edge in (x0 == 0, x1 == width))
    top, bottom = (down * int(edge) for edge in (y0 == 0, y1 == height))
    crop = cv2.copyMakeBorder(
        texture[y0:y1, x0:x1], top, bottom, left, right, cv2.BORDER_REFLECT_101
    )
    if part == "body" and top:
        crop = _close_crown(crop, top)
    return Layer(part, side, crop, (x0 - left, y0 - top, crop.shape[1], crop.shape[0]), hull)


def _close_crown(texture: np.ndarray, above: int) -> np.ndarray:
    """Round off a head that the picture's upper edge cuts, within the ``above`` rows added to it.

    texture: [h, w, 4] uint8, premultiplied.
    """
    edge = np.flatnonzero(texture[above, :, 3] > 127)
    if not len(edge):
        return texture
    half = 0.5 * (edge[-1] - edge[0] + 1)
    rows = np.arange(above, 0, -1)[:, None] / max(0.4 * half, 1.0)
    wide = half * np.sqrt(np.clip(1.0 - rows**2, 0.0, 1.0))
    distance = np.abs(np.arange(texture.shape[1]) - 0.5 * (edge[0] + edge[-1]))
    keep = np.clip(wide - distance + 0.5, 0.0, 1.0)[..., None]
    closed = texture.copy()
    closed[:above] = np.round(texture[:above] * keep).astype(np.uint8)
    return closed
