"""The videos of several takes, and the sheet that shows them beside the original."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from ...atomic import complete_or_nothing
from ...errors import UsageError
from .span import Span

MAX_TAKES = 16
# The preview shows so many moments of each span.
_MOMENTS, _CELL = 6, (240, 240)


class Preview:
    """Some moments of each span, in the original and in each take, kept small."""

    def __init__(self, spans: list[Span]) -> None:
        self.moments = [
            int(at)
            for span in spans
            for at in np.linspace(span.first, span.last - 1, _MOMENTS).round()
        ]
        self.rows: dict[int, list[np.ndarray]] = {}
        self.count = 0

    def watch_originals(self, frames: Iterable[np.ndarray]) -> None:
        """Keep the moments of the original."""
        for _ in self.watched(frames, 0):
            pass

    def watched(self, frames: Iterable[np.ndarray], take: int) -> Iterator[np.ndarray]:
        """Hand frames on, keeping the moments of a take."""
        kept: dict[int, np.ndarray] = {}
        at = -1
        for at, frame in enumerate(frames):
            if at in self.moments:
                kept[at] = frame if frame.dtype == np.uint8 else (frame >> 8).astype(np.uint8)
            yield frame
        self.count = at + 1
        self.rows[take] = [kept[moment] for moment in self.moments if moment in kept]

    def save(self, path: Path) -> None:
        """Write the sheet: a row for the original, one for each take."""
        from PIL import Image

        from ...video.sheets import contact_sheet

        cells, labels = [], []
        for take in sorted(self.rows):
            cells += self.rows[take]
            name = f"take {take}" if take else "before"
            labels += [f"{name}, frame {moment}" for moment in self.moments[: len(self.rows[take])]]
        sheet = contact_sheet(cells, len(self.rows[0]), labels, _CELL)
        with complete_or_nothing(path) as part:
            Image.fromarray(sheet).save(part, format="PNG")


def take_paths(out: Path, takes: int) -> tuple[tuple[Path, ...], Path | None]:
    """Where the videos and the preview go. Raises: UsageError for a number out of range."""
    if not 1 <= takes <= MAX_TAKES:
        raise UsageError(f"{takes} takes are asked for. Expected 1 to {MAX_TAKES}.")
    if takes == 1:
        return (out,), None
    names = (out.with_name(f"{out.stem}-{take}{out.suffix}") for take in range(1, takes + 1))
    return tuple(names), out.with_suffix(".png")
