"""Broken photos, sounds, poses, presets and weights: each is used or refused, never more.

    python benchmarks/fuzz_files.py --cases 10000

Whole files of each kind are mutated (bytes changed, cut out, doubled, the end cut off) and read as
a run reads them. What raises anything but a `GesticulateError` is printed with its seed, from which
`broken` makes it again. Exit code 1 where there is one.
"""

from __future__ import annotations

import argparse
import collections
import io
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gesticulate import configs
from gesticulate.errors import GesticulateError

KINDS = ("photo", "sound", "poses", "preset", "weights")


def broken(whole: bytes, rng: np.random.Generator) -> bytes:
    """A file with one to four kinds of damage."""
    data = bytearray(whole)
    for _ in range(rng.integers(1, 5)):
        # Headers are small and matter most.
        reach = min(len(data), int(rng.choice([64, 512, max(1, len(data))])))
        at = int(rng.integers(0, max(1, reach)))
        length = int(rng.integers(1, 33))
        match rng.integers(5):
            case 0:
                data[at : at + length] = rng.integers(0, 256, length, np.uint8).tobytes()
            case 1:
                data[at : at + 4] = int(rng.choice([0, 1, 2**31 - 1, 2**32 - 1])).to_bytes(4, "big")
            case 2:
                del data[at : at + length]
            case 3:
                data[at:at] = data[at : at + length]
            case 4:
                del data[at:]
    return bytes(data)


def wholes(folder: Path) -> dict[str, list[tuple[str, bytes]]]:
    """(ending, bytes) of good files of each kind, small ones."""
    import soundfile
    import torch
    from PIL import Image

    from gesticulate.keypoints.poses import Poses
    from gesticulate.weights.checkpoint import write

    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (72, 80, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    photos = []
    for ending in ("png", "jpeg", "webp", "tiff", "gif", "bmp"):
        stream = io.BytesIO()
        picture.save(stream, ending, **({"exif": exif} if ending in ("png", "jpeg") else {}))
        photos.append((ending, stream.getvalue()))
    sounds = []
    for ending in ("wav", "flac", "ogg", "mp3"):
        stream = io.BytesIO()
        soundfile.write(stream, 0.1 * rng.standard_normal(9600), 16_000, format=ending)
        sounds.append((ending, stream.getvalue()))
    points = rng.uniform(0, 1, (5, 133, 3)).astype(np.float32)
    Poses(points, (64, 64), 25.0).save(folder / "whole.npz")
    presets = [(Path(__file__).parents[1] / "configs" / f"{n}.yaml").read_bytes()
               for n in ("offline", "puppet")]  # fmt: skip
    tensors = {"a": torch.zeros(3, 4), "b": torch.ones(2)}
    write(folder / "whole.safetensors", tensors, "renderer", {"width": 8})
    return {
        "photo": photos,
        "sound": sounds,
        "poses": [("npz", (folder / "whole.npz").read_bytes())],
        "preset": [("yaml", data) for data in presets],
        "weights": [("safetensors", (folder / "whole.safetensors").read_bytes())],
    }


def readers() -> dict[str, Callable[[Path], object]]:
    """How a run reads each kind."""
    from gesticulate.keypoints.poses import Poses
    from gesticulate.pipelines.preset import PipelinePreset
    from gesticulate.speech.load import load
    from gesticulate.video.photo import read_photo
    from gesticulate.weights.checkpoint import read as read_weights

    return {
        "photo": read_photo,
        "sound": load,
        "poses": Poses.load,
        "preset": lambda path: configs.load(str(path), PipelinePreset),
        "weights": lambda path: read_weights(path, "renderer"),
    }


def fuzz(cases: int, first: int = 0) -> tuple[dict[str, collections.Counter], list[str]]:
    """Counts of "used" and "refused" by kind, and a text on each case that was neither."""
    counts: dict[str, collections.Counter] = {kind: collections.Counter() for kind in KINDS}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder, read = Path(name), readers()
        good = wholes(folder)
        for seed in range(first, first + cases):
            kind = KINDS[seed % len(KINDS)]
            rng = np.random.default_rng(seed)
            ending, whole = good[kind][rng.integers(len(good[kind]))]
            path = folder / f"case.{ending}"
            path.write_bytes(broken(whole, rng))
            try:
                read[kind](path)
                counts[kind]["used"] += 1
            except GesticulateError:
                counts[kind]["refused"] += 1
            except Exception:
                counts[kind]["wrong"] += 1
                wrong.append(f"seed {seed}, {kind} ({ending}):\n{traceback.format_exc(limit=-4)}")
    return counts, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first case")
    arguments = parser.parse_args()
    counts, wrong = fuzz(arguments.cases, arguments.first)
    print(*wrong, sep="\n")
    for kind, count in counts.items():
        print(f"{kind:<8} {dict(count)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
