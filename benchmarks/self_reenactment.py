"""How true is a renderer? Drive the first frame of each clip by the clip's own skeletons.

    python benchmarks/self_reenactment.py --clips CLIPS --out OUT
    python benchmarks/self_reenactment.py --clips CLIPS --out OUT --renderers puppet \\
        "learned warp=warp.safetensors" "+ U-Net=unet.safetensors"

CLIPS holds videos and a clips.csv with the columns file, split and kind. Every renderer is measured
on the same frames, beside the first frame repeated. OUT gets results.md, results.json and contact
sheets: the real frames above those of every renderer, with mouth and hand enlarged.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from choices import make_renderers
from PIL import Image

from gesticulate import registry
from gesticulate.errors import GesticulateError, InputError
from gesticulate.evaluation.clips import PoseCache, listed_clips
from gesticulate.evaluation.close_ups import close_up_sheet
from gesticulate.evaluation.lpips import Lpips
from gesticulate.evaluation.lpips_weights import Net
from gesticulate.evaluation.reenactment import (
    METRICS,
    PLACES,
    Driven,
    FirstFrame,
    Reenactment,
    Scores,
    mean_scores,
    measured_frames,
    middle_run,
    reenact,
)
from gesticulate.evaluation.steadiness import Steadiness
from gesticulate.evaluation.tables import markdown_table, save_json
from gesticulate.keypoints.poses import Poses
from gesticulate.keypoints.smoothing import fill_gaps, smooth
from gesticulate.video.read import VideoReader

_TITLES = ("L1", "PSNR", "SSIM", "LPIPS", "LPIPS VGG")
_METRIC_OF: dict[Net, str] = {"alex": "lpips", "vgg": "lpips_vgg"}
_HIGHER = ("psnr", "ssim")
# Pictures nearer to each other than this are the same but for rounding.
_ROUNDING = 1e-5
_FRAMES_A_SHEET = 4


@dataclass(frozen=True)
class Arguments:
    """
    clips: folder with clips.csv and the videos it names.
    out: folder for the results.
    renderers: each a renderer's name, "package.module:Class", or "label=weights" for the learned
        renderer with weights by name or file. The first is what the others must beat.
    split, kinds: which clips; all kinds where none is named.
    limit: at most so many clips, spread evenly over the list.
    every: measure every so many frames.
    most: measure at most so many frames of a clip.
    run: so many consecutive frames from the clip's middle for steadiness; 0 measures none.
    judges: networks that LPIPS is taken from; VGG takes as long as everything else.
    sheets: contact sheets of so many clips, spread evenly.
    poses: folder that keeps the estimated poses between runs.
    estimator: pose estimator's name.
    """

    clips: Path
    out: Path
    renderers: tuple[str, ...] = ("puppet",)
    split: str = "val"
    kinds: tuple[str, ...] = ()
    limit: int | None = None
    every: int = 5
    most: int = 24
    run: int = 12
    judges: tuple[Net, ...] = ("alex", "vgg")
    sheets: int = 8
    poses: Path | None = None
    estimator: str = "auto"


@dataclass(frozen=True)
class Row:
    """One renderer on one clip, in results.json."""

    scores: Scores
    identity: float
    seconds: float
    steady: Steadiness | None

    @classmethod
    def of(cls, driven: Driven) -> Row:
        return cls(driven.scores, driven.identity, driven.seconds, driven.steady)


@dataclass(frozen=True)
class ClipResult:
    """A clip in results.json. real: how steady the clip itself is. rows: by renderer."""

    clip: str
    kind: str
    frames: int
    real: Steadiness | None
    rows: dict[str, Row]


def write_results(arguments: Arguments, results: list[ClipResult]) -> str:
    """Write results.json and results.md; returns the latter's text."""
    save_json({"arguments": arguments, "clips": results}, arguments.out / "results.json")
    names = list(results[0].rows)
    frames = sum(result.frames for result in results)
    text = f"{len(results)} clips of split {arguments.split}, {frames} frames.\n\n"
    text += markdown_table(["region", "renderer", *_TITLES], _score_rows(results, names))
    text += "\nClips in which the first is nearer to the truth than the second:\n\n"
    pairs = [(names[1], names[0]), *[(name, names[1]) for name in names[2:]]]
    rows: list[list[object]] = [
        [place, one, other, *[_better(results, place, m, one, other) for m in METRICS]]
        for place in PLACES
        for one, other in pairs
    ]
    text += markdown_table(["region", "renderer", "than", *_TITLES], rows)
    text += "\nSteadiness, and the first frame by its own pose:\n\n"
    header = ["", "background variance", "warp error x 1000", "of the person", "identity dB", "ms"]
    text += markdown_table(header, _steady_rows(results, names))
    (arguments.out / "results.md").write_text(text, encoding="utf-8")
    return text


