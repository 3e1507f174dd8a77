"""What the page "Two people" does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from ..pipelines.gesture_video import EXPRESSIVENESS
from ..pipelines.materials import sound_seconds
from ..pipelines.sheet import write_sheet
from .desk import PROGRESS, STOPPED, Desk
from .engine import check_preset
from .uploads import check_length, check_photo, check_recording
from .wishes import MAX_SEED, one_of, size_wish, whole

PURPOSE = "two"


class TwoPage:
    """The handlers; each gets the page's values in the order of the components."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def preview(
        self, request: gr.Request, progress: Any = PROGRESS, *values: Any
    ) -> tuple[str, str | None, list[str], str]:
        """The skeletons alone."""
        return self._make(request, progress, values, preview="skeleton")

    def make(
        self, request: gr.Request, progress: Any = PROGRESS, *values: Any
    ) -> tuple[str, str | None, list[str], str]:
        """The video, its sheet of frames, the files to download, and what was done."""
        return self._make(request, progress, values, preview=None)

    def stop(self, request: gr.Request) -> str:
        """End the render; answers when it has ended."""
        stopped = self.desk.device.stop(str(request.session_hash), PURPOSE)
        return STOPPED if stopped else "Nothing is being made."

    def _make(
        self, request: gr.Request, progress: Any, values: tuple[Any, ...], preview: Any
    ) -> tuple[str, str | None, list[str], str]:
        left, right, speech, other, preset, level, seed, size, separate = values
        photos = (check_photo(left, "photo on the left"), check_photo(right, "photo on the right"))
        sounds = [self._check(speech, "speech")]
        if other is not None:
            sounds.append(self._check(other, "speech of the person on the right"))
        expressive: Any = one_of(level, "expressiveness", EXPRESSIVENESS)
        number, height = whole(seed, "seed", 0, MAX_SEED), size_wish(size)
        progress(0.0, desc="Waiting for the turn")
        with self.desk.device.job(str(request.session_hash), PURPOSE) as job:
            folder = self.desk.new_folder(request)
            progress(0.0, desc="Loading the models")
            video = self.desk.engine.dialogue(check_preset(preset))(
                *photos,
                sounds,
                folder / "dialogue.mp4",
                separate=separate is True,
                size=height,
                seed=number,
                expressiveness=expressive,
                preview=preview,
                callback=job.callback(lambda done, text: progress(done, desc=text)),
            )
            sheet = None if preview else folder / "dialogue.png"
            if sheet is not None:
                write_sheet(video.paths[0], sheet)
        text = (
            f"{video.num_frames} frames, {video.size[0]} x {video.size[1]} pixels; made in "
            f"{sum(video.timings.values()):.1f} s."
        )
        text += f"\n\n{self.desk.said(video.notes)}" if video.notes else ""
        files = [str(file) for file in sorted(folder.iterdir()) if file.is_file()]
        return str(video.paths[0]), None if sheet is None else str(sheet), files, text

    def _check(self, speech: Any, what: str) -> Path:
        path, most = check_recording(speech, what), self.desk.options.max_seconds
        check_length(sound_seconds(path, most), most, what)
        return path
