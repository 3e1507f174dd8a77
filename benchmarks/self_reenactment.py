"""How true is a renderer? Drive the first frame of each clip by the clip's own skeletons.

    python benchmarks/self_reenactment.py --clips CLIPS --out OUT

CLIPS holds videos and a clips.csv with the columns file, split and kind. OUT gets results.md,
results.json and contact sheets (real above driven).
"""

from __future__ import annotations

import pkgutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from PIL import Image

from gesticulate.errors import GesticulateError, InputError
from gesticulate.evaluation.clips import PoseCache, listed_clips
from gesticulate.evaluation.lpips import Lpips
from gesticulate.evaluation.reenactment import (
    METRICS,
    PLACES,
    Reenactment,
    Scores,
    mean_scores,
    measured_frames,
    reenact,
)
from gesticulate.evaluation.tables import markdown_table, save_json
from gesticulate.keypoints.smoothing import fill_gaps, smooth
from gesticulate.pipelines import registry
from gesticulate.video.read import VideoReader
from gesticulate.video.sheets import contact_sheet

_CLIPS_A_SHEET = 5
_COLUMNS = 8
_CELL = (224, 224)  # Width and height of a picture on a sheet.


@dataclass(frozen=True)
class Arguments:
    """
    clips: folder with clips.csv and the videos it names.
    out: folder for the results.
    renderer: a renderer's name, or "package.module:Class".
    split, kinds: which clips; all kinds where none is named.
    limit: at most so many clips, spread evenly over the list.
    every: measure every so many frames.
    most: measure at most so many frames of a clip.
    poses: folder that keeps the estimated poses between runs.
    estimator: pose estimator's name.
    """

    clips: Path
    out: Path
    renderer: str = "puppet"
    split: str = "val"
    kinds: tuple[str, ...] = ()
    limit: int | None = None
    every: int = 5
    most: int = 24
    poses: Path | None = None
    estimator: str = "auto"


@dataclass(frozen=True)
class ClipResult:
    """A clip's row in results.json."""

    clip: str
    kind: str
    frames: int
    identity: float
    seconds: float
    driven: Scores
    repeated: Scores


def make_renderer(name: str) -> Any:
    """By name in the registry, or by "package.module:Class"."""
    return pkgutil.resolve_name(name)() if ":" in name else registry.build("renderers", name)


def write_results(arguments: Arguments, results: list[ClipResult]) -> str:
    """Write results.json and results.md; returns the latter's text."""
    save_json({"arguments": arguments, "clips": results}, arguments.out / "results.json")
    sides = {
        "driven": mean_scores([result.driven for result in results]),
        "first frame": mean_scores([result.repeated for result in results]),
    }
    rows: list[list[object]] = []
    for place in PLACES:
        for side, scores in sides.items():
            rows.append([place, side, *[scores[place][metric] for metric in METRICS]])
        better = [
            _share_better(results, place, metric, higher=metric in ("psnr", "ssim"))
            for metric in METRICS
        ]
        rows.append([place, "clips better", *better])
    frames = sum(result.frames for result in results)
    identity = np.mean([result.identity for result in results])
    seconds = np.mean([result.seconds for result in results])
    text = (
        f"{len(results)} clips, {frames} frames; renderer {arguments.renderer}. First frame by its "
        f"own pose: {identity:.1f} dB. {seconds * 1000:.0f} ms a frame.\n\n"
    )
    text += markdown_table(["region", "", "L1", "PSNR", "SSIM", "LPIPS"], rows)
    (arguments.out / "results.md").write_text(text, encoding="utf-8")
    return text


def _share_better(results: list[ClipResult], place: str, metric: str, higher: bool) -> str:
    """Of the clips that show the place, how many are nearer to the truth than the first frame."""
    pairs = [(r.driven[place][metric], r.repeated[place][metric]) for r in results]
    pairs = [pair for pair in pairs if np.isfinite(pair).all()]
    better = sum((driven > still) if higher else (driven < still) for driven, still in pairs)
    return f"{better} of {len(pairs)}"


class Sheets:
    """Contact sheets: real above driven, some clips a picture."""

    def __init__(self, out: Path) -> None:
        self.out, self.pages = out, 0
        self.frames: list[np.ndarray] = []
        self.labels: list[str] = []

    def add(self, clip: str, frames: list[np.ndarray], done: Reenactment) -> None:
        """The first frame and some measured ones, spread evenly."""
        spread = np.linspace(0, len(done.frames) - 1, _COLUMNS - 1).round().astype(int)
        driven, still = (side["person"]["lpips"] for side in (done.driven, done.repeated))
        self.frames += [frames[0], *[frames[done.frames[i]] for i in spread]]
        self.labels += [f"{clip} 0", *[f"frame {done.frames[i]}" for i in spread]]
        self.frames += [frames[0], *[done.pictures[i] for i in spread]]
        scores = f"LPIPS {driven:.3f}, first {still:.3f}"
        self.labels += [scores, *["driven" for _ in spread]]
        if len(self.frames) == 2 * _COLUMNS * _CLIPS_A_SHEET:
            self.flush()

    def flush(self) -> None:
        """Write what is not written yet."""
        if self.frames:
            self.pages += 1
            sheet = contact_sheet(self.frames, _COLUMNS, self.labels, _CELL)
            Image.fromarray(sheet).save(self.out / f"sheet-{self.pages:02}.png")
            self.frames, self.labels = [], []


def main(arguments: Arguments) -> None:
    clips = listed_clips(arguments.clips, arguments.split, arguments.kinds, arguments.limit)
    renderer = make_renderer(arguments.renderer)
    poses_of = PoseCache(
        arguments.poses, lambda: registry.build("pose_estimators", arguments.estimator)
    )
    lpips_model = Lpips.pretrained()
    arguments.out.mkdir(parents=True, exist_ok=True)
    results: list[ClipResult] = []
    sheets = Sheets(arguments.out)
    for number, clip in enumerate(clips, start=1):
        reader = VideoReader(arguments.clips / clip.file)
        frames = list(reader)
        poses = smooth(fill_gaps(poses_of(clip.file, frames, reader.fps)))
        measured = measured_frames(min(len(frames), len(poses)), arguments.every, arguments.most)
        try:
            done = reenact(renderer, frames, poses, measured, lpips_model)
        except InputError as error:
            print(f"{clip.file}: left out. {error}", file=sys.stderr)
            continue
        results.append(
            ClipResult(
                clip=clip.file,
                kind=clip.kind,
                frames=len(measured),
                identity=done.identity,
                seconds=done.seconds,
                driven=done.driven,
                repeated=done.repeated,
            )
        )
        sheets.add(clip.file, frames, done)
        print(f"{number}/{len(clips)} {clip.file}", file=sys.stderr)
    sheets.flush()
    if not results:
        raise InputError("No clip could be measured.")
    print(write_results(arguments, results))


if __name__ == "__main__":
    try:
        main(tyro.cli(Arguments, description=__doc__))
    except GesticulateError as error:
        sys.exit(f"error: {error}")
