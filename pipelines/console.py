"""Progress for people (bars on stderr) and for programs (JSON lines on stdout)."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from ..keypoints.poses import Poses
from .log import collected_warnings, remarks
from .progress import Callback, Meter, Progress

if TYPE_CHECKING:
    from .gesture_video import GestureVideo
    from .options import Settings

# Often enough for a smooth bar, seldom enough to cost nothing.
_SECONDS_BETWEEN = 0.1
_LABELS = {
    "read": "Reading",
    "load": "Loading",
    "photo": "Looking at the photo",
    "look": "Looking at the span",
    "features": "Measuring the speech",
    "motion": "Making gestures",
    "render": "Rendering",
}


class _Seldom:
    """Lets through the first and last event of a stage, and those between at a bounded rate."""

    def __init__(self) -> None:
        self._last = 0.0

    def wants(self, progress: Progress) -> bool:
        now = time.monotonic()
        if 0 < progress.done < progress.total and now - self._last < _SECONDS_BETWEEN:
            return False
        self._last = now
        return True


class JsonProgress:
    """A callback that writes one JSON object a line."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._seldom = _Seldom()

    def __call__(self, progress: Progress) -> None:
        if not self._seldom.wants(progress):
            return
        left = progress.seconds_left
        self.write(
            stage=progress.stage,
            done=progress.done,
            total=progress.total,
            frames_per_second=round(progress.frames_per_second, 2),
            seconds_left=None if left is None else round(left, 1),
        )

    def write(self, **fields: Any) -> None:
        """One line of any fields, such as the run's result."""
        print(json.dumps(fields), file=self._stream, flush=True)


class BarProgress:
    """A callback that draws one bar a stage, with frames/s and time left. Use as a context."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Bars

        self.console = Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description:<20}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            console=self.console,
        )
        self._tasks: dict[str, Any] = {}
        self._began: dict[str, float] = {}
        self._seldom = _Seldom()

    def __enter__(self) -> BarProgress:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def __call__(self, progress: Progress) -> None:
        if not self._seldom.wants(progress):
            return
        if progress.stage not in self._tasks:
            label = _LABELS.get(progress.stage, progress.stage)
            self._tasks[progress.stage] = self._bars.add_task(label, rate="")
        self._bars.update(
            self._tasks[progress.stage],
            completed=progress.done,
            total=progress.total,
            rate=_rate(progress),
        )

    def steps(self, stage: str, done: int, total: int) -> None:
        """For jobs that tell their stage in three words; the time is taken here."""
        began = self._began.setdefault(stage, time.monotonic())
        self(Progress(stage, done, total, time.monotonic() - began))


def _rate(progress: Progress) -> str:
    if progress.total == 1 or not progress.done:
        return f"{progress.seconds:.1f} s" if progress.done else ""
    if progress.done == progress.total:
        return f"{progress.frames_per_second:.1f} frames/s, {progress.seconds:.1f} s"
    return f"{progress.frames_per_second:.1f} frames/s, {progress.seconds_left:.0f} s left"


def show_run(
    photo: str | Path | np.ndarray, speech: str | Path, out: Path, settings: Settings
) -> None:
    """Make a video as the command line asks, with progress and the stages' remarks shown."""
    if settings.json_progress:
        report = JsonProgress()
        with remarks(lambda text: print(text, file=sys.stderr)):
            video = _run(photo, speech, out, settings, report)
        report.write(
            stage="done",
            path=str(out),
            frames=video.num_frames,
            size=video.size,
            fps=video.fps,
            seconds={stage: round(spent, 3) for stage, spent in video.timings.items()},
            notes=video.notes,
        )
        return
    with BarProgress() as bars, remarks(bars.console.print):
        video = _run(photo, speech, out, settings, bars)
    spent = sum(video.timings.values())
    bars.console.print(
        f"{out}: {video.num_frames} frames, {video.size[0]} x {video.size[1]} pixels, "
        f"{video.fps:g} frames/s; made in {spent:.1f} s.",
        highlight=False,
    )


def _run(
    photo: str | Path | np.ndarray,
    speech: str | Path,
    out: Path,
    settings: Settings,
    callback: Callback,
) -> GestureVideo:
    from ..speech.load import load
    from ..video.photo import read_photo
    from .outputs import check_outputs

    # What can be wrong with the inputs is said before the stages load, which takes some seconds.
    check_outputs(out, settings.save_poses, inputs=(photo, speech, settings.poses))
    manner = settings.manner()
    meter = Meter(callback)
    with collected_warnings() as notes:
        with meter.stage("read"):
            track = load(speech)
            picture = photo if isinstance(photo, np.ndarray) else read_photo(photo)
            poses = None if settings.poses is None else Poses.load(settings.poses)
        with meter.stage("load"):
            from .gesture_video import GestureVideoPipeline

            pipeline = GestureVideoPipeline.from_preset(
                settings.preset, device=settings.device, low_memory=settings.low_memory
            )
        video = pipeline(
            picture,
            track,
            out,
            fps=settings.fps,
            size=settings.size,
            seed=settings.seed,
            expressiveness=settings.expressiveness,
            manner=manner,
            poses=poses,
            save_poses=settings.save_poses,
            preview=settings.preview,
            callback=callback,
        )
    return replace(video, timings={**meter.timings, **video.timings}, notes=tuple(notes))
