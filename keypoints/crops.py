"""Rectangles of a picture: the crop in which one person is looked at."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

# The longer side a crop is shrunk to: the networks see at most a few hundred pixels of it.
_LONGEST_SIDE = 1024


@dataclass(frozen=True)
class Box:
    """A rectangle in whole pixels of a picture; right and bottom are the first pixel outside."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def whole(cls, size: tuple[int, int]) -> Box:
        """All of a picture of (width, height)."""
        return cls(0, 0, *size)

    @classmethod
    def within(cls, edges: np.ndarray, size: tuple[int, int]) -> Box:
        """[4] left, top, right, bottom, rounded and cut to a picture of (width, height)."""
        low = np.clip(np.floor(edges[:2]), 0, np.array(size) - 1).astype(int)
        high = np.clip(np.ceil(edges[2:]), low + 1, size).astype(int)
        return cls(*low.tolist(), *high.tolist())

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), in pixels."""
        return self.right - self.left, self.bottom - self.top

    @property
    def area(self) -> int:
        return self.size[0] * self.size[1]

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """The pixels of this box of a picture [H, W, 3], shrunk where they are more than needed."""
        crop = picture[self.top : self.bottom, self.left : self.right]
        scale = _LONGEST_SIDE / max(self.size)
        if scale >= 1:
            return crop
        small = (max(round(self.size[0] * scale), 1), max(round(self.size[1] * scale), 1))
        return cv2.resize(crop, small, interpolation=cv2.INTER_AREA)

    def to_picture(self, shares: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """[n, >=2] with x, y as shares of this box -> as shares of the picture (width, height)."""
        shares = shares.copy()
        shares[:, :2] = (shares[:, :2] * self.size + (self.left, self.top)) / size
        return shares


def picture_size(frame: np.ndarray) -> tuple[int, int]:
    """[H, W, ...] -> (width, height)."""
    return frame.shape[1], frame.shape[0]