def _score_rows(results: list[ClipResult], names: list[str]) -> list[list[object]]:
    means = {name: mean_scores([result.rows[name].scores for result in results]) for name in names}
    return [
        [place, name, *[means[name][place][metric] for metric in METRICS]]
        for place in PLACES
        for name in names
    ]


def _better(results: list[ClipResult], place: str, metric: str, one: str, other: str) -> str:
    """Of the clips that show the place, how many one renderer is nearer to the truth in."""
    pairs = [tuple(r.rows[name].scores[place][metric] for name in (one, other)) for r in results]
    pairs = [pair for pair in pairs if np.isfinite(pair).all()]
    sign = 1 if metric in _HIGHER else -1
    return f"{sum(sign * (a - b) > _ROUNDING for a, b in pairs)} of {len(pairs)}" if pairs else "–"


def _steady_rows(results: list[ClipResult], names: list[str]) -> list[list[object]]:
    rows: list[list[object]] = [["real", *_mean_steady([r.real for r in results]), "–", "–"]]
    for name in names:
        mine = [result.rows[name] for result in results]
        identity = float(np.mean([row.identity for row in mine]))
        seconds = float(np.mean([row.seconds for row in mine]))
        steady = _mean_steady([row.steady for row in mine])
        rows.append([name, *steady, identity, f"{1000 * seconds:.0f}"])
    return rows


def _mean_steady(values: list[Steadiness | None]) -> list[float]:
    """Means over the clips that have each number."""
    nan = float("nan")
    numbers = np.array([(s.background, 1e3 * s.frame, 1e3 * s.person) for s in values if s])
    columns = numbers.reshape(-1, 3).T
    return [float(np.nanmean(c)) if np.isfinite(c).any() else nan for c in columns]


def write_sheet(
    path: Path, clip: str, frames: list[np.ndarray], poses: Poses, done: Reenactment
) -> None:
    """Some measured frames: the real ones above each renderer's."""
    spread = np.linspace(0, len(done.frames) - 1, min(len(done.frames), _FRAMES_A_SHEET))
    chosen = spread.round().astype(int)
    indices = [done.frames[place] for place in chosen]
    rows = {clip: [frames[index] for index in indices]}
    for name, driven in done.driven.items():
        if name != FirstFrame.name:
            rows[name] = [driven.pictures[place] for place in chosen]
    titles = [f"frame {index}" for index in indices]
    Image.fromarray(close_up_sheet(rows, poses.points[indices], titles)).save(path)


def main(arguments: Arguments) -> None:
    clips = listed_clips(arguments.clips, arguments.split, arguments.kinds, arguments.limit)
    renderers = {FirstFrame.name: FirstFrame(), **make_renderers(arguments.renderers)}
    poses_of = PoseCache(
        arguments.poses, lambda: registry.build("pose_estimators", arguments.estimator)
    )
    judges = {_METRIC_OF[net]: Lpips.pretrained(net=net) for net in arguments.judges}
    shown = set(np.linspace(0, len(clips) - 1, min(arguments.sheets, len(clips))).astype(int))
    arguments.out.mkdir(parents=True, exist_ok=True)
    results: list[ClipResult] = []
    for number, clip in enumerate(clips):
        reader = VideoReader(arguments.clips / clip.file)
        frames = list(reader)
        poses = smooth(fill_gaps(poses_of(clip.file, frames, reader.fps)))
        length = min(len(frames), len(poses))
        measured = measured_frames(length, arguments.every, arguments.most)
        run = middle_run(length, arguments.run)
        try:
            done = reenact(renderers, frames, poses, measured, run, judges)
        except InputError as error:
            print(f"{clip.file}: left out. {error}", file=sys.stderr)
            continue
        rows = {name: Row.of(driven) for name, driven in done.driven.items()}
        results.append(ClipResult(clip.file, clip.kind, len(measured), done.real, rows))
        if number in shown:
            name = f"sheet-{Path(clip.file).stem}.png"
            write_sheet(arguments.out / name, clip.file, frames, poses, done)
        print(f"{number + 1}/{len(clips)} {clip.file}", file=sys.stderr)
    if not results:
        raise InputError("No clip could be measured.")
    print(write_results(arguments, results))


if __name__ == "__main__":
    try:
        main(tyro.cli(Arguments, description=__doc__))
    except GesticulateError as error:
        sys.exit(f"error: {error}")
