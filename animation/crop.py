"""The part of the photo that the diffusion sees, and its way back into the frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..keypoints import layout

_SEEN = 0.3
# Hair and clothes reach no further than this beyond the skeleton, as a share of its size.
_CLOTHES = 0.5
# Larger than the person on every side, as a share of the person's size.
_MARGIN = 0.05
# Narrower shapes are not what the public weights were trained with.
_LONGEST = 2.0
# Pixels beyond the photo are worse than empty ones.
_BEYOND = 4.0
# Of the networks' picture, over which its say fades out where the crop ends inside the photo.
_FADE = 0.04


@dataclass(frozen=True)
class Crop:
    """A rectangle of the photo: its first pixel (x, y), its pixels (width, height); it may reach
    out of the photo. size: (width, height) of the networks' picture, of the same shape."""

    x: int
    y: int
    width: int
    height: int
    size: tuple[int, int]

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """[H, W, 3] uint8 or [H, W] float32 -> the networks' picture of it; beyond its edge the
        picture goes on as the edge is."""
        (rows, columns), (top, bottom, left, right) = self._inside(picture.shape)
        part = cv2.copyMakeBorder(
            picture[rows, columns], top, bottom, left, right, cv2.BORDER_REPLICATE
        )
        how = cv2.INTER_AREA if self.width > self.size[0] else cv2.INTER_CUBIC
        return cv2.resize(part, self.size, interpolation=how)

    def points(self, points: np.ndarray) -> np.ndarray:
        """[..., 133, 3] skeletons in photo pixels -> in pixels of the networks' picture."""
        scale = np.array([self.size[0] / self.width, self.size[1] / self.height], np.float32)
        placed = np.array(points, np.float32)
        placed[..., :2] = (placed[..., :2] - (self.x, self.y) + 0.5) * scale - 0.5
        return placed

    def fade(self, size: tuple[int, int]) -> np.ndarray:
        """[h, w] uint8 of the networks' picture: 255, falling to 0 towards the sides of the crop
        that lie inside the photo of ``size`` (width, height)."""
        along = []
        for first, length, whole, pixels in zip(
            (self.x, self.y), (self.width, self.height), size, self.size, strict=True
        ):
            ramp = np.clip(np.arange(pixels) / max(1.0, _FADE * pixels), 0, 1)
            low = ramp if first > 0 else np.ones(pixels)
            high = ramp[::-1] if first + length < whole else np.ones(pixels)
            along.append(np.minimum(low, high))
        return np.round(255 * np.outer(along[1], along[0])).astype(np.uint8)

    def paste(self, frame: np.ndarray, picture: np.ndarray, mask: np.ndarray) -> None:
        """Put the networks' picture into the frame [H, W, 3] uint8, in place.

        picture: uint8. mask: [h, w] uint8, its opacity; where it is 0 the frame stays as it is.
        """
        (rows, columns), (top, _, left, _) = self._inside(frame.shape)
        target = frame[rows, columns]
        height, width = target.shape[:2]
        own = np.s_[top : top + height, left : left + width]
        whole = (self.width, self.height)
        how = cv2.INTER_CUBIC if self.width > self.size[0] else cv2.INTER_AREA
        enlarged = cv2.resize(picture, whole, interpolation=how)[own]
        opacity = cv2.resize(mask, whole, interpolation=cv2.INTER_LINEAR)[own]
        share = opacity.astype(np.float32) / 255
        target[...] = cv2.blendLinear(enlarged, target.copy(), share, 1 - share)

    def _inside(self, shape: tuple) -> tuple[tuple[slice, slice], tuple[int, int, int, int]]:
        """Rows and columns of a picture that the crop covers; and what it has beyond its top,
        bottom, left and right edge."""
        height, width = shape[:2]
        right, bottom = self.x + self.width, self.y + self.height
        rows = slice(max(self.y, 0), min(bottom, height))
        columns = slice(max(self.x, 0), min(right, width))
        beyond = max(-self.y, 0), max(bottom - height, 0), max(-self.x, 0), max(right - width, 0)
        return (rows, columns), beyond


