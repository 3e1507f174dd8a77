"""The colours of each layer: seen ones from the photo, hidden ones filled in."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .cut import PartMasks
from .fill import fill_nearest, fill_smooth, fill_textured
from .grab import grown
from .inpainting import Inpainting, fill_behind
from .rig import SIDES

ARM = ("upper", "forearm")


@dataclass(frozen=True)
class Part:
    """A part of the person. name, side: as in `layers.Layer`.

    seen: [H, W] float32 in 0..1, what the photo shows of it. alpha: the whole of it.
    """

    name: str
    side: str
    seen: np.ndarray
    alpha: np.ndarray


def stack_parts(masks: PartMasks) -> list[Part]:
    """The parts back to front, each complete under the ones before it."""
    sides = [side for side in SIDES if side in masks.arms]
    seen = [("body", "", masks.body, masks.torso)]
    for index, name in enumerate(ARM):
        seen += [(name, s, masks.arms[s][index], masks.shapes[s][index]) for s in sides]
    seen += [
        ("hand", s, masks.hands[s], np.zeros_like(masks.body)) for s in sides if s in masks.hands
    ]
    parts = []
    for index, (name, side, mask, shape) in enumerate(seen):
        above = _union([other[2] for other in seen[index + 1 :]], mask)
        # Layers overlap by some pixels, so that nothing shows through where soft edges meet.
        spread = cv2.GaussianBlur(cv2.dilate(mask, np.ones((7, 7), np.uint8)), (0, 0), 1.5)
        hidden = masks.person * np.maximum(spread, shape) * np.minimum(above * 50.0, 1.0)
        parts.append(Part(name, side, mask, np.maximum(mask, hidden)))
    return parts


def _union(masks: list[np.ndarray], like: np.ndarray) -> np.ndarray:
    return np.maximum.reduce([np.zeros_like(like), *masks])


def fill_background(
    photo: np.ndarray, around: np.ndarray, unit: float, inpainting: Inpainting
) -> tuple[np.ndarray, np.ndarray]:
    """The photo without the person [H, W, 3] float32, and where it is not the photo [H, W] bool.

    Light and hair spill over the person's outline: the fill learns nothing from the pixels next to
    it. But what is shown of the fill is as little as can be, and it joins those pixels smoothly,
    so that nothing changes in the picture when the person starts to move.

    photo: [H, W, 3] uint8 RGB. around: [H, W] bool, see `PartMasks`. unit: shoulder width, pixels.
    """
    image, longer = photo.astype(np.float32), max(around.shape)
    spill, person = grown(around, 0.024 * longer), grown(around, 0.009 * longer)
    filled = fill_behind(photo, spill, unit, inpainting)
    filled = filled + fill_smooth(image - filled, (spill & ~person).astype(np.float32))
    inner = cv2.erode(person.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    share = cv2.GaussianBlur(inner, (0, 0), 1.0)[..., None] * person[..., None]
    return np.clip(image + share * (filled - image), 0.0, 255.0), person


def paint_textures(
    photo: np.ndarray, background: np.ndarray, parts: list[Part], unit: float
) -> list[np.ndarray]:
    """For each part [H, W, 4] float32, premultiplied RGBA in 0..255.

    Laid over each other on the background they give the picture again.
    photo: [H, W, 3] RGB in 0..255, the person before the background, with no colour of what was
    really behind. background: [H, W, 3] float32. unit: shoulder width, pixels.
    """
    image, below = photo.astype(np.float32), background
    result = []
    for index, part in enumerate(parts):
        above = _union([other.seen for other in parts[index + 1 :]], part.seen)
        texture = _complete_texture(image, part, parts, above, unit)
        alpha = part.alpha[..., None]
        # What is seen: the colour that, laid over what is below, gives the photo.
        shown = np.clip(image - (1.0 - alpha) * below, 0.0, 255.0 * alpha)
        hidden = np.minimum(above * 20.0, 1.0)[..., None]
        colour = shown * (1.0 - hidden) + alpha * texture * hidden
        below = colour + (1.0 - alpha) * below
        result.append(np.dstack([colour, 255.0 * part.alpha]))
    return result


def _complete_texture(
    image: np.ndarray, part: Part, parts: list[Part], above: np.ndarray, unit: float
) -> np.ndarray:
    """[H, W, 3] float32, the part's colours, also where others hide it."""
    # Not from close to what is cut out: its own rim would be smeared into the hole.
    rim = 0.006 * max(image.shape[:2])
    known = (part.seen > 0.95) & ~grown(above >= 0.02, rim)
    if part.name in ARM:
        # One sleeve, one skin: what hides the one half of an arm, the other half may show.
        halves = [p.seen for p in parts if p.side == part.side and p.name in ARM]
        hands = _union([p.seen for p in parts if p.name == "hand"], above)
        known |= (_union(halves, above) > 0.95) & ~grown(hands >= 0.02, rim)
    if known.sum() < 20:
        # Nothing of it is seen: better what hides it than nothing.
        known = part.alpha > 0.5
    if part.name == "body":
        return fill_textured(image, known, 0.25 * unit)
    # Near what is seen its own colour; farther in the limb's, not that of a fold's shadow.
    away = np.minimum(cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 5), unit)
    share = np.exp(-np.square(away / (0.06 * unit)))[..., None]
    smooth = fill_smooth(image, known.astype(np.float32))
    return smooth + share * (fill_nearest(image, known, 0.03 * unit) - smooth)


def enlarge(
    photo: np.ndarray, background: np.ndarray, person: np.ndarray, textures: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Bring what was made at working size back to the photo's size, with the photo's own detail.

    photo: [H, W, 3] uint8 RGB. The others: smaller, as `fill_background` and `paint_textures` give
    them. Returns the same at [H, W].
    """
    size, small = photo.shape[1::-1], background.shape[1::-1]
    image = photo.astype(np.float32)
    person = cv2.resize(person.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    background = cv2.resize(background, size, interpolation=cv2.INTER_CUBIC)
    background = np.where(person[..., None], background, image)
    shrunk = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    detail = image - cv2.resize(shrunk, size, interpolation=cv2.INTER_CUBIC)
    over = np.zeros((*person.shape, 1), np.float32)
    result = []
    for texture in reversed(textures):
        big = np.clip(cv2.resize(texture, size, interpolation=cv2.INTER_CUBIC), 0, 255)
        alpha = big[..., 3:] / 255.0
        colour = np.clip(big[..., :3] + detail * alpha * (1.0 - over), 0, big[..., 3:])
        over = over + alpha * (1.0 - over)
        result.append(np.dstack([colour, big[..., 3]]))
    return background, person, result[::-1]
