"""A clip: a span of a video with one person, the unit that is annotated and judged."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import InputError
from .files import write_text
from .options import BuildOptions
from .shots import Span, find_shots, plan_clips
from .sides import SIDES
from .sources import Source


@dataclass(frozen=True)
class Clip:
    """id: unique in the data set, and stays. source: the video. span: the part of it. size: the
    video's (width, height) in pixels. side: "left" or "right" for one of two people, '' for a
    video of one."""

    id: str
    source: Source
    span: Span
    size: tuple[int, int]
    side: str = ""

    @property
    def person(self) -> str:
        """Who is seen; of two people in a video, each is somebody."""
        return f"{self.source.person}:{self.side}" if self.side else self.source.person


@dataclass(frozen=True)
class Cutting:
    """What stage 1 made of a video: clips, shots (start, end) in seconds that were too short, or
    why it could not be read."""

    source: Source
    clips: tuple[Clip, ...] = ()
    short: tuple[tuple[float, float], ...] = ()
    error: str = ""


@dataclass(frozen=True)
class CuttingJob:
    """source: the video. options: how to cut it. file: where the result is kept."""

    source: Source
    options: BuildOptions
    file: Path


def cut(_: None, job: CuttingJob) -> str:
    """Find the clips of a video and write them to the job's file; returns '' or what went wrong."""
    source, options = job.source, job.options
    content: dict[str, object] = {"source": asdict(source) | {"path": str(source.path.resolve())}}
    error = ""
    try:
        video = find_shots(source.path, options.cut_threshold, options.seconds_per_video)
        spans, short = plan_clips(video, options)
        content |= {"size": video.size, "spans": [asdict(span) for span in spans], "short": short}
    except InputError as problem:
        error = str(problem)
        content |= {"error": error}
    write_text(job.file, json.dumps(content))
    return error


def load_cutting(file: Path, now: Source | None = None, persons: int = 1) -> Cutting:
    """What `cut` wrote. now: what is known of the video today (its index may have changed).
    persons: with 2, every span gives a clip of the left and one of the right person."""
    content = json.loads(file.read_text())
    known = content["source"]
    source = now or Source(**known | {"path": Path(known["path"])})
    if "error" in content:
        return Cutting(source, error=content["error"])
    name = f"{Path(source.key).stem[:40]}-{file.stem}"
    size = (content["size"][0], content["size"][1])
    spans = [Span(**span) for span in content["spans"]]
    clips = [
        Clip(
            f"{name}-{round(span.start * 1000):07d}{side and f'-{side}'}", source, span, size, side
        )
        for span in spans
        for side in (SIDES if persons == 2 else ("",))
    ]
    short = tuple((start, end) for start, end in content["short"])
    return Cutting(source, tuple(clips), short)
