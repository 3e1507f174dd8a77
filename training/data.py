"""A data set on disk -> clips for training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..datasets.load import Clips
from ..datasets.publish import read_state
from ..datasets.words import read_words
from ..errors import InputError
from ..motion.heard import BEFORE_RECORDED
from ..motion.vectors import fill_gaps
from ..speech.track import Word
from .clips import Clip
from .options import DataOptions


def load_clips(
    options: DataOptions,
    split: str,
    needs_sound: bool = False,
    words: dict[str, tuple[Word, ...]] | None = None,
) -> list[Clip]:
    """The clips of a split ("train" or "val"), gaps filled, in memory (about 3 KB a frame).

    needs_sound: leave out clips without it. words: by the clip's id, where they are known.
    Raises: InputError where the data set has none.
    """
    clips = Clips(options.folder)
    found = []
    for row in clips.select(split, needs_sound=needs_sound):
        if options.favoured.get(row.kind, 1.0) <= 0:
            continue
        motion = clips.motion_of(row)
        found.append(
            Clip(
                points=fill_gaps(motion.points, motion.confidence),
                confidence=motion.confidence,
                speech=np.array(clips.speech[row.frames]) if row.sound else None,
                voice=np.array(clips.voice[row.frames]),
                energy=np.array(clips.energy[row.frames]),
                person=speaker_of(row.person),
                kind=row.kind,
                name=row.id,
                words=(words or {}).get(row.id, ()),
            )
        )
    if not found:
        raise InputError(
            f"{options.folder} has no clip of the split {split!r}"
            f"{' with sound' if needs_sound else ''} among {len(clips)} clips. Build it from more "
            "videos, or change `favoured`."
        )
    return found


def encoder_of(options: DataOptions) -> str:
    """The name of the speech encoder whose features a data set holds."""
    return str(read_state(options.folder).get("speech_encoder", BEFORE_RECORDED))


def load_words(path: Path | None) -> dict[str, tuple[Word, ...]]:
    """Words by clip's id, from the file that `gesticulate dataset words` writes; none without it.

    Raises: InputError where the file is missing or says something else.
    """
    if path is None:
        return {}
    return {
        clip: tuple(Word(text, start, end) for text, start, end in words)
        for clip, words in read_words(path).items()
    }


def speaker_of(person: str) -> str:
    """Who speaks: recordings of one folder are taken to be of one speaker.

    The data sets at hand name a person by the recording's file, which makes no style of anybody.
    """
    return person.rpartition("/")[0] or person
