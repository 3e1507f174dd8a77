"""The part of the photo that the diffusion sees, and its way back into the frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..keypoints import layout

_SEEN = 0.3
# Above the brows a head goes on for about this many face heights (brows to chin), hair included.
_HAIR = 0.8
# Larger than the person on every side, as a share of the person's size: hair, clothes, context.
_MARGIN = 0.08
# Narrower shapes are not what the public weights were trained with.
_LONGEST = 2.0


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
        """[H, W, 3] uint8 -> the networks' picture, uint8; beyond its edge the picture goes on as
        the edge is."""
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
    photo_pose: np.ndarray, poses: np.ndarray, size: tuple[int, int], side: int, multiple: int
) -> Crop:
    """The rectangle that holds the person, hips and up, in the photo and in all frames.

    photo_pose: [133, 3], poses: [T, 133, 3], photo pixels. size: (width, height) of the photo.
    side: the networks' picture has about side x side pixels, each a whole ``multiple``.
    """
    low, high = _person(np.concatenate([photo_pose[None], poses]), size)
    extent = np.maximum(high - low, 1.0)
    shape = np.sqrt(extent / extent[::-1])
    shape = np.clip(shape, np.sqrt(1 / _LONGEST), np.sqrt(_LONGEST))
    pixels = np.maximum(np.round(side * shape / multiple), 1).astype(int) * multiple
    scale = float((extent / pixels).max())
    whole = np.maximum(np.round(pixels * scale), 1).astype(int)
    room = np.array(size) - whole
    corner = np.round((low + high) / 2 - whole / 2).astype(int)
    # Where the photo is narrower than the crop, it lies in the middle of it.
    corner = np.where(room >= 0, np.clip(corner, 0, np.maximum(room, 0)), room // 2)
    x, y, width, height = (int(value) for value in (*corner, *whole))
    return Crop(x, y, width, height, (int(pixels[0]), int(pixels[1])))


def _person(points: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Corners of a rectangle around a person's skeletons [T, 133, 3], within the photo."""
    parts = [*range(layout.RIGHT_HIP + 1), *range(layout.FACE.start, layout.NUM_POINTS)]
    seen = points[:, parts]
    seen = seen[seen[..., 2] >= _SEEN]
    if not len(seen):
        return np.zeros(2), np.array(size, float)
    low, high = (np.percentile(seen[:, :2], share, axis=0) for share in (0.2, 99.8))
    face = points[(points[:, layout.FACE, 2] >= _SEEN).all(axis=1)][:, layout.FACE, 1]
    if len(face):
        low[1] -= _HAIR * float(np.median(np.ptp(face, axis=1)))
    margin = _MARGIN * float((high - low).max())
    low, high = low - margin, high + margin
    hips = points[0, [layout.LEFT_HIP, layout.RIGHT_HIP]]
    if (hips[:, 2] < _SEEN).all() or (hips[:, 1] > size[1]).all():
        # The body goes on to the photo's lower edge.
        high[1] = size[1]
    return np.clip(low, 0, np.array(size) - 1), np.clip(high, 1, size)
