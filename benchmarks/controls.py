"""Do the controls of gestures do what they say?

    python benchmarks/controls.py --photos PHOTO PHOTO --speech SPEECH.wav --out OUT

Motion is made of every speech for every photo, with each setting of each control, and measured: as
generated, and as the skeletons of the video, which move no further than the photo allows. OUT gets
results.md and results.json.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from gesticulate import registry
from gesticulate.errors import GesticulateError
from gesticulate.evaluation.lip_sync import lip_opening
from gesticulate.evaluation.tables import markdown_table, save_json
from gesticulate.keypoints import layout
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import to_motion
from gesticulate.keypoints.poses import Poses
from gesticulate.keypoints.retarget import retarget
from gesticulate.motion.finish import finish
from gesticulate.motion.manner import Manner
from gesticulate.motion.style import NAMED, Style
from gesticulate.pipelines.gesture_video import EXPRESSIVENESS
from gesticulate.pipelines.portrait import prepare
from gesticulate.speech.load import load
from gesticulate.speech.track import SpeechFeatures
from gesticulate.video.photo import read_photo

from motion import make_generator  # isort: skip


@dataclass(frozen=True)
class Arguments:
    """
    photos: people, best with their hands in the picture.
    speech: sound files.
    out: folder for the results.
    generator: a motion generator's name, "package.module:Class", or a YAML file.
    seed: of the motion.
    """

    photos: tuple[Path, ...]
    speech: tuple[Path, ...]
    out: Path
    generator: str = "contextual"
    seed: int = 0


@dataclass(frozen=True)
class Row:
    """A setting, what it made, what is seen of it in the video, and how far the lips are from those
    of the setting as made, in distances of the eyes."""

    setting: str
    made: Style
    seen: Style
    lips: float


def settings() -> Iterable[tuple[str, float, Manner]]:
    """The names of all settings, their expressiveness and manner; the first one is as made."""
    yield "as made", 1.0, Manner()
    for name, scale in EXPRESSIVENESS.items():
        if scale != 1:
            yield f"expressiveness {name}", scale, Manner()
    for rate in (0.0, 0.5, 0.75, 1.25, 1.5):
        yield f"gesture rate {rate:g}", 1.0, Manner(rate=rate)
    for amplitude in (0.5, 0.8, 1.25, 1.5):
        yield f"gesture amplitude {amplitude:g}", 1.0, Manner(amplitude=amplitude)
    for name, style in NAMED.items():
        yield f"style {name}", 1.0, Manner(style=style)


def measure(
    generator: Any, pairs: list[tuple[Poses, SpeechFeatures]], seed: int
) -> tuple[Row, ...]:
    """All settings over all pairs of a photo's pose and a speech."""
    references = [to_motion(pose) for pose, _ in pairs]
    raw = [
        generator.generate(speech, reference, seed=seed)
        for reference, (_, speech) in zip(references, pairs, strict=True)
    ]
    rows: list[Row] = []
    first: list[Motion] = []
    for name, scale, manner in settings():
        made = [
            finish(motion, speech, reference, seed=seed, expressiveness=scale, manner=manner)
            for motion, reference, (_, speech) in zip(raw, references, pairs, strict=True)
        ]
        first = first or made
        seen = [
            against_shoulders(to_motion(retarget(motion, pose)))
            for motion, (pose, _) in zip(made, pairs, strict=True)
        ]
        rows.append(Row(name, Style.of(made), Style.of(seen), lip_change(made, first)))
    return tuple(rows)


def against_shoulders(motion: Motion) -> Motion:
    """The motion with each arm told from its own shoulder: in a video the shoulders carry the arms
    along when the person sways, which is no gesture."""
    points = motion.points.copy()
    arms = points[:, layout.MOTION_ARMS].reshape(len(points), 3, 2, 2)
    sway = arms[:, 0] - arms[:1, 0]
    points[:, layout.MOTION_ARMS] = (arms - sway[:, None]).reshape(len(points), 6, 2)
    return Motion(points, motion.confidence, motion.fps)


def lip_change(motions: list[Motion], others: list[Motion]) -> float:
    """The largest difference of the lips' opening."""
    pairs = zip(motions, others, strict=True)
    return max(float(np.abs(lip_opening(a) - lip_opening(b)).max()) for a, b in pairs)


def parts(style: Style) -> tuple[float, float, float]:
    """Its numbers in the order of the table."""
    return style.rate, style.amplitude, style.head


def report(rows: tuple[Row, ...]) -> str:
    """The rows as a table."""
    header = ["", "strokes a minute", "amplitude", "head", "in the video: strokes a minute"]
    header += ["amplitude", "head", "lips differ by"]
    cells = [[row.setting, *parts(row.made), *parts(row.seen), row.lips] for row in rows]
    asked = []
    for name, style in NAMED.items():
        row = next(row for row in rows if row.setting == f"style {name}")
        for part in ("rate", "amplitude", "head"):
            values = [float(getattr(one, part)) for one in (style, row.made, row.seen)]
            asked.append([f"{name}: {part}", *values])
    named = markdown_table(["style", "asked for", "made", "in the video"], asked)
    return f"{markdown_table(header, cells)}\n{named}"


def main(arguments: Arguments) -> None:
    generator = make_generator(arguments.generator)
    encoder = registry.build("speech_encoders", generator.speech_encoder)
    estimator = registry.build("pose_estimators", "auto")
    poses = [
        prepare(read_photo(photo), estimator, None, generator.fps).pose
        for photo in arguments.photos
    ]
    spoken = [encoder.encode(load(file), generator.fps) for file in arguments.speech]
    pairs = [(pose, speech) for pose in poses for speech in spoken]
    rows = measure(generator, pairs, arguments.seed)
    minutes = len(poses) * sum(len(speech) / speech.fps for speech in spoken) / 60
    text = (
        f"{len(poses)} photos, {len(spoken)} speeches, {minutes:.1f} minutes of motion a row; "
        f"generator {generator.name}. Amplitudes in shoulder widths.\n\n{report(rows)}"
    )
    save_json({"arguments": arguments, "rows": rows}, arguments.out / "results.json")
    (arguments.out / "results.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    try:
        main(tyro.cli(Arguments, description=__doc__))
    except GesticulateError as error:
        sys.exit(f"error: {error}")
