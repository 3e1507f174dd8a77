"""What mouths did, and what was said: the clips of `faces.py` that have sound, read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ..errors import InputError


@dataclass(frozen=True)
class FaceClip:
    """One clip of one face, 25 frames a second.

    kind: of clip, "" where its folder does not tell. points: [T, 68, 2]. confidence: [T] in 0..1.
    speech: the file with its sound.
    """

    name: str
    kind: str
    points: np.ndarray
    confidence: np.ndarray
    speech: Path


def load_talking_faces(folder: Path, split: str) -> Iterator[FaceClip]:
    """The clips of a split ("train", "val") that have sound, by name.

    Raises: InputError where the folder holds no faces, or a clip's landmarks are damaged.
    """
    marks = sorted(folder.glob("*/split"))
    if not marks:
        raise InputError(
            f"{folder} holds no faces. Cut some: `gesticulate dataset faces VIDEOS -o {folder}`."
        )
    for mark in marks:
        speech = mark.parent / "speech.wav"
        if mark.read_text(encoding="utf-8").strip() == split and speech.is_file():
            yield _load(mark.parent, speech)


def _load(folder: Path, speech: Path) -> FaceClip:
    path = folder / "landmarks.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            points, confidence = arrays["points"], arrays["confidence"]
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise InputError(f"{path} holds no landmarks ({error}). Cut the clip again.") from error
    if points.shape != (len(confidence), 68, 2):
        raise InputError(
            f"{path} has points {points.shape} and confidence {confidence.shape}. Expected "
            "landmarks [T, 68, 2] and [T]; cut the clip again."
        )
    source = folder / "source.json"
    kind = ""
    if source.is_file():
        kind = json.loads(source.read_text(encoding="utf-8")).get("kind", "")
    return FaceClip(folder.name, kind, points, confidence, speech)
