"""The networks' picture of the crop, put into the frame at the photo's own resolution.

    F = warp((1 - W) (P + R) + W warp(photo, f), n) + r

P is the puppet's frame, R the correction of its parts' shares, W and f the weight and the motion of
the splines, n the nudge and r the residual; where nothing moves, R, W, n and r are 0. P and the
photo have the photo's resolution; the rest comes from the networks' grid and is enlarged linearly,
for it is smooth.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from ..warping.scene import PhotoCrop
from ..warping.tps import make_grid
from .network import Rendering, full_size

# What changes less nobody sees, and it is left out: half a grey level, a weight that turns black
# into 1 of 255, and the distance that the puppet calls standing still.
_LEVEL = 1
_WEIGHT = 1 / 255
_STILL = 0.02
# Grid pixels over which the networks' say fades out where the crop ends inside the photo.
_FADE = 12


@dataclass(frozen=True)
class CropPaint:
    """What the networks change in one frame, on the S x S pixels of the crop.

    residual, correction: [S, S, 3] int16, grey levels. weight: [S, S] float32, of the splines.
    spline, nudge: [S, S, 2] float32, offsets (x, y) in pixels of the grid.
    All but ``spline`` are 0 where nothing moves.
    """

    residual: np.ndarray
    correction: np.ndarray
    weight: np.ndarray
    spline: np.ndarray
    nudge: np.ndarray


def crop_paints(rendering: Rendering, gate: Tensor, fade: Tensor) -> list[CropPaint]:
    """One a frame of the batch. gate: [B, 1, s, s] of the inputs. fade: [S, S], `Composer.fade`."""
    motion, size = rendering.motion, rendering.frame.shape[-1]
    rows, columns = motion.tps_flow.shape[1:3]
    still = make_grid(rows, columns, motion.tps_flow.device)
    pixels = (size - 1) / 2
    small = torch.cat(
        [
            255 * motion.correction.permute(0, 2, 3, 1),
            motion.tps_weight.permute(0, 2, 3, 1),
            pixels * (motion.tps_flow - still),
            pixels * motion.nudge * gate.permute(0, 2, 3, 1),
        ],
        dim=-1,
    )
    # [B, C, H, W] in the memory of [B, H, W, C] from here on, as a picture is kept.
    full = full_size(small.permute(0, 3, 1, 2), size)
    correction, weight, spline, nudge = full.split([3, 1, 2, 2], dim=1)
    faded = full_size(gate, size) * fade
    maps = [
        (255 * rendering.residual * faded).round().to(torch.int16),
        (correction * fade).round().to(torch.int16),
        weight * fade,
        spline,
        nudge * fade,
    ]
    arrays = [m.permute(0, 2, 3, 1).contiguous().cpu().numpy() for m in maps]
    return [CropPaint(*(array[i] for array in arrays)) for i in range(len(gate))]


def crop_pictures(rendering: Rendering) -> np.ndarray:
    """The finished crops, [B, S, S, 3] uint8."""
    return (255 * rendering.frame).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


class Composer:
    """One photo and its crop. photo: [H, W, 3] uint8 RGB."""

    def __init__(self, photo: np.ndarray, crop: PhotoCrop) -> None:
        height, width = photo.shape[:2]
        x, y, side = int(crop.x), int(crop.y), int(crop.side)
        self.photo, self.side, self.scale = photo, side, crop.scale
        x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + side, width), min(y + side, height)
        self._in_photo = np.s_[y0:y1, x0:x1]
        self._in_crop = np.s_[y0 - y : y1 - y, x0 - x : x1 - x]
        rows, columns = y1 - y0, x1 - x0
        self._own = np.dstack(
            np.meshgrid(*(np.arange(n, dtype=np.float32) for n in (columns, rows)))
        )
        self._places = self._own + np.array([x0, y0], np.float32)
        self.fade = border_fade(crop, (width, height))
        # The networks see every pixel of the photo as it is: their picture is the frame.
        self.same = side == crop.size and bool((self.fade == 1).all())

    def place(self, frame: np.ndarray, picture: np.ndarray) -> np.ndarray:
        """The frame [H, W, 3] uint8 with the finished crop [S, S, 3] in it, where `same`."""
        frame[self._in_photo] = picture[self._in_crop]
        return frame

    def enlarge(self, frame: np.ndarray, paint: CropPaint) -> np.ndarray:
        """The puppet's frame [H, W, 3] uint8 with the networks' changes, in place."""
        region = frame[self._in_photo]
        picture = region
        if np.abs(paint.correction).max() >= _LEVEL:
            picture = cv2.add(picture, self._enlarge(paint.correction), dtype=cv2.CV_8U)
        if paint.weight.max() >= _WEIGHT:
            weight = self._enlarge(paint.weight)
            places = self._places + self.scale * self._enlarge(paint.spline)
            picture = cv2.blendLinear(picture, _warp(self.photo, places), 1 - weight, weight)
        if np.abs(paint.nudge).max() >= _STILL:
            picture = _warp(picture, self._own + self.scale * self._enlarge(paint.nudge))
        if np.abs(paint.residual).max() >= _LEVEL:
            picture = cv2.add(picture, self._enlarge(paint.residual), dtype=cv2.CV_8U)
        if picture is not region:
            region[...] = picture
        return frame

    def _enlarge(self, values: np.ndarray) -> np.ndarray:
        """[S, S, ...] of the crop -> the photo's pixels in it."""
        size = (self.side, self.side)
        return cv2.resize(values, size, interpolation=cv2.INTER_LINEAR)[self._in_crop]


def border_fade(crop: PhotoCrop, size: tuple[int, int]) -> np.ndarray:
    """[S, S] float32: 1, falling to 0 towards the sides of the crop that lie inside the photo of
    ``size`` (width, height)."""
    ramp = np.clip(np.arange(crop.size, dtype=np.float32) / _FADE, 0, 1)
    along = []
    for start, length in ((crop.x, size[0]), (crop.y, size[1])):
        low = ramp if start > 0 else np.ones_like(ramp)
        high = ramp[::-1] if start + crop.side < length else np.ones_like(ramp)
        along.append(np.minimum(low, high))
    return np.minimum(along[0][None, :], along[1][:, None])


def _warp(picture: np.ndarray, places: np.ndarray) -> np.ndarray:
    """[H, W, 3] uint8 at places [h, w, 2] float32 (x, y), in its pixels."""
    return cv2.remap(picture, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
