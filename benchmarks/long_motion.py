"""Does motion drift in long speeches, and does it show where its windows are joined?

    python benchmarks/long_motion.py --speech SPEECH.wav MORE.wav --out OUT [--minutes 10]

The speeches are repeated one after the other until they last so long, and motion is made of them in
one piece. Each minute is measured beside the others; the last one against the first says whether
it drifts, the spread between minutes what a difference is worth. OUT gets results.md, results.json
and motion.npz.
"""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from gesticulate.errors import GesticulateError, UsageError
from gesticulate.evaluation.gestures import amplitude, speed
from gesticulate.evaluation.joints import Joints
from gesticulate.evaluation.lip_sync import lip_opening
from gesticulate.evaluation.recordings import save_motion
from gesticulate.evaluation.seams import seams
from gesticulate.evaluation.tables import markdown_table, save_json
from gesticulate.keypoints import layout
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST, to_motion
from gesticulate.motion.finish import make_motion
from gesticulate.motion.strokes import stroke_rate
from gesticulate.speech.track import SAMPLE_RATE, Speech
from motion import make_generator

MEGABYTE = 1024 if sys.platform == "linux" else 1024**2


@dataclass(frozen=True)
class Arguments:
    """
    speech: sound files.
    out: folder for the results.
    minutes: of motion, at least 2.
    photo: the person who begins; without one it is the canonical person at rest.
    generator: a motion generator's name, "package.module:Class", or a YAML file.
    seed: of the motion.
    """

    speech: tuple[Path, ...]
    out: Path
    minutes: int = 10
    photo: Path | None = None
    generator: str = "contextual"
    seed: int = 0


def repeated(files: tuple[Path, ...], seconds: float) -> Speech:
    """The files one after the other, again and again, for so long."""
    from gesticulate.speech.load import load

    once = np.concatenate([load(file).waveform for file in files])
    count = round(seconds * SAMPLE_RATE)
    return Speech(np.tile(once, -(-count // len(once)))[:count])


def beginning(photo: Path | None) -> Motion:
    """The first frame."""
    if photo is None:
        return Motion(REST[None], np.ones((1, len(REST))))
    from gesticulate import registry
    from gesticulate.pipelines.portrait import prepare
    from gesticulate.video.photo import read_photo

    estimator = registry.build("pose_estimators", "auto")
    return to_motion(prepare(read_photo(photo), estimator, None, 25.0).pose)


def figures(minute: Motion, first: Motion) -> dict[str, float]:
    """What is measured of a minute, in shoulder widths, seconds and distances of the eyes.

    first: the first minute, from whose mean pose this one's is told.
    """
    joints, start = (Joints.of(motion).points.mean(axis=0) for motion in (minute, first))
    moved = np.linalg.norm(joints - start, axis=-1)
    lips = lip_opening(minute)
    return {
        "mean pose, face": float(moved[layout.MOTION_FACE].mean()),
        "mean pose, body": float(moved[layout.MOTION_BODY].mean()),
        **{f"amplitude, {part}": amplitude(minute, part) for part in ("head", "wrists", "fingers")},
        **{f"speed, {part}": speed(minute, part) for part in ("head", "wrists", "fingers")},
        "strokes a minute": stroke_rate(minute),
        "lip opening, mean": float(np.nanmean(lips)),
        "lip opening, deviation": float(np.nanstd(lips)),
    }


def drift(minutes: list[dict[str, float]]) -> list[list[object]]:
    """For each figure the first and the last minute, their difference, and the standard deviation
    between all minutes."""
    rows: list[list[object]] = []
    for name in minutes[0]:
        course = np.array([minute[name] for minute in minutes])
        # The first minute's mean pose is where the others' are told from.
        spread = course[1:].std() if name.startswith("mean pose") else course.std()
        first, last = float(course[0]), float(course[-1])
        rows.append([name, first, last, last - first, float(course.min()), float(course.max())])
        rows[-1].append(float(spread))
    return rows


def main(arguments: Arguments) -> None:
    if arguments.minutes < 2:
        raise UsageError(f"--minutes must be at least 2, got {arguments.minutes}.")
    from gesticulate import registry

    generator = make_generator(arguments.generator)
    encoder = registry.build("speech_encoders", generator.speech_encoder)
    speech = repeated(arguments.speech, 60.0 * arguments.minutes)
    began = time.perf_counter()
    features = encoder.encode(speech, generator.fps)
    heard, reference = time.perf_counter(), beginning(arguments.photo)
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    motion = make_motion(generator, features, reference, seed=arguments.seed)
    spent, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    save_motion(motion, arguments.out / "motion.npz")

    size = round(60 * motion.fps)
    pieces = [motion[slice(i * size, (i + 1) * size)] for i in range(arguments.minutes)]
    minutes = [figures(piece, pieces[0]) for piece in pieces]
    header = ["", "minute 1", f"minute {len(pieces)}", "difference", "least", "most", "deviation"]
    text = f"{arguments.minutes} minutes, {len(motion)} frames; generator {generator.name}.\n\n"
    text += markdown_table(header, drift(minutes), digits=4)
    starts = getattr(generator, "window_starts", None)
    joined = None
    if starts is not None:
        joined = seams(motion.points, starts(len(motion))[1:])
        text += (
            f"\n{joined.count} seams: speed {joined.speed_ratio:.3f} and acceleration "
            f"{joined.acceleration_ratio:.3f} of those elsewhere.\n"
        )
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    text += (
        f"\nSpeech features {heard - began:.1f} s; motion {spent:.1f} s, {processor:.1f} s of "
        f"processor; peak memory {after.ru_maxrss / MEGABYTE:.0f} MB, "
        f"{before.ru_maxrss / MEGABYTE:.0f} MB before the motion.\n"
    )
    save_json(
        {"arguments": arguments, "minutes": minutes, "seams": joined},
        arguments.out / "results.json",
    )
    (arguments.out / "results.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    try:
        main(tyro.cli(Arguments, description=__doc__))
    except GesticulateError as error:
        sys.exit(f"error: {error}")
