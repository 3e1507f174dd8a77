"""Do the lips close in the pauses of a speech, short ones included?

    python benchmarks/pauses.py --speech SPEECH... --out OUT

Pauses are found by level alone, apart from the detector of voice that the lips follow: stretches
that are `QUIET_DB` below the loudest speech. Those of each length are told with how far the lips
close in them, beside how far they are open while somebody speaks.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import tyro
from scipy.ndimage import label

from gesticulate import registry
from gesticulate.errors import GesticulateError
from gesticulate.evaluation.lip_sync import lip_opening
from gesticulate.evaluation.tables import markdown_table, save_json
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST
from gesticulate.motion.finish import make_motion
from gesticulate.speech.load import load
from gesticulate.speech.track import SAMPLE_RATE, Speech

QUIET_DB, STEP_SECONDS = 35.0, 0.01
# Borders of the lengths that are told apart, in seconds.
LENGTHS = (0.16, 0.24, 0.32, 0.48, 1.0)


@dataclass(frozen=True)
class Arguments:
    """
    speech: sound files. out: folder for the results. generator: its name. seed: of the motion.
    """

    speech: tuple[Path, ...]
    out: Path
    generator: str = "contextual"
    seed: int = 0


def pauses(speech: Speech) -> list[tuple[float, float]]:
    """Begin and end in seconds of the quiet stretches within a speech."""
    size = round(STEP_SECONDS * SAMPLE_RATE)
    pieces = speech.waveform[: len(speech.waveform) // size * size].reshape(-1, size)
    level = 20 * np.log10(np.sqrt(np.square(pieces.astype(np.float64)).mean(axis=1)) + 1e-6)
    runs, count = label(level < np.percentile(level, 95) - QUIET_DB)
    found = []
    for run in range(1, count + 1):
        at = np.flatnonzero(runs == run)
        if at[0] > 0 and at[-1] < len(runs) - 1:
            found.append((at[0] * STEP_SECONDS, (at[-1] + 1) * STEP_SECONDS))
    return found


def main(arguments: Arguments) -> None:
    generator = registry.build("motion_generators", arguments.generator)
    encoder = registry.build("speech_encoders", generator.speech_encoder)
    reference = Motion(REST[None].astype(np.float32), np.ones((1, 116), np.float32))
    found: list[tuple[float, float, float]] = []
    for file in arguments.speech:
        speech = load(file)
        features = encoder.encode(speech, generator.fps)
        motion = make_motion(generator, features, reference, seed=arguments.seed)
        opening = lip_opening(motion)
        usual = float(np.mean(opening[features.voice >= 0.5]))
        for start, stop in pauses(speech):
            within = opening[int(np.ceil(start * motion.fps)) : int(stop * motion.fps)]
            if len(within):
                found.append((stop - start, within.min() / usual, within.mean() / usual))
    rows: list[list[object]] = []
    for low, high in pairwise(LENGTHS):
        of_length = np.array([row for row in found if low <= row[0] < high])
        if len(of_length):
            lowest, mean = of_length[:, 1:].mean(axis=0)
            rows.append([f"{low:.2f} to {high:.2f} s", len(of_length), float(lowest), float(mean)])
    header = ["pause", "pauses", "lips at their closest", "mean over the pause"]
    text = "Lip opening as a share of that while somebody speaks:\n\n"
    text += markdown_table(header, rows, 2)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "pauses.md").write_text(text, encoding="utf-8")
    save_json({"arguments": arguments, "rows": rows}, arguments.out / "pauses.json")
    print(text)


if __name__ == "__main__":
    try:
        main(tyro.cli(Arguments, description=__doc__))
    except GesticulateError as error:
        sys.exit(f"error: {error}")
