"""What do renderers make of photos? Each photo is driven by motion made from speech.

    python benchmarks/photo_sheets.py --photos PHOTOS --out OUT --renderers puppet learned

There is no true answer here: OUT gets one contact sheet a photo to be looked at, the photo above
the frames of every renderer, with mouth and hand enlarged.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro
from choices import make_renderers
from driven_photos import drive
from PIL import Image

from gesticulate.errors import GesticulateError, InputError
from gesticulate.evaluation.close_ups import close_up_sheet
from gesticulate.examples import demo_speech
from gesticulate.pipelines.gesture_video import GestureVideoPipeline
from gesticulate.video.photo import read_photo

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_CELL = 256


@dataclass(frozen=True)
class Arguments:
    """
    photos: folder of pictures, or one picture.
    out: folder for the sheets.
    renderers: each a renderer's name, "package.module:Class", or "label=weights" for the learned
        renderer with weights by name or file.
    limit: at most so many photos that show a person, spread evenly over the folder's list.
    frames: so many a photo, spread evenly over the motion.
    size: pixels of a photo's longer side.
    speech: what the motion is made from; the demo's where None.
    preset: whose stages find the person and make the motion.
    seed: of the motion.
    """

    photos: Path
    out: Path
    renderers: tuple[str, ...] = ("puppet", "learned")
    limit: int = 8
    frames: int = 3
    size: int = 512
    speech: Path | None = None
    preset: str = "puppet"
    seed: int = 0


def spread(folder: Path, limit: int) -> list[Path]:
    """The folder's pictures, those first that lie evenly spread over it, as many as `limit`."""
    if folder.is_file():
        return [folder]
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not files:
        raise InputError(f"There is no picture in {folder} ({', '.join(_SUFFIXES)}).")
    first = set(np.linspace(0, len(files) - 1, min(limit, len(files))).round().astype(int).tolist())
    rest = [index for index in range(len(files)) if index not in first]
    return [files[index] for index in [*sorted(first), *rest]]


def main(arguments: Arguments) -> None:
    renderers = make_renderers(arguments.renderers)
    pipeline = GestureVideoPipeline.from_preset(arguments.preset)
    speech = arguments.speech or demo_speech()
    arguments.out.mkdir(parents=True, exist_ok=True)
    made = 0
    for path in spread(arguments.photos, arguments.limit):
        if made == arguments.limit:
            break
        try:
            driven = drive(pipeline, read_photo(path), speech, arguments.size, arguments.seed)
        except InputError as error:
            print(f"{path.name}: left out. {error}", file=sys.stderr)
            continue
        ends = np.linspace(0, len(driven.poses), arguments.frames + 2)[1:-1]
        chosen = ends.round().astype(int)
        poses = replace(driven.poses, points=driven.poses.points[chosen])
        rows = {path.stem: [driven.photo] * len(chosen)}
        for name, renderer in renderers.items():
            rows[name] = list(renderer.prepare(driven.photo, driven.photo_pose).render(poses))
        titles = [f"frame {index}" for index in chosen]
        sheet = close_up_sheet(rows, poses.points, titles, _CELL)
        Image.fromarray(sheet).save(arguments.out / f"{path.stem}.png")
        made += 1
        print(f"{made}/{arguments.limit} {path.name}", file=sys.stderr)
    if not made:
        raise InputError(f"No photo of {arguments.photos} could be driven.")


if __name__ == "__main__":
    try:
        main(tyro.cli(Arguments, description=__doc__))
    except GesticulateError as error:
        sys.exit(f"error: {error}")
