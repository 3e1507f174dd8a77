"""The sound of an edit: what is gestured to, and what the edited video plays."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...speech.track import SAMPLE_RATE, Speech
from ...video.read import VideoReader
from .edits import Edit

_log = logging.getLogger(__name__)
# New speech may be longer than its span by this much (seconds), which is cut off.
_LONGER = 0.1


def check_speech(edits: Iterable[Edit]) -> None:
    """Raises: InputError where new speech cannot be read, or is longer than its span."""
    for edit in edits:
        if edit.speech is not None:
            _new_speech(edit.speech, edit)


def _new_speech(path: Path, edit: Edit) -> Speech:
    from ...speech.load import load

    new = load(path)
    if new.duration > edit.stop - edit.start + _LONGER:
        raise InputError(
            f"{path} lasts {new.duration:.2f} s, its span {edit.stop - edit.start:.2f} s. Widen "
            "the span or shorten the speech."
        )
    return new


def heard(reader: VideoReader, edits: Iterable[Edit]) -> Speech:
    """What the person speaks: the video's sound, with the edits' new speech in their spans.

    Raises: InputError as `check_speech`.
    """
    from ...speech.load import load

    length = round(reader.num_frames / reader.fps * SAMPLE_RATE)
    waveform = np.zeros(length, np.float32)
    if reader.info.has_sound:
        own = load(reader.path).waveform[:length]
        waveform[: len(own)] = own
    for edit in edits:
        if edit.speech is None:
            continue
        new = _new_speech(edit.speech, edit)
        if "face" not in edit.parts:
            _log.warning("New speech without the part 'face': the lips keep saying the old one.")
        first, last = (round(time * SAMPLE_RATE) for time in (edit.start, edit.stop))
        waveform[first:last] = 0
        room = waveform[first:last]
        room[: len(new.waveform)] = new.waveform[: len(room)]
    return Speech(waveform)


def sound_of(reader: VideoReader, edits: Iterable[Edit], folder: Path) -> dict[str, Any]:
    """The arguments of `write_video` for the edited video's sound.

    Without new speech the video's own, copied where MP4 can hold it. folder: for a mixed one.
    """
    from ...video.dub import dub
    from ...video.write import COPIED_SOUND

    new = [(edit.start, edit.stop, edit.speech) for edit in edits if edit.speech is not None]
    info = reader.info
    if new:
        mixed = folder / "sound.wav"
        dub(reader.media, reader.num_frames / reader.fps, new, mixed)
        return {"sound": mixed}
    if not info.has_sound:
        return {"sound": None}
    return {"sound": reader.path, "copy_sound": info.sound_codec in COPIED_SOUND}
