"""A picture of some moments of a video."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np

from ..atomic import complete_or_nothing

_CELL = (320, 320)


def write_sheet(video: str | Path, out: str | Path, moments: int = 8, columns: int = 4) -> None:
    """Write a PNG of moments at equal distances, each with its time under it.

    Raises: InputError where the video cannot be decoded.
    """
    from PIL import Image

    from ..video.read import VideoReader
    from ..video.sheets import contact_sheet

    reader = VideoReader(video)
    count = reader.num_frames
    wanted = sorted({int(at) for at in np.linspace(0, count - 1, min(moments, count)).round()})
    kept = {at: frame for at, frame in enumerate(islice(iter(reader), count)) if at in wanted}
    labels = [f"{at / reader.fps:.2f} s" for at in kept]
    sheet = contact_sheet(kept.values(), columns, labels, _CELL)
    with complete_or_nothing(out) as part:
        Image.fromarray(sheet).save(part, format="PNG")
