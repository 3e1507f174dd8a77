"""Does generated motion look like real motion, and do its lips follow the speech?

    python benchmarks/motion.py --data DATASET --out OUT

DATASET is what `gesticulate dataset build` wrote. Every clip's speech and first frame are given
to the generator; what it makes is measured beside the clip's real motion, by the metrics of
papers (as `gesticulate evaluate` does) and by our own. OUT gets results.md, results.json, plots,
and the motions made with the first seed, which `gesticulate evaluate DATASET OUT/motions` reads.
"""

from __future__ import annotations

import pkgutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from gesticulate import configs, registry
from gesticulate.datasets.load import ClipRow, Clips
from gesticulate.errors import GesticulateError, InputError, UsageError
from gesticulate.evaluation.comparison import MOTIONS, Figure, compare, table
from gesticulate.evaluation.diversity import seed_diversity
from gesticulate.evaluation.lip_sync import (
    LipSpeechCorrelation,
    lip_opening,
    mean_correlation,
    shuffled_correlation,
)
from gesticulate.evaluation.motion_scores import MotionScores, mean_numbers, motion_scores
from gesticulate.evaluation.plots import plot_clips, plot_figures
from gesticulate.evaluation.recordings import (
    Recording,
    Sources,
    dataset_recordings,
    load_motion,
    save_motion,
)
from gesticulate.evaluation.seams import Seams, seams
from gesticulate.evaluation.sides import Sides
from gesticulate.evaluation.tables import markdown_table, save_json
from gesticulate.keypoints import layout
from gesticulate.keypoints.motion import Motion
from gesticulate.motion.finish import make_motion
from gesticulate.registry import StageChoice
from gesticulate.speech.features import PROSODY
from gesticulate.speech.track import SpeechFeatures


@dataclass(frozen=True)
class Arguments:
    """
    data: folder of the data set.
    out: folder for the results.
    generator: a motion generator's name, "package.module:Class", or a YAML file with one's `name`
        and `options`.
    split, kinds: which clips, of those with sound; all kinds where none is named.
    limit: at most so many clips, spread evenly over the list.
    seeds: motions made for each clip; the diversity between them needs two.
    """

    data: Path
    out: Path
    generator: str = "contextual"
    split: str = "val"
    kinds: tuple[str, ...] = ()
    limit: int | None = None
    seeds: int = 2


@dataclass(frozen=True)
class ClipResult:
    """A clip's row in results.json; of the generated motions all but `diversity` and `seams` are
    of the first seed. core_seconds: of all processor cores, for one of its motions."""

    clip: str
    kind: str
    frames: int
    real: MotionScores
    generated: MotionScores
    body_diversity: float
    face_diversity: float
    seams: Seams | None
    core_seconds: float


@dataclass
class Track:
    """What the shuffled pairing needs of a clip: lip openings [T], energy [T], voice [T]."""

    real: np.ndarray
    generated: np.ndarray
    energy: np.ndarray
    voice: np.ndarray


def make_generator(name: str) -> Any:
    """By name in the registry, by "package.module:Class", or as a YAML file says."""
    choice = configs.load(name, StageChoice) if name.endswith(".yaml") else StageChoice(name)
    if ":" in choice.name:
        return pkgutil.resolve_name(choice.name)(**choice.options)
    return registry.build("motion_generators", choice)


def chosen_clips(arguments: Arguments, clips: Clips) -> list[ClipRow]:
    """The clips with sound, sorted by their id."""
    rows = clips.select(arguments.split, arguments.kinds or None, needs_sound=True)
    rows = sorted(rows, key=lambda row: row.id)
    if arguments.limit is not None and len(rows) > arguments.limit:
        rows = [rows[i] for i in np.linspace(0, len(rows) - 1, arguments.limit).round().astype(int)]
    if len(rows) < 2:
        raise InputError(
            f"{arguments.data} has {len(rows)} clips with sound of split {arguments.split!r} and "
            f"kinds {arguments.kinds}; at least 2 are needed for the shuffled pairing."
        )
    return rows


def speech_of(clips: Clips, row: ClipRow, encoder: str) -> SpeechFeatures:
    """The stored speech of a clip. The onset is a column of its features."""
    stored = clips.state["speech_encoder"]
    if stored != encoder:
        raise UsageError(
            f"The generator reads {encoder!r} features, the data set has {stored!r} ones. "
            "Build a data set with the generator's speech encoder."
        )
    features = np.array(clips.speech[row.frames])
    # Every built-in encoder's features end with the mel encoder's prosody.
    onset = features[:, -len(PROSODY) :][:, PROSODY.index("onset")]
    voice, energy = np.array(clips.voice[row.frames]), np.array(clips.energy[row.frames])
    return SpeechFeatures(features, voice, energy, onset, fps=25.0)


def measure(
    generator: Any, speech: SpeechFeatures, real: Motion, row: ClipRow, seeds: int, file: Path
) -> tuple[ClipResult, Track]:
    """Generate from the clip's speech and first frame, and compare. file: for the first motion."""
    began = time.process_time()
    made = [make_motion(generator, speech, real[:1], seed=seed) for seed in range(seeds)]
    spent = time.process_time() - began
    # A made motion has all points: it is compared where the clip's own shows them.
    save_motion(Motion(made[0].points, real.confidence, real.fps), file)
    # A generator that joins windows tells where, if it wants its seams measured.
    window_starts: Callable[[int], list[int]] | None = getattr(generator, "window_starts", None)
    result = ClipResult(
        clip=row.id,
        kind=row.kind,
        frames=len(speech),
        real=motion_scores(real, speech.energy, speech.voice),
        generated=motion_scores(made[0], speech.energy, speech.voice),
        body_diversity=seed_diversity(made, layout.MOTION_BODY) if seeds > 1 else np.nan,
        face_diversity=seed_diversity(made, layout.MOTION_FACE) if seeds > 1 else np.nan,
        seams=seams(made[0].points, window_starts(len(speech))[1:]) if window_starts else None,
        core_seconds=spent / seeds,
    )
    track = Track(lip_opening(real), lip_opening(made[0]), speech.energy, speech.voice)
    return result, track


