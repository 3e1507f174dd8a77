"""What the page "Edit" does: open a video, make takes of its spans, put the chosen together."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from ..errors import UsageError
from ..pipelines.edit.edits import Edit, load_edits, save_edits
from ..pipelines.edit.overview import activity, length, overview
from ..pipelines.edit.pipeline import EditedVideo
from ..pipelines.materials import manner_of, sound_seconds
from .desk import PROGRESS, STOPPED, Desk
from .edit_state import Editing, Takes, address, chosen_wish, edits_wish, span_of
from .engine import check_preset
from .jobs import Job
from .uploads import check_length, check_list, check_recording
from .wishes import MAX_SEED, style_wish, whole

PURPOSE = "edit"
MAX_TAKES = 4


class EditPage:
    """The handlers; each gets the page's values in the order of the components."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def open(
        self, request: gr.Request, progress: Any = PROGRESS, video: Any = None
    ) -> tuple[Editing | None, dict[str, Any], dict[str, Any], str]:
        """A video on the timeline."""
        if video is None:
            return None, {}, {}, ""
        path, most = check_recording(video, "video"), self.desk.options.max_seconds
        check_length(length(path).duration, most, "video")
        folder = self.desk.new_folder(request)
        played, strip = folder / "played.mp4", folder / "strip.jpg"
        with self.desk.engine.sketching:
            seen = overview(path, played, strip, Job().callback(self._show(progress)))
        editing = Editing(path, address(played), seen.seconds, seen.fps)
        value = {
            "video": editing.played,
            "strip": address(strip),
            "seconds": seen.seconds,
            "fps": seen.fps,
            "waveform": seen.waveform,
            "spans": [],
            "selected": None,
        }
        size = f"{seen.size[0]} x {seen.size[1]} pixels"
        return editing, value, {}, f"{seen.seconds:.2f} s, {size}, {seen.fps:g} frames a second."

    def measure(
        self, progress: Any = PROGRESS, editing: Any = None, preset: Any = None
    ) -> dict[str, Any]:
        """What each part does, for the lanes."""
        if not isinstance(editing, Editing):
            return gr.skip()  # type: ignore[no-any-return]
        engine = self.desk.engine
        with engine.sketching:
            estimator = engine.sketch(preset).estimator
            found = activity(editing.video, estimator, Job().callback(self._show(progress)))
        return gr.update(lanes=found)

    def attach(self, editing: Any, timeline: Any, speech: Any) -> tuple[Editing, dict[str, Any]]:
        """New speech for the chosen span."""
        if not isinstance(editing, Editing) or not isinstance(timeline, dict):
            raise UsageError("Which video? Choose one first.")
        path, most = check_recording(speech), self.desk.options.max_seconds
        check_length(sound_seconds(path, most), most, "speech")
        spans = [dict(span) for span in timeline.get("spans") or [] if isinstance(span, dict)]
        chosen = [span for span in spans if span.get("id") == timeline.get("selected")]
        if not chosen:
            raise UsageError("Which span? Click one on the timeline first.")
        name = secrets.token_hex(8)
        chosen[0] |= {"speech_id": name, "speech": path.name}
        speeches = {**editing.speeches, name: path}
        return replace(editing, speeches=speeches), {**timeline, "spans": spans}

    def make_takes(
        self, request: gr.Request, progress: Any = PROGRESS, *values: Any
    ) -> tuple[Editing, dict[str, Any], list[str], str]:
        """Versions of the spans from seeds that count up."""
        editing, timeline, preset, style, seed, takes = values
        edits = edits_wish(timeline, editing)
        count = whole(takes, "number of takes", 1, MAX_TAKES)
        first = whole(seed, "seed", 0, MAX_SEED - MAX_TAKES)
        with self.desk.device.job(str(request.session_hash), PURPOSE) as job:
            made, folder = self._run(
                request, progress, job, editing, edits, preset, style, seed=first, takes=count
            )
            # Of one take there is no sheet.
            files = [*made.paths, *([] if made.sheet is None else [made.sheet])]
        kept = Takes(
            edits, check_preset(preset), style_wish(style), tuple(range(first, first + count)),
            tuple(photo / made.fps for photo in made.photos), made.paths,
        )  # fmt: skip
        save_edits(folder / "edits.yaml", edits)
        value = {
            "seconds": editing.seconds,
            "spans": [span_of(edit, str(at)) for at, edit in enumerate(edits)],
            "takes": [{"label": "as it was", "video": editing.played}]
            + [
                {"label": f"take {at} (seed {first + at - 1})", "video": address(path)}
                for at, path in enumerate(made.paths, start=1)
            ],
            "chosen": [1] * len(edits),
        }
        text = f"Takes: {count}, spans: {len(edits)}; {self._spent(made)}"
        named = [str(file) for file in (*files, folder / "edits.yaml")]
        return replace(editing, takes=kept), value, named, text

    def finish(
        self, request: gr.Request, progress: Any = PROGRESS, editing: Any = None, picked: Any = None
    ) -> tuple[Editing, str, list[str], str]:
        """One video with the chosen take of each span, and its edit list."""
        if not isinstance(editing, Editing) or editing.takes is None:
            raise UsageError("Make takes first, then choose one for every span.")
        takes = editing.takes
        chosen = chosen_wish(picked, takes)
        edits = [
            replace(edit, seed=takes.seeds[take - 1] if edit.seed is None else edit.seed, photo=at)
            for edit, take, at in zip(takes.edits, chosen, takes.photos, strict=True)
            if take
        ]
        if not edits:
            raise UsageError("Every span stays as it was. Choose a take for one at least.")
        with self.desk.device.job(str(request.session_hash), PURPOSE) as job:
            if len(set(chosen)) == 1:
                folder = self.desk.new_folder(request)
                out = folder / "edited.mp4"
                shutil.copyfile(takes.paths[chosen[0] - 1], out)
                text = "This is the chosen take."
            else:
                made, folder = self._run(
                    request, progress, job, editing, tuple(edits), takes.preset, takes.style
                )
                out, text = made.paths[0], self._spent(made)
        save_edits(folder / "edits.yaml", edits)
        files = [str(out), str(folder / "edits.yaml")]
        return replace(editing, result=out), str(out), files, text

    def go_on(
        self, request: gr.Request, progress: Any = PROGRESS, editing: Any = None
    ) -> tuple[Editing | None, dict[str, Any], dict[str, Any], str]:
        """The finished video on the timeline, to be edited again."""
        if not isinstance(editing, Editing) or editing.result is None:
            raise UsageError("Nothing is finished yet. Put the chosen takes together first.")
        return self.open(request, progress, str(editing.result))

    def save(self, request: gr.Request, editing: Any, timeline: Any) -> str:
        """The spans as a file for `gesticulate edit --edits`."""
        edits = edits_wish(timeline, editing)
        path = self.desk.new_folder(request) / "edits.yaml"
        save_edits(path, edits)
        return str(path)

    def load(self, editing: Any, timeline: Any, path: Any) -> dict[str, Any]:
        """The spans of such a file on the timeline."""
        if not isinstance(editing, Editing) or not isinstance(timeline, dict):
            raise UsageError("Which video? Choose one first.")
        edits = load_edits(check_list(path))
        spans = [span_of(edit, secrets.token_hex(4)) for edit in edits]
        edits_wish({"spans": spans}, editing)
        if any(edit.speech for edit in edits):
            gr.Warning("New speech is not part of the list's file. Give it again for its span.")
        return {**timeline, "spans": spans, "selected": None}

    def stop(self, request: gr.Request) -> str:
        """End the work; answers when it has ended."""
        stopped = self.desk.device.stop(str(request.session_hash), PURPOSE)
        return STOPPED if stopped else "Nothing is being made."

    def _run(
        self, request: gr.Request, progress: Any, job: Job, editing: Editing,
        edits: tuple[Edit, ...], preset: Any, style: Any, *, seed: int = 0, takes: int = 1,
    ) -> tuple[EditedVideo, Path]:  # fmt: skip
        manner = manner_of(style_wish(style))
        progress(0.0, desc="Loading the models")
        pipeline = self.desk.engine.editing(check_preset(preset))
        folder = self.desk.new_folder(request)
        made = pipeline(
            editing.video,
            edits,
            folder / "edited.mp4",
            seed=seed,
            takes=takes,
            manner=manner,
            callback=job.callback(self._show(progress)),
        )
        return made, folder

    def _spent(self, made: EditedVideo) -> str:
        text = f"{made.num_frames} frames; made in {sum(made.timings.values()):.1f} s."
        return text + (f"\n\n{self.desk.said(made.notes)}" if made.notes else "")

    def _show(self, progress: Any) -> Any:
        return lambda done, text: progress(done, desc=text)
