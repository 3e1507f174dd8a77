"""How well, how steadily and how fast does a pose estimator see talking people?

    python benchmarks/poses.py --clips CLIPS --out OUT

CLIPS holds videos and a clips.csv with the columns file, split and kind. OUT gets results.md and
results.json: detection rates of each part, jitter before and after smoothing, frames per second.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from gesticulate import registry
from gesticulate.errors import GesticulateError
from gesticulate.evaluation.clips import PoseCache, listed_clips
from gesticulate.evaluation.detection import detection_rates
from gesticulate.evaluation.jitter import pose_jitter
from gesticulate.evaluation.tables import markdown_table, save_json
from gesticulate.keypoints.smoothing import smooth
from gesticulate.video.read import VideoReader

_JITTER_PARTS = ("body", "face", "left_hand", "right_hand")


@dataclass(frozen=True)
class Arguments:
    """
    clips: folder with clips.csv and the videos it names.
    out: folder for the results.
    estimator: pose estimator's name.
    split, kinds: which clips; all kinds where none is named.
    limit: at most so many clips, spread evenly over the list.
    poses: folder that keeps the estimated poses between runs (kept ones have no speed).
    """

    clips: Path
    out: Path
    estimator: str = "auto"
    split: str = "val"
    kinds: tuple[str, ...] = ()
    limit: int | None = None
    poses: Path | None = None


@dataclass(frozen=True)
class ClipResult:
    """A clip's row in results.json. fps: NaN where the poses were kept from an earlier run."""

    clip: str
    kind: str
    frames: int
    detected: dict[str, float]
    jitter: dict[str, float]
    jitter_smoothed: dict[str, float]
    fps: float


def mean(results: list[ClipResult], field: str, part: str) -> float:
    """Over the clips where it is known, each weighted by its frames."""
    values = np.array([getattr(result, field)[part] for result in results])
    frames = np.array([result.frames for result in results])
    known = np.isfinite(values)
    return float(np.average(values[known], weights=frames[known])) if known.any() else float("nan")


def report(arguments: Arguments, estimator: str, results: list[ClipResult]) -> str:
    """Write results.json and results.md; returns the latter's text."""
    save_json({"arguments": arguments, "clips": results}, arguments.out / "results.json")
    timed = [result for result in results if np.isfinite(result.fps)]
    frames = sum(result.frames for result in results)
    text = f"{len(results)} clips, {frames} frames; estimator {estimator}"
    if timed:
        seconds = sum(result.frames / result.fps for result in timed)
        text += f", {sum(result.frames for result in timed) / seconds:.1f} frames/s"
    kinds = sorted({result.kind for result in results})
    parts = list(results[0].detected)
    rows = []
    for kind in (*kinds, "all"):
        some = [result for result in results if kind in ("all", result.kind)]
        rows.append([kind, len(some), *[mean(some, "detected", part) for part in parts]])
    text += ".\n\nShare of frames in which a part was seen:\n\n"
    text += markdown_table(["kind", "clips", *parts], rows)
    text += "\nJitter in shoulder widths per second cubed:\n\n"
    rows = [
        [part, *[mean(results, field, part) for field in ("jitter", "jitter_smoothed")]]
        for part in _JITTER_PARTS
    ]
    text += markdown_table(["part", "raw", "smoothed"], rows, digits=1)
    (arguments.out / "results.md").write_text(text, encoding="utf-8")
    return text


def main(arguments: Arguments) -> None:
    clips = listed_clips(arguments.clips, arguments.split, arguments.kinds, arguments.limit)
    estimator = registry.build("pose_estimators", arguments.estimator)
    poses_of = PoseCache(arguments.poses, lambda: estimator)
    results = []
    for number, clip in enumerate(clips, start=1):
        reader = VideoReader(arguments.clips / clip.file)
        kept = arguments.poses and (arguments.poses / clip.file).with_suffix(".npz").is_file()
        start = time.perf_counter()
        poses = poses_of(clip.file, reader, reader.fps)
        seconds = time.perf_counter() - start
        results.append(
            ClipResult(
                clip=clip.file,
                kind=clip.kind,
                frames=len(poses),
                detected=detection_rates(poses),
                jitter=pose_jitter(poses),
                jitter_smoothed=pose_jitter(smooth(poses)),
                fps=float("nan") if kept else len(poses) / seconds,
            )
        )
        print(f"{number}/{len(clips)} {clip.file}", file=sys.stderr)
    print(report(arguments, estimator.name, results))


if __name__ == "__main__":
    try:
        main(tyro.cli(Arguments, description=__doc__))
    except GesticulateError as error:
        sys.exit(f"error: {error}")
