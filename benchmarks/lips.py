"""How a mouth moves in rendered videos, seen by a face mesh, beside what its skeletons ask for.

    python benchmarks/lips.py SPEECH.wav PHOTO... [--text SPEECH.txt] [--preset NAME ...]

A row a photo and preset: opening seen of commanded, 90th percentile of the opening seen, the share
of frames in pauses with closed lips, and how often a vowel is open wider than a bilabial (with the
English text of the speech). Openings are in distances of the outer eye corners.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from gesticulate.evaluation.mouth_scores import (
    closed_in_pauses,
    opening_90,
    seen_of_commanded,
    vowels_over_bilabials,
)
from gesticulate.evaluation.mouth_seen import watch_mouth
from gesticulate.evaluation.phones import Phone, align_phones
from gesticulate.keypoints import layout
from gesticulate.keypoints.mouth import measure_mouth
from gesticulate.pipelines.gesture_video import GestureVideoPipeline
from gesticulate.speech.load import load

COLUMNS = ("seen/commanded", "90th seen", "90th commanded", "closed in pauses", "vowels > b m p")


def measure(
    pipeline: GestureVideoPipeline, photo: Path, speech: Path, phones: list[Phone] | None
) -> list[float]:
    """One photo's row; see `COLUMNS`."""
    made = pipeline(photo, speech, size=512)
    seen = watch_mouth(made.frames).opening
    commanded = measure_mouth(made.poses.points[:, layout.FACE, :2]).opening
    return [
        seen_of_commanded(seen, commanded),
        opening_90(seen),
        opening_90(commanded),
        closed_in_pauses(seen, made.speech.voice, made.fps),
        vowels_over_bilabials(seen, phones, made.fps) if phones else np.nan,
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("speech", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--text", type=Path)
    parser.add_argument("--preset", nargs="+", default=["puppet"])
    arguments = parser.parse_args()
    text = arguments.text and arguments.text.read_text(encoding="utf-8")
    phones = align_phones(load(arguments.speech), text) if text else None
    print(f"| preset | photo | {' | '.join(COLUMNS)} |\n|---|---|{'--:|' * len(COLUMNS)}")
    for preset in arguments.preset:
        pipeline = GestureVideoPipeline.from_preset(preset)
        rows = []
        for photo in arguments.photos:
            rows.append(measure(pipeline, photo, arguments.speech, phones))
            _print(preset, photo.stem, rows[-1])
        _print(preset, "mean", np.nanmean(rows, axis=0))


def _print(preset: str, photo: str, row: list[float] | np.ndarray) -> None:
    print(f"| {Path(preset).stem} | {photo} | {' | '.join(f'{v:.3f}' for v in row)} |", flush=True)


if __name__ == "__main__":
    main()
