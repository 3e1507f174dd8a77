"""The video to be edited, checked before anything slow begins."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ...errors import InputError, UsageError
from ...video.clock import check_steady
from ...video.read import VideoReader
from .edits import Edit


def open_video(path: str | Path, edits: Iterable[Edit]) -> VideoReader:
    """A reader of a video in which all the spans lie.

    Raises: InputError where the file is no video, its frame rate varies, or it has no sound and an
    edit brings none; UsageError where a span ends behind the video, by more than a frame.
    """
    reader = VideoReader(path)
    check_steady(reader.media)
    seconds = reader.num_frames / reader.fps
    for edit in edits:
        if edit.stop > seconds + 1 / reader.fps:
            raise UsageError(
                f"The span from {edit.start:g} s to {edit.stop:g} s is not within the video, which "
                f"lasts {seconds:.2f} s."
            )
        if edit.speech is None and not reader.info.has_sound:
            raise InputError(
                f"{reader.path} has no sound to gesture to. Give the speech of the span from "
                f"{edit.start:g} s to {edit.stop:g} s (--speech)."
            )
    return reader
