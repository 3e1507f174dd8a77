"""Contact sheets: the middle frame of many clips, with skeleton and crop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..atomic import complete_or_nothing
from ..errors import InputError
from ..keypoints.drawing import draw
from ..keypoints.poses import Poses
from ..video.sheets import contact_sheet
from .clip import Clip
from .frames import read_span, scaled_size
from .options import FPS
from .process import Processed
from .shots import Span

_TILE = 256
_COLUMNS = 6
_YELLOW = (255, 255, 0)


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
        shown = tiles[first : first + per_sheet]
        pictures = [_picture(tile, annotations) for tile in shown]
        labels = [tile.caption for tile in shown]
        sheet = contact_sheet(pictures, _COLUMNS, labels, cell=(_TILE, _TILE))
        path = folder / f"{name}-{number}.png"
        with complete_or_nothing(path) as part:
            cv2.imwrite(str(part), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
        sheets.append(path)
    return sheets


def _picture(tile: Tile, annotations: Path) -> np.ndarray:
    """[h, w, 3] uint8 RGB: the clip's middle frame, small, with its skeleton and crop."""
    clip, crop = tile.clip, tile.result.crop
    middle = tile.result.num_frames // 2
    size = scaled_size(clip.size, _TILE)
    span = Span(clip.span.start + middle / FPS, 1)
    try:
        frame = next(iter(read_span(clip.source.path, span, size)))
    except InputError:  # the video is gone since it was annotated
        frame = np.zeros((size[1], size[0], 3), np.uint8)
    pose = Poses.load(annotations / f"{clip.id}.npz")[middle : middle + 1].scaled(size)
    picture = draw(pose, background=frame)
    scale = size[0] / clip.size[0]
    corner = np.array([crop.x, crop.y])
    start, stop = (np.round(point * scale).astype(int) for point in (corner, corner + crop.side))
    cv2.rectangle(picture, start.tolist(), (stop - 1).tolist(), _YELLOW, 1)
    return picture
