"""Contact sheets: the middle frame of many clips, with skeleton and crop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import InputError
from ..keypoints.drawing import draw
from ..keypoints.poses import Poses
from .clip import Clip
from .frames import read_span, scaled_size
from .options import FPS
from .process import Processed
from .shots import Span

_TILE = 256
_CAPTION = 16
_COLUMNS = 6


@dataclass(frozen=True)
class Tile:
    """clip, result: what to show. caption: the line below it."""

    clip: Clip
    result: Processed
    caption: str


def write_sheets(
    folder: Path, name: str, tiles: Sequence[Tile], annotations: Path, per_sheet: int
) -> list[Path]:
    """Write ``<name>-<number>.png`` with up to ``per_sheet`` tiles each; returns the files."""
    folder.mkdir(exist_ok=True)
    sheets = []
    for number, first in enumerate(range(0, len(tiles), per_sheet), start=1):
        pictures = [_tile(tile, annotations) for tile in tiles[first : first + per_sheet]]
        pictures += [np.zeros_like(pictures[0])] * (-len(pictures) % _COLUMNS)
        rows = [np.hstack(pictures[i : i + _COLUMNS]) for i in range(0, len(pictures), _COLUMNS)]
        path = folder / f"{name}-{number}.png"
        cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
        sheets.append(path)
    return sheets


def _tile(tile: Tile, annotations: Path) -> np.ndarray:
    """[_TILE + _CAPTION, _TILE, 3] uint8 RGB: the clip's middle frame, fitted into a square."""
    clip, crop = tile.clip, tile.result.crop
    canvas = np.zeros((_TILE + _CAPTION, _TILE, 3), np.uint8)
    _write(canvas, tile.caption)
    middle = tile.result.num_frames // 2
    size = scaled_size(clip.size, _TILE)
    span = Span(clip.span.start + middle / FPS, 1)
    try:
        frame = next(iter(read_span(clip.source.path, span, size)))
    except InputError:
        return canvas
    pose = Poses.load(annotations / f"{clip.id}.npz")[middle : middle + 1].scaled(size)
    picture = draw(pose, background=frame) if len(pose) else frame.copy()
    scale = size[0] / clip.size[0]
    corner = np.array([crop.x, crop.y])
    start, stop = (np.round(point * scale).astype(int) for point in (corner, corner + crop.side))
    cv2.rectangle(picture, start.tolist(), (stop - 1).tolist(), (255, 255, 0), 1)
    canvas[: size[1], : size[0]] = picture
    return canvas


def _write(canvas: np.ndarray, caption: str) -> None:
    # cv2's own font has no letters beyond ASCII.
    plain = caption.encode("ascii", "replace").decode()
    place = (2, _TILE + _CAPTION - 4)
    cv2.putText(canvas, plain[:42], place, cv2.FONT_HERSHEY_PLAIN, 0.75, (255, 255, 255), 1)