def crop_for(
    photo_pose: np.ndarray, poses: np.ndarray, matte: np.ndarray, side: int, multiple: int
) -> Crop:
    """The rectangle that holds the person, hips and up, in the photo and in all frames.

    photo_pose: [133, 3], poses: [T, 133, 3], photo pixels. matte: [H, W] float32 in 0..1, the
    person in the photo. side: the networks' picture has about side x side pixels, both sides a
    whole ``multiple``.
    """
    size = np.array([matte.shape[1], matte.shape[0]])
    low, high = _person(np.concatenate([photo_pose[None], poses]), matte)
    pixels = _pixels(np.maximum(high - low, 1.0), size, side, multiple)
    scale = float((np.maximum(high - low, 1.0) / pixels).max())
    whole = np.maximum(np.round(pixels * scale), 1).astype(int)
    room = size - whole
    corner = np.round((low + high) / 2 - whole / 2).astype(int)
    # Where the photo is narrower than the crop, it lies in the middle of it.
    corner = np.where(room >= 0, np.clip(corner, 0, np.maximum(room, 0)), room // 2)
    x, y, width, height = (int(value) for value in (*corner, *whole))
    return Crop(x, y, width, height, (int(pixels[0]), int(pixels[1])))


def _pixels(extent: np.ndarray, size: np.ndarray, side: int, multiple: int) -> np.ndarray:
    """(width, height) of the networks' picture: of about side x side pixels, in a shape that is
    near the person's ``extent`` and lets the crop stay within the photo of ``size``."""
    count = max(1, round(side / multiple))
    counts = np.arange(1, round(_LONGEST * count) + 1)
    shapes = np.stack(np.meshgrid(counts, counts), axis=-1).reshape(-1, 2)
    longer, shorter = shapes.max(axis=1), shapes.min(axis=1)
    pixels = shapes[longer <= _LONGEST * shorter] * multiple
    whole = pixels * (extent / pixels).max(axis=1, keepdims=True)
    beyond = (np.maximum(whole - size, 0) / whole).sum(axis=1)
    empty = np.log(whole.prod(axis=1) / extent.prod())
    area = np.abs(np.log(pixels.prod(axis=1) / (count * multiple) ** 2))
    return pixels[np.argmin(_BEYOND * beyond + empty + area)]


def _person(points: np.ndarray, matte: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners of a rectangle around a person's skeletons [T, 133, 3] and matte, in the photo."""
    size = np.array([matte.shape[1], matte.shape[0]])
    parts = [*range(layout.RIGHT_HIP + 1), *range(layout.FACE.start, layout.NUM_POINTS)]
    seen = points[:, parts]
    seen = seen[seen[..., 2] >= _SEEN]
    if not len(seen):
        return np.zeros(2), size.astype(float)
    low, high = (np.percentile(seen[:, :2], share, axis=0) for share in (0.2, 99.8))
    reach = _CLOTHES * float((high - low).max())
    hips = points[0, [layout.LEFT_HIP, layout.RIGHT_HIP]]
    if (hips[:, 2] < _SEEN).all() or (hips[:, 1] > size[1]).all():
        # The body goes on to the photo's lower edge.
        high[1] = size[1]
    rows, columns = (np.flatnonzero((matte > 0.5).any(axis=axis)) for axis in (1, 0))
    if len(rows):
        # Hair and clothes; but not whoever else is in the photo.
        found = np.array([[columns[0], rows[0]], [columns[-1] + 1, rows[-1] + 1]], float)
        bottom = high[1]
        low, high = (
            np.minimum(low, np.maximum(found[0], low - reach)),
            np.maximum(high, np.minimum(found[1], high + reach)),
        )
        high[1] = bottom
    margin = _MARGIN * float((high - low).max())
    return np.clip(low - margin, 0, size - 1), np.clip(high + margin, 1, size)
