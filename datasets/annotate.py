"""Stage 2: whole-body skeletons of a clip, and how many people it shows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ..errors import GesticulateError
from ..keypoints import layout
from ..keypoints.poses import Poses
from .frames import read_span, scaled_size
from .options import FPS
from .shots import Span

# Estimators look at people in a few hundred pixels; 4K frames would only cost decoding time.
LONGEST_SIDE = 1280
# Frames of a clip in which all persons are looked for.
PEOPLE_FRAMES = 5


class Estimator(Protocol):
    """What annotation needs of a pose estimator; its contract is that of ``PoseEstimator`` in the
    pipelines, which this folder does not import."""

    name: str

    def detect(self, frame: np.ndarray) -> np.ndarray: ...

    def track(self, frames: Iterable[np.ndarray], fps: float) -> Poses: ...


@dataclass(frozen=True)
class AnnotationJob:
    """path: the video. size: its (width, height) in pixels. span: the clip. poses, people: the
    files to write."""

    path: Path
    size: tuple[int, int]
    span: Span
    poses: Path
    people: Path

    @property
    def done(self) -> bool:
        return self.poses.is_file() and self.people.is_file()


def annotate(estimator: Estimator, job: AnnotationJob) -> str:
    """Write what is missing of a clip's annotation; returns '' or why it cannot be had.

    Each file is written under a temporary name and renamed: one that exists is whole.
    """
    size = scaled_size(job.size, LONGEST_SIDE)
    sampled = _Sampler(job.span.num_frames)
    frames = read_span(job.path, job.span, size)
    try:
        if job.poses.is_file():
            for _ in sampled.watch(frames):
                pass
        else:
            estimator.track(sampled.watch(frames), FPS).scaled(job.size).save(job.poses)
        if not job.people.is_file():
            _write_people(job.people, estimator, sampled.frames)
    except GesticulateError as error:
        return str(error)
    return ""


class _Sampler:
    """Keeps a few evenly spaced frames of a stream that somebody else reads."""

    def __init__(self, num_frames: int) -> None:
        count = min(PEOPLE_FRAMES, num_frames)
        self._wanted = {int((i + 0.5) * num_frames / count) for i in range(count)}
        self.frames: list[np.ndarray] = []

    def watch(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for number, frame in enumerate(frames):
            if number in self._wanted:
                self.frames.append(frame)
            yield frame


def _write_people(path: Path, estimator: Estimator, frames: list[np.ndarray]) -> None:
    """Write the face heights of all persons in the sampled frames, as shares of the height."""
    faces = [
        [round(face_height(person) / len(frame), 4) for person in estimator.detect(frame)]
        for frame in frames
    ]
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps({"estimator": estimator.name, "faces": faces}))
    part.replace(path)


def face_height(person: np.ndarray) -> float:
    """[133, 3] -> height of the face's points from brows to chin, in pixels; 0 if not seen."""
    face = person[layout.FACE]
    seen = face[face[:, 2] > 0, 1]
    return float(seen.max() - seen.min()) if len(seen) else 0.0


def other_face(people: Path) -> float:
    """Height of the second largest face as a share of the largest, seen in two of the sampled
    frames at least (one alone may be a false find); 0 where there is one person."""
    faces = json.loads(people.read_text())["faces"]
    shares = []
    for heights in faces:
        first, second = [*sorted(heights, reverse=True), 0.0, 0.0][:2]
        shares.append(second / first if first else 0.0)
    shares = sorted(shares, reverse=True)
    return shares[1] if len(shares) > 1 else (shares or [0.0])[0]
