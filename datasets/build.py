"""Videos -> a training set, in the four stages of CSG-405 that apply to files on disk.

1. shots and clips, 2. whole-body skeletons, 3. quality control, 4. crop, smoothing, normalisation
and speech features. (Yang et al., "Democratizing High-Fidelity Co-Speech Gesture Video
Generation", ICCV 2025; its thresholds are not published, ours stand with their reasons in
options.py.) What every stage has made lies in the output folder, so that a run that was stopped
goes on where it was. docs/datasets.md describes the folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from .. import __version__, registry
from ..errors import UsageError
from ..speech.track import Encoder
from .annotate import AnnotationJob, Estimator, annotate
from .clip import Clip, Cutting, CuttingJob, cut, load_cutting
from .crop import CropJob, write_crop
from .files import write_text
from .jobs import run_jobs
from .options import FPS, BuildOptions
from .process import RECIPE, Processed, ProcessJob, process
from .publish import publish
from .rejected import rejected_rows, write_rejected
from .sources import Source, find_sources

Progress = Callable[[str, int, int], None]
"""Called with a stage's name, the number of things done, and of all things to do."""

# Options that what is already in a folder was made with; another value needs another folder.
_FIXED = (
    "estimator persons min_seconds max_seconds trim_frames cut_threshold seconds_per_video "
    "crop_size"
).split()
_BUILD_FILE = "build.json"


@dataclass(frozen=True)
class BuildReport:
    """What a build gave.

    folder: the data set. version: the folder of its newest arrays. clips, minutes: accepted.
    rejected: number by reason. report: the file that tells it all.
    """

    folder: Path
    version: Path
    clips: int
    minutes: float
    rejected: dict[str, int] = field(default_factory=dict)
    report: Path = Path()


def build(
    options: BuildOptions,
    progress: Progress | None = None,
    *,
    estimator: Callable[[], Estimator] | None = None,
    encoder: Callable[[], Encoder] | None = None,
) -> BuildReport:
    """Build a data set, or go on with one.

    estimator: builds the pose estimator, once in every process; None takes the one that
    ``options.estimator`` names. encoder: likewise for speech; None takes the one of
    ``options.speech_encoder``.
    Raises: InputError where there is no usable video; UsageError where the folder was made with
    other options.
    """
    tell = progress or (lambda *_: None)
    _check(options)
    if estimator is None:
        registry.check_name("pose_estimators", registry.chosen(options.estimator).name)
    if encoder is None:
        registry.check_name("speech_encoders", registry.chosen(options.speech_encoder).name)
    sources = find_sources(options.videos, options.val_share)
    _claim_folder(options)
    cuttings = _cut(options, sources, tell)
    clips = [clip for cutting in cuttings.values() for clip in cutting.clips]
    make_estimator = estimator or partial(registry.build, "pose_estimators", options.estimator)
    failed = _annotate(options, clips, make_estimator, tell)
    annotated = [clip for clip in clips if clip.id not in failed]
    make_encoder = encoder or partial(registry.build, "speech_encoders", options.speech_encoder)
    results = _process(options, annotated, make_encoder, tell)
    return _publish(options, cuttings, failed, annotated, results, make_encoder, tell)


def _check(options: BuildOptions) -> None:
    if not 0 < options.min_seconds <= options.max_seconds:
        raise UsageError(
            f"min_seconds must be above 0 and at most max_seconds, got {options.min_seconds} and "
            f"{options.max_seconds}."
        )
    if not 0 <= options.val_share < 1:
        raise UsageError(f"val_share must be in 0..1 (1 excluded), got {options.val_share}.")
    if options.persons not in (1, 2):
        raise UsageError(f"persons must be 1 or 2, got {options.persons}.")
    if options.crop_size < 64 or options.crop_size % 2:
        raise UsageError(f"crop_size must be even and at least 64, got {options.crop_size}.")


def _claim_folder(options: BuildOptions) -> None:
    """Make the output folder, or check that it was made with the same fixed options."""
    for name in ("shots", "annotations", "processed"):
        (options.output / name).mkdir(parents=True, exist_ok=True)
    path = options.output / _BUILD_FILE
    fixed = {name: getattr(options, name) for name in _FIXED}
    if not path.is_file():
        write_text(path, json.dumps(fixed, indent=1))
        return
    before = {"persons": 1, **json.loads(path.read_text())}
    for name, value in fixed.items():
        if before.get(name) != value:
            raise UsageError(
                f"{options.output} was built with {name} = {before.get(name)}, now it is {value}. "
                "Its clips would not fit together: use the same value, or another output folder."
            )


def _tell(
    progress: Progress, stage: str, results: Iterable[tuple[Any, Any]], total: int
) -> dict[Any, Any]:
    """Collect results by job while reporting how many there are."""
    collected = {}
    progress(stage, 0, total)
    for job, result in results:
        collected[job] = result
        progress(stage, len(collected), total)
    return collected


