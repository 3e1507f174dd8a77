"""The clips that a benchmark runs over, and their skeletons, kept between runs."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ..errors import InputError
from ..keypoints.poses import Poses


class Estimator(Protocol):
    """What is needed of a pose estimator: see `pipelines.stages.PoseEstimator`."""

    def track(self, frames: Iterable[np.ndarray], fps: float) -> Poses:
        """One person over a video."""
        ...


@dataclass(frozen=True)
class ListedClip:
    """A row of clips.csv. file: the clip's path within its folder."""

    file: str
    kind: str


def listed_clips(
    folder: Path, split: str, kinds: tuple[str, ...] = (), limit: int | None = None
) -> list[ListedClip]:
    """The clips that folder/clips.csv names, sorted by file.

    kinds: all where none is named. limit: at most so many, spread evenly over the list.
    Raises: InputError where there is no clips.csv, or no such clip in it.
    """
    index = folder / "clips.csv"
    if not index.is_file():
        raise InputError(f"There is no {index}. It needs the columns file, split and kind.")
    with open(index, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    clips = [ListedClip(r["file"], r["kind"]) for r in rows if r["split"] == split]
    clips = [clip for clip in clips if not kinds or clip.kind in kinds]
    if not clips:
        wanted = ", ".join(kinds) or "any"
        raise InputError(f"{index} has no clip of split {split!r} and kind {wanted}.")
    clips.sort(key=lambda clip: clip.file)
    if limit is not None and len(clips) > limit:
        clips = [clips[i] for i in np.linspace(0, len(clips) - 1, limit).round().astype(int)]
    return clips


class PoseCache:
    """A clip's raw poses: from the folder, else estimated and, where there is a folder, kept."""

    def __init__(self, folder: Path | None, estimator: Callable[[], Estimator]) -> None:
        """estimator: makes the estimator, when the first clip needs it."""
        self.folder, self._make = folder, estimator
        self._estimator: Estimator | None = None

    def __call__(self, file: str, frames: Iterable[np.ndarray], fps: float) -> Poses:
        """file: the clip's name in clips.csv. frames: [H, W, 3] uint8 RGB each."""
        path = self.folder / Path(file).with_suffix(".npz") if self.folder else None
        if path is not None and path.is_file():
            return Poses.load(path)
        if self._estimator is None:
            self._estimator = self._make()
        poses = self._estimator.track(frames, fps)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            poses.save(path)
        return poses