def lip_rows(results: list[ClipResult], tracks: list[Track]) -> list[list[object]]:
    """Lips of real and generated motion with their own speech, and with other clips' speech."""

    def row(kind: str, side: str, found: LipSpeechCorrelation) -> list[object]:
        return [kind, side, found.pearson, found.spearman, found.best_pearson, found.best_lag]

    rows = []
    for kind in sorted({result.kind for result in results}):
        of_kind = [i for i, result in enumerate(results) if result.kind == kind]
        energies, voices = ([getattr(tracks[i], k) for i in of_kind] for k in ("energy", "voice"))
        for side in ("real", "generated"):
            lips = mean_correlation([getattr(results[i], side).lips for i in of_kind])
            rows.append(row(kind, side, lips))
            if len(of_kind) > 1:
                openings = [getattr(tracks[i], side) for i in of_kind]
                control = shuffled_correlation(openings, energies, voices)
                rows.append(row(kind, f"{side}, shuffled", control))
    return rows


def seam_row(results: list[ClipResult]) -> list[object]:
    """Means over all seams of all clips."""
    found = [result.seams for result in results if result.seams and result.seams.count]
    count = [one.count for one in found]
    if not found:
        return ["no seam was told", *[float("nan")] * 6]
    mean = {
        name: float(np.average([getattr(one, name) for one in found], weights=count))
        for name in ("speed_at", "speed_elsewhere", "acceleration_at", "acceleration_elsewhere")
    }
    total = Seams(**mean, count=sum(count))
    return [
        f"{total.count} seams",
        *mean.values(),
        total.speed_ratio,
        total.acceleration_ratio,
    ]


def paper_metrics(
    clips: Clips, rows: list[ClipRow], motions: Path
) -> tuple[list[Figure], dict[str, str]]:
    """The metrics of papers of all saved motions against their clips, and what is missing."""

    def made(row: ClipRow) -> Sources:
        return Sources(motion=lambda: load_motion(motions / f"{row.id}.npz"))

    generated = {row.id: Recording(row.id, made(row)) for row in rows}
    return compare(Sides(dataset_recordings(clips, rows), generated), MOTIONS)


def report(
    arguments: Arguments,
    results: list[ClipResult],
    tracks: list[Track],
    figures: list[Figure],
    missing: dict[str, str],
) -> str:
    """Write results.json, results.md and the plots; returns the text of results.md."""
    lips = lip_rows(results, tracks)
    real = mean_numbers([result.real for result in results])
    generated = mean_numbers([result.generated for result in results])
    seconds = sum(result.frames for result in results) / 25
    cost = sum(result.core_seconds for result in results) / seconds
    text = (
        f"{len(results)} clips of split {arguments.split}, {seconds:.0f} s; generator "
        f"{arguments.generator}, {cost:.2f} s of a processor core a second of motion.\n\n"
        "Lip opening against loudness, where there is voice:\n\n"
    )
    header = ["kind", "lips", "Pearson", "Spearman", "at best lag", "best lag (frames)"]
    text += markdown_table(header, lips)
    text += "\nIn shoulder widths and seconds:\n\n"
    text += markdown_table(
        ["", "real", "generated"], [[name, real[name], generated[name]] for name in real]
    )
    text += "\nBetween seeds (mean L1 in shoulder widths) and at the seams of windows:\n\n"
    body = float(np.mean([result.body_diversity for result in results]))
    face = float(np.mean([result.face_diversity for result in results]))
    text += markdown_table(
        ["diversity", "body", "face"], [[f"{arguments.seeds} seeds", body, face]]
    )
    header = ["", "speed at", "elsewhere", "acceleration at", "elsewhere", "speed ratio"]
    text += "\n" + markdown_table([*header, "acceleration ratio"], [seam_row(results)], digits=4)
    text += "\nMetrics of papers, defined in evaluation/:\n\n" + table(figures, missing)
    found = {"arguments": arguments, "lips": lips, "clips": results, "figures": figures}
    found["core_seconds"] = cost
    save_json(found, arguments.out / "results.json")
    plot_figures(figures, arguments.out / "figures.png")
    plot_clips(figures, arguments.out / "clips.png")
    (arguments.out / "results.md").write_text(text, encoding="utf-8")
    return text


def main(arguments: Arguments) -> None:
    if arguments.seeds < 1:
        raise UsageError(f"--seeds must be at least 1, got {arguments.seeds}.")
    clips = Clips(arguments.data)
    rows = chosen_clips(arguments, clips)
    generator = make_generator(arguments.generator)
    motions = arguments.out / "motions"
    results, tracks = [], []
    for number, row in enumerate(rows, start=1):
        speech = speech_of(clips, row, generator.speech_encoder)
        start = time.perf_counter()
        real, file = clips.motion_of(row), motions / f"{row.id}.npz"
        result, track = measure(generator, speech, real, row, arguments.seeds, file)
        results.append(result)
        tracks.append(track)
        seconds = time.perf_counter() - start
        print(f"{number}/{len(rows)} {row.id} {seconds:.1f} s", file=sys.stderr)
    figures, missing = paper_metrics(clips, rows, motions)
    print(report(arguments, results, tracks, figures, missing))


if __name__ == "__main__":
    try:
        main(tyro.cli(Arguments, description=__doc__))
    except GesticulateError as error:
        sys.exit(f"error: {error}")