def _cut(options: BuildOptions, sources: list[Source], progress: Progress) -> dict[str, Cutting]:
    """Stage 1: the cutting of every video by its digest, earlier runs' videos included."""
    folder = options.output / "shots"
    given = {source.digest: source for source in sources}
    files = {digest: folder / f"{digest}.json" for digest in given}
    jobs = [
        CuttingJob(source, options, files[digest])
        for digest, source in given.items()
        if not files[digest].is_file()
    ]
    _tell(progress, "cut", run_jobs(cut, jobs, _nothing, options.workers), len(jobs))
    cuttings = {}
    for file in sorted(folder.glob("*.json")):
        cuttings[file.stem] = load_cutting(file, given.get(file.stem), options.persons)
    return cuttings


def _nothing() -> None:
    return None


def _annotate(
    options: BuildOptions,
    clips: list[Clip],
    make_estimator: Callable[[], Estimator],
    progress: Progress,
) -> dict[str, str]:
    """Stage 2; returns the clips that could not be annotated, with the error of each."""
    folder = options.output / "annotations"
    jobs = {
        AnnotationJob(
            clip.source.path, clip.size, clip.span, folder / f"{clip.id}.npz",
            folder / f"{clip.id}.json", clip.side,
        ): clip.id
        for clip in clips
    }  # fmt: skip
    missing = [job for job in jobs if not job.done]
    results = run_jobs(annotate, missing, make_estimator, options.workers)
    errors = _tell(progress, "annotate", results, len(missing))
    return {jobs[job]: error for job, error in errors.items() if error}


def _process(
    options: BuildOptions,
    clips: list[Clip],
    make_encoder: Callable[[], Encoder],
    progress: Progress,
) -> dict[str, Processed]:
    """Stages 3 and 4; the result of every clip by id."""
    by_video: dict[Source, list[Clip]] = {}
    for clip in clips:
        by_video.setdefault(clip.source, []).append(clip)
    recipe = _recipe(options, make_encoder().name)
    jobs = [
        ProcessJob(
            tuple(video), options.output / "annotations", options.output / "processed", recipe,
            options.quality, options.crop_size,
        )
        for video in by_video.values()
    ]  # fmt: skip
    results = run_jobs(process, jobs, make_encoder, options.workers)
    lists = _tell(progress, "process", results, len(jobs)).values()
    return {result.id: result for video in lists for result in video}


def _recipe(options: BuildOptions, encoder: str) -> str:
    """A hash of all that a processed clip depends on besides its video and annotation."""
    parts = [RECIPE, __version__, encoder, FPS, options.crop_size, asdict(options.quality)]
    return hashlib.sha1(json.dumps(parts).encode()).hexdigest()


def _publish(
    options: BuildOptions,
    cuttings: dict[str, Cutting],
    failed: dict[str, str],
    clips: list[Clip],
    results: dict[str, Processed],
    make_encoder: Callable[[], Encoder],
    progress: Progress,
) -> BuildReport:
    from .report import write_report

    folder = options.output
    order = sorted(clips, key=lambda clip: (clip.source.key, clip.span.start, clip.id))
    accepted = [(clip, results[clip.id]) for clip in order if results[clip.id].clip]
    if options.crop_videos:
        _write_crops(options, accepted, progress)
    progress("publish", 0, 1)
    rejected = rejected_rows(cuttings.values(), failed, results)
    write_rejected(folder / "rejected.csv", rejected)
    about = {
        "fps": FPS,
        "gesticulate": __version__,
        "estimator": options.estimator,
        "speech_encoder": make_encoder().name,
        "options": {
            name: value
            for name, value in asdict(options).items()
            if name not in ("videos", "output", "workers")
        },
    }
    version = publish(folder, accepted, folder / "processed", make_encoder().channels, about)
    report = write_report(folder, order, accepted, rejected, results)
    progress("publish", 1, 1)
    reasons: dict[str, int] = {}
    for row in rejected:
        name = f"{row['what']}: {row['reason']}"
        reasons[name] = reasons.get(name, 0) + 1
    frames = sum(result.num_frames for _, result in accepted)
    return BuildReport(folder, version, len(accepted), frames / FPS / 60, reasons, report)


def _write_crops(
    options: BuildOptions, accepted: list[tuple[Clip, Processed]], progress: Progress
) -> None:
    """The person crop of every accepted clip as ``crops/<id>.mp4``, where it is missing or older
    than the clip's processed arrays, whose square it shows."""
    folder = options.output / "crops"
    folder.mkdir(exist_ok=True)
    jobs = [
        CropJob(clip.source.path, clip.span, result.crop, folder / f"{clip.id}.mp4")
        for clip, result in accepted
    ]
    processed = options.output / "processed"
    jobs = [job for job in jobs if _older(job.output, processed / f"{job.output.stem}.npz")]
    _tell(progress, "crop", run_jobs(write_crop, jobs, _nothing, options.workers), len(jobs))


def _older(file: Path, other: Path) -> bool:
    return not file.is_file() or file.stat().st_mtime_ns < other.stat().st_mtime_ns
