"""Film strips: rows of frames under one another, to compare videos by eye."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

_CAPTION = 18  # Height of the line above each row, in pixels.


def filmstrip(rows: Sequence[tuple[str, Sequence[np.ndarray]]], width: int = 192) -> np.ndarray:
    """A picture of all rows, each a caption over its frames.

    rows: (caption, frames [H, W, 3] uint8 RGB of one size). width: of each frame on the strip, in
    pixels. Rows shorter than the longest end in black. Returns [H', W', 3] uint8 RGB.
    """
    if not rows or not all(len(frames) for _, frames in rows):
        raise ValueError("a film strip needs at least one row, and a frame in every row")
    columns = max(len(frames) for _, frames in rows)
    strips = []
    for caption, frames in rows:
        height = max(1, round(width * frames[0].shape[0] / frames[0].shape[1]))
        strip = np.zeros((_CAPTION + height, columns * width, 3), np.uint8)
        # OpenCV's own font has no letters beyond ASCII.
        text = caption.encode("ascii", "replace").decode()
        place, white = (4, _CAPTION - 5), (255, 255, 255)
        cv2.putText(strip, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, white, 1, cv2.LINE_AA)
        for column, frame in enumerate(frames):
            small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
            strip[_CAPTION:, column * width : (column + 1) * width] = small
        strips.append(strip)
    return np.concatenate(strips)


def save_picture(picture: np.ndarray, path: Path) -> None:
    """Write [H, W, 3] uint8 RGB as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)):
        raise OSError(f"could not write {path}")
