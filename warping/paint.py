"""Paint what a moving face shows and its photo does not: the inside of the mouth, closed lids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import cv2
import numpy as np

from .face import EYES, MOUTH, FaceMotion, Opening
from .parts import smoothstep
from .rig import Similarity


class FacePainter(Protocol):
    """Finishes the face of a puppet's frame: what the moved photo does not show there."""

    def __call__(self, frame: np.ndarray, own: np.ndarray, head: Similarity) -> None:
        """Paint into the frame [H, W, C] uint8, RGB first. own: [68, 2], the face with the head's
        motion taken out (`FaceMotion.targets`). head: photo -> frame."""
        ...

    def finished(self, places: np.ndarray, own: np.ndarray) -> np.ndarray:
        """[...] in 0..1, how far the pixels at places [..., 2], photo pixels, head's motion taken
        out, need no further network."""
        ...


# Makes the painter of one photo [H, W, 3] uint8 and its face.
FacePainting = Callable[[np.ndarray, FaceMotion], FacePainter]


class FacePaint:
    """Colours of one photo's own light, and the painting with them."""

    def __init__(self, photo: np.ndarray, motion: FaceMotion) -> None:
        """photo: [H, W, 3] uint8 RGB. motion: its face."""
        self.motion = motion
        face = motion.raw
        lower_lip = _mean(photo, face[[48, 60, 67, 66, 65, 64, 54, 55, 56, 57, 58, 59]])
        cheeks = _mean(photo, face[[1, 31, 48, 4]]) + _mean(photo, face[[15, 35, 54, 12]])
        light = 0.5 * float(cheeks.max())
        self.cavity = 0.26 * lower_lip + light * np.array([0.03, 0.0, 0.0], np.float32)
        self.teeth = np.minimum(light * np.array([1.06, 0.99, 0.90], np.float32), 245.0)
        self.tongue = lower_lip * np.array([0.72, 0.58, 0.6], np.float32)
        self.lashes = _darkest(photo, face[[37, 38, 43, 44]])

    def __call__(self, frame: np.ndarray, own: np.ndarray, head: Similarity) -> None:
        """Paint into the frame [H, W, C] uint8, RGB first. own: [68, 2], the face with the head's
        motion taken out (`FaceMotion.targets`). head: photo -> frame."""
        self._mouth(frame, Opening.of(own, MOUTH), head)
        for rest, curves in zip(self.motion.eyes, EYES, strict=True):
            self._lids(frame, rest, Opening.of(own, curves), head)

    def finished(self, places: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Nowhere: see `FacePainter`."""
        return np.zeros(places.shape[:-1], np.float32)

    def _mouth(self, frame: np.ndarray, own: Opening, head: Similarity) -> None:
        rest, size, gap = self.motion.mouth, self.motion.size, own.height
        if self.motion.mouth_open:
            shown = smoothstep(0.0, 0.02, np.float32((gap - rest.height) / size))
        else:
            shown = smoothstep(0.012, 0.045, np.float32((gap - rest.height) / size))
        window = _window(frame, own, head, gap) if shown > 0 else None
        if window is None:
            return
        region, points = window
        u, below, above = own.depths(points)
        alpha = smoothstep(-0.6, 1.1, np.minimum(below, above)) * shown
        if self.motion.mouth_open:
            # The photo's own teeth stay where they are on the skull; new is what is around them.
            _, rest_below, rest_above = rest.depths(points)
            alpha = alpha * (1.0 - smoothstep(-1.0, 1.5, np.minimum(rest_below, rest_above)))
        _blend(region, self._inside(u, below, above, gap), alpha)

    def _inside(self, u, below, above, gap) -> np.ndarray:
        """[h, w, 3] float32: cavity, a hint of the upper teeth, the tongue, shade under the lips.

        u, below, above: [h, w], see `Opening.depths`. gap: pixels between the lips.
        """
        size = self.motion.size
        across = np.clip(1.0 - (2.0 * u - 1.0) ** 2, 0.0, 1.0)
        shade = 0.62 + 0.38 * smoothstep(0.0, 0.03 * size, below)
        tongue = 1.0 - smoothstep(0.0, 0.055 * size, above - 0.02 * size * across)
        tongue *= smoothstep(0.3, 1.0, across) * smoothstep(0.06, 0.14, np.float32(gap / size))
        colour = self.cavity + (0.75 * tongue)[..., None] * (self.tongue - self.cavity)
        if self.motion.mouth_open:
            return colour
        # The edge of the teeth runs flatter than the lip over them.
        height = min(0.045 * size, 0.5 * gap) * (0.45 + 0.55 * across)
        soft = 0.014 * size
        teeth = 1.0 - smoothstep(height - soft, height + soft, below)
        teeth *= smoothstep(0.1, 0.75, across) * smoothstep(0.03, 0.075, np.float32(gap / size))
        bright = (0.35 + 0.55 * across)[..., None] * shade[..., None] * self.teeth
        return colour + (0.8 * teeth)[..., None] * (bright - colour)

    def _lids(self, frame: np.ndarray, rest: Opening, own: Opening, head: Similarity) -> None:
        """The line of lashes where the lids meet, over what is left of the eye between them."""
        closed = 1.0 - smoothstep(0.15, 0.45, np.float32(own.height / max(rest.height, 1e-3)))
        window = _window(frame, own, head, own.height) if closed > 0 else None
        if window is None:
            return
        region, points = window
        u, below, above = own.depths(points)
        thick = 0.5 * own.height + max(0.006 * self.motion.size, 0.5)
        off = np.abs(below - above) * 0.5
        line = 1.0 - smoothstep(0.6 * thick, 1.5 * thick, off)
        line *= smoothstep(0.0, 0.35, np.clip(1.0 - (2.0 * u - 1.0) ** 2, 0.0, 1.0))
        _blend(region, np.broadcast_to(self.lashes, (*u.shape, 3)), 0.6 * closed * line)


def _window(frame: np.ndarray, own: Opening, head: Similarity, gap: float):
    """The part of the frame about an opening [h, w, C], and its points [h, w, 2] with the head's
    motion taken out; None outside the frame."""
    ends = own.origin + np.outer([-0.1, 1.1], own.along) * own.width
    reach = np.array([own.upper.min() - 2.0, max(own.lower.max(), gap) + 2.0])
    box = head((ends[:, None] + reach[None, :, None] * own.down).reshape(-1, 2))
    x0, y0 = np.floor(np.maximum(box.min(0) - 2, 0)).astype(int)
    x1, y1 = np.ceil(np.minimum(box.max(0) + 3, frame.shape[1::-1])).astype(int)
    if x1 <= x0 or y1 <= y0:
        return None
    x, y = np.meshgrid(np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32))
    return frame[y0:y1, x0:x1, :3], head.inverse()(np.dstack([x, y]))


def _blend(region: np.ndarray, colour: np.ndarray, alpha: np.ndarray) -> None:
    """Lay a colour [h, w, 3] over a part of the frame, in place."""
    old = region.astype(np.float32)
    mixed = old + alpha[..., None] * (colour - old) + 0.5
    region[...] = np.clip(mixed, 0, 255).astype(np.uint8)


def _mean(photo: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """[3] float32, the mean colour within a polygon [N, 2]."""
    mask = np.zeros(photo.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 255)
    if not mask.any():
        return np.full(3, 128.0, np.float32)
    return np.array(cv2.mean(photo, mask)[:3], np.float32)


def _darkest(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """[3] float32, the mean over points [N, 2] of the darkest colour next to each."""
    height, width = photo.shape[:2]
    colours = []
    for x, y in np.round(points).astype(int):
        x, y = int(np.clip(x, 1, width - 2)), int(np.clip(y, 1, height - 2))
        near = photo[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).astype(np.float32)
        colours.append(near[near.sum(1).argmin()] if len(near) else np.zeros(3, np.float32))
    return np.mean(colours, axis=0)
