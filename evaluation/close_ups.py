"""Enlarged pieces of frames: a person's mouth and hand, where renderers fail first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from ..keypoints import layout
from ..video.sheets import contact_sheet
from .regions import SEEN

# A piece this many times as wide as the lips or the hand shows what is around them.
_MOUTH_ROOM, _HAND_ROOM = 2.2, 1.6
_LEAST_SIDE = 16

Square = tuple[int, int, int]  # Left, top and side in pixels.


def mouth_square(pose: np.ndarray, size: tuple[int, int]) -> Square | None:
    """Around the lips. pose: [133, 3], in pixels of a picture of `size` (width, height); None
    where it has no mouth."""
    return _square(pose[layout.FACE][layout.FACE_OUTER_LIPS], size, _MOUTH_ROOM)


def hand_square(pose: np.ndarray, size: tuple[int, int]) -> Square | None:
    """Around the hand of which more is seen, of two alike the larger. As `mouth_square`."""
    hands = [pose[part] for part in (layout.LEFT_HAND, layout.RIGHT_HAND)]
    best = max(
        hands, key=lambda hand: ((hand[:, 2] >= SEEN).sum(), np.ptp(hand[:, :2], axis=0).max())
    )
    return _square(best, size, _HAND_ROOM)


def _square(points: np.ndarray, size: tuple[int, int], room: float) -> Square | None:
    """Around the seen ones of [N, 3], moved into the picture; None where under half are seen."""
    seen = points[points[:, 2] >= SEEN, :2]
    if 2 * len(seen) < len(points):
        return None
    low, high = seen.min(axis=0), seen.max(axis=0)
    side = min(max(round(room * float((high - low).max())), _LEAST_SIDE), *size)
    left, top = ((low + high - side) / 2).round().astype(int)
    return int(np.clip(left, 0, size[0] - side)), int(np.clip(top, 0, size[1] - side)), side


def close_up(picture: np.ndarray, square: Square | None, side: int) -> np.ndarray:
    """The piece of [H, W, 3] uint8, enlarged to [side, side, 3]; grey where there is none."""
    if square is None:
        return np.full((side, side, 3), 128, np.uint8)
    left, top, length = square
    piece = picture[top : top + length, left : left + length]
    return cv2.resize(piece, (side, side), interpolation=cv2.INTER_CUBIC)


def close_up_sheet(
    rows: Mapping[str, Sequence[np.ndarray]],
    poses: np.ndarray,
    titles: Sequence[str],
    cell: int = 192,
) -> np.ndarray:
    """A contact sheet: each frame whole, its mouth and its hand; one row a renderer.

    rows: by the renderer's name N frames each, [H, W, 3] uint8 of one size. poses: [N, 133, 3] in
    their pixels, that say where to look in every row. titles: N, beside the name. cell: pixels a
    picture is fitted into.
    """
    cells, labels = [], []
    for name, frames in rows.items():
        for frame, pose, title in zip(frames, poses, titles, strict=True):
            size = (frame.shape[1], frame.shape[0])
            pieces = [find(pose, size) for find in (mouth_square, hand_square)]
            cells += [frame, *[close_up(frame, piece, cell) for piece in pieces]]
            labels += [f"{name}, {title}", f"{name}: mouth", f"{name}: hand"]
    return contact_sheet(cells, 3 * len(poses), labels, (cell, cell))
