"""The words of a data set's clips, with their times."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import InputError
from ..speech.load import load
from ..speech.track import SAMPLE_RATE, Speech, Word
from .build import Progress
from .files import write_text
from .load import ClipRow, Clips
from .options import FPS

Words = dict[str, list[tuple[str, float, float]]]
# What was recognised is written so often.
EVERY = 20


def write_words(
    folder: Path,
    output: Path,
    recognise: Callable[[Speech], Sequence[Word]],
    progress: Progress | None = None,
) -> Words:
    """Recognise the words of all clips with sound, and write them as JSON; returns them by clip.

    folder: a data set. recognise: words of a recording, with times in seconds.
    Clips that ``output`` already has are not recognised again.
    Raises: InputError where the folder holds no data set, or ``output`` something else than words.
    """
    tell = progress or (lambda *_: None)
    found = read_words(output) if output.exists() else {}
    rows = [row for row in Clips(folder) if row.sound]
    missing = [row for row in rows if row.id not in found]
    tell("recognise", 0, len(missing))
    for number, row in enumerate(missing, start=1):
        words = recognise(_sound_of(row))
        found[row.id] = [(w.text, round(w.start, 3), round(w.end, 3)) for w in words]
        if number % EVERY == 0 or number == len(missing):
            write_text(output, json.dumps(found, ensure_ascii=False))
        tell("recognise", number, len(missing))
    return found


def read_words(path: Path) -> Words:
    """What `write_words` wrote.

    Raises: InputError where the file is missing or says something else.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {
            clip: [(str(text), float(start), float(end)) for text, start, end in words]
            for clip, words in rows.items()
        }
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} could not be read as words ({error}). Expected JSON: "
            '{"clip\'s id": [["text", start, end], ...]} with times in seconds.'
        ) from None


def _sound_of(row: ClipRow) -> Speech:
    """A clip's own part of its video's sound."""
    start, length = (round(x * SAMPLE_RATE) for x in (row.start, row.num_frames / FPS))
    return Speech(load(row.path).waveform[start : start + length], row.path)
