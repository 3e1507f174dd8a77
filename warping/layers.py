"""A photo as a stack of layers, each complete under the ones before it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .cut import cut_parts
from .foreground import foreground_colours
from .inpainting import Inpainting, default_inpainting
from .matte import Matting, default_matting
from .rig import PhotoRig, photo_rig
from .textures import enlarge, fill_background, paint_textures, stack_parts

# Masks and fills are smooth: this many pixels on the longer side are enough for them.
WORKING_SIZE = 512


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
    layers: back to front. rig: the photo's joints. points: [133, 3], the photo's skeleton.
    """

    photo: np.ndarray
    background: np.ndarray
    person: np.ndarray
    layers: tuple[Layer, ...]
    rig: PhotoRig
    points: np.ndarray


def prepare_photo(
    photo: np.ndarray,
    points: np.ndarray,
    matte: np.ndarray | None = None,
    *,
    matting: Matting | None = None,
    inpainting: Inpainting | None = None,
) -> PhotoLayers:
    """Take a photo apart, once.

    photo: [H, W, 3] uint8 RGB. points: [133, 3], its skeleton, in its pixels. matte: [H, W] float32
    in 0..1, the person, where it is known better than ``matting`` finds it. matting, inpainting:
    None for those that come along.
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
        matte = (matting or default_matting()).matte(photo)
    if scale < 1.0:
        matte = cv2.resize(matte, size, interpolation=cv2.INTER_AREA)
    masks = cut_parts(small, matte, small_rig)
    background, person = fill_background(
        small, masks.around, rig.unit * scale, inpainting or default_inpainting()
    )
    parts = stack_parts(masks)
    own = foreground_colours(small, masks.person)
    clean = background + masks.person[..., None] * (own - background)
    textures = paint_textures(clean, background, parts, rig.unit * scale)
    if scale < 1.0:
        background, person, textures = enlarge(photo, background, person, textures)
    filled = np.where(person[..., None], np.clip(np.round(background), 0, 255), photo)
    layers = [
        _layer(part.name, part.side, np.clip(np.round(texture), 0, 255).astype(np.uint8), rig)
        for part, texture in zip(parts, textures, strict=True)
        if (texture[..., 3] > 2).any()
    ]
    return PhotoLayers(photo, filled.astype(np.uint8), person, tuple(layers), rig, points)


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
