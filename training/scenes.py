"""Photos for the renderer's training: frames of clips, each taken apart once and kept on disk."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..datasets.jobs import run_jobs
from ..datasets.load import ClipRow, Clips
from ..errors import InputError
from ..keypoints import layout
from ..warping.layer_cache import save_layers
from ..warping.layers import prepare_photo
from .options import SceneOptions


@dataclass(frozen=True)
class Photo:
    """A frame of a clip that serves as the photo, and the file it is kept in."""

    row: ClipRow
    frame: int
    path: Path


def photo_frames(points: np.ndarray, most: int) -> list[int]:
    """Which frames of a clip serve as photos: the first with a whole face, then from each of
    ``most - 1`` equal parts of the rest the frame that shows the hands best.

    points: [T, 133, 3], the clip's skeletons. A photo without hands cannot give any to the frames.
    """
    whole = np.flatnonzero((points[:, layout.FACE, 2] > 0).all(axis=1))
    if not len(whole):
        return []
    hands = points[:, layout.LEFT_HAND.start : layout.RIGHT_HAND.stop, 2].mean(axis=1)
    parts = np.array_split(whole[1:], most - 1) if most > 1 else []
    chosen = [part[int(hands[part].argmax())] for part in parts if len(part)]
    return [int(whole[0]), *map(int, chosen)]


def planned_photos(options: SceneOptions, folder: Path, split: str, clips: Clips) -> list[Photo]:
    """The photos of a split; of `val` the first of each clip only, as reenactment is measured."""
    most = options.photos if split == "train" else 1
    return [
        Photo(row, frame, folder / f"{row.id}-{frame}.npz")
        for row in clips.select(split)
        if options.favoured.get(row.kind, 1.0) > 0
        for frame in photo_frames(clips.poses[row.frames], most)
    ]


@dataclass(frozen=True)
class _Job:
    """The missing photos of one clip."""

    data_set: Path
    photos: tuple[Photo, ...]


def prepare_photos(data_set: Path, photos: Sequence[Photo], workers: int) -> int:
    """Take apart the photos that are not on disk yet; returns how many could not be.

    A run that was stopped goes on where it was. workers: processes, 0 for one a core.
    """
    missing: dict[str, list[Photo]] = {}
    for photo in photos:
        if not photo.path.is_file():
            missing.setdefault(photo.row.id, []).append(photo)
    jobs = [_Job(data_set, tuple(group)) for group in missing.values()]
    for photo in photos[:1]:
        photo.path.parent.mkdir(parents=True, exist_ok=True)
    failed = 0
    for number, (job, problem) in enumerate(run_jobs(_prepare, jobs, _DataSet, workers), start=1):
        if problem:
            failed += len(job.photos)
            warnings.warn(f"{job.photos[0].row.id} gives no photos: {problem}", stacklevel=2)
        if number % 50 == 0 or number == len(jobs):
            print(f"photos of {number} of {len(jobs)} clips prepared", flush=True)
    return failed


class _DataSet:
    """What all jobs of a process share: the open data set."""

    def __init__(self) -> None:
        self.clips: Clips | None = None

    def opened(self, folder: Path) -> Clips:
        if self.clips is None:
            self.clips = Clips(folder)
        return self.clips


def _prepare(data_set: _DataSet, job: _Job) -> str:
    """Prepare the photos of a clip; returns what went wrong, '' where nothing did."""
    clips = data_set.opened(job.data_set)
    row = job.photos[0].row
    wanted = {photo.frame: photo for photo in job.photos}
    points = clips.poses_of(row).points
    try:
        for number, picture in enumerate(clips.frames_of(row)):
            photo = wanted.pop(number, None)
            if photo is not None:
                layers = prepare_photo(picture, np.array(points[number]))
                save_layers(photo.path, layers)
            if not wanted:
                break
    except InputError as error:
        return str(error)
    return f"the video ends before frame {min(wanted)}" if wanted else ""


def prepared(photos: Sequence[Photo]) -> list[Photo]:
    """Those that are on disk."""
    return [photo for photo in photos if photo.path.is_file()]
