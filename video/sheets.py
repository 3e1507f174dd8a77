"""Contact sheets: many frames on one picture, to be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

_MARGIN = 4
_LABEL_HEIGHT = 16
_BACKGROUND, _INK = 255, 0


def contact_sheet(
    frames: Iterable[np.ndarray],
    columns: int,
    labels: Sequence[str] = (),
    cell: tuple[int, int] | None = None,
) -> np.ndarray:
    """Frames in rows from left to right, each with its label under it.

    frames: [h, w, 3] uint8 RGB each, at least one; sizes may differ.
    labels: one a frame, or none at all.
    cell: (width, height) each frame is fitted into with its shape kept; None takes the largest
        width and height among the frames and scales nothing.
    Returns [H, W, 3] uint8 RGB, on white.
    """
    pictures = [_fit(frame, cell) for frame in frames]
    if not pictures or columns < 1:
        raise ValueError(f"a sheet needs frames and columns, got {len(pictures)} and {columns}")
    if labels and len(labels) != len(pictures):
        raise ValueError(f"{len(pictures)} frames need as many labels or none, got {len(labels)}")
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    height = max(p.shape[0] for p in pictures)
    width = max(p.shape[1] for p in pictures)
    step_y = height + _MARGIN + (_LABEL_HEIGHT if labels else 0)
    step_x = width + _MARGIN
    sheet = np.full(
        (rows * step_y + _MARGIN, columns * step_x + _MARGIN, 3), _BACKGROUND, dtype=np.uint8
    )
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        top, left = _MARGIN + row * step_y, _MARGIN + column * step_x
        y = top + (height - picture.shape[0]) // 2
        x = left + (width - picture.shape[1]) // 2
        sheet[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
        if labels:
            strip = _label(labels[index], width)
            sheet[top + height : top + height + _LABEL_HEIGHT, left : left + width] = strip
    return sheet


def _fit(frame: np.ndarray, cell: tuple[int, int] | None) -> np.ndarray:
    if cell is None:
        return frame
    import cv2

    height, width = frame.shape[:2]
    scale = min(cell[0] / width, cell[1] / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def _label(text: str, width: int) -> np.ndarray:
    """[16, width, 3] uint8: the text, cut at the cell's edge."""
    from PIL import Image, ImageDraw, ImageFont

    strip = Image.new("RGB", (width, _LABEL_HEIGHT), (_BACKGROUND,) * 3)
    font = ImageFont.load_default(size=12)
    ImageDraw.Draw(strip).text((2, 0), text, fill=(_INK,) * 3, font=font)
    return np.asarray(strip)
