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
from .files import write_text
from .frames import read_span, scaled_size
from .options import FPS
from .shots import Span
from .sides import find_divide, halves, put_back

# Estimators look at people in a few hundred pixels; 4K frames would only cost decoding time.
LONGEST_SIDE = 1280
# Frames of a clip in which all persons are looked for.
PEOPLE_FRAMES = 5
# A frame that changes this much less than its neighbours do repeats the one before. On 100 clips
# it finds 0.1 of the frames in every second one, and 0.5 to 0.7 in those shot at 8 to 12 a second.
REPEATED = 0.4


class Estimator(Protocol):
    """What annotation needs of a pose estimator; its contract is that of ``PoseEstimator`` in the
    pipelines, which this folder does not import."""

    name: str

    def detect(self, frame: np.ndarray) -> np.ndarray: ...

    def track(self, frames: Iterable[np.ndarray], fps: float) -> Poses: ...


@dataclass(frozen=True)
class AnnotationJob:
    """path: the video. size: its (width, height) in pixels. span: the clip. poses, remarks: the
    files to write: skeletons, and what else the frames show (see ``Remarks``). side: "left" or
    "right" for one of two people, '' for a video of one."""

    path: Path
    size: tuple[int, int]
    span: Span
    poses: Path
    remarks: Path
    side: str = ""

    @property
    def done(self) -> bool:
        return self.poses.is_file() and self.remarks.is_file()


@dataclass(frozen=True)
class Remarks:
    """What the frames of a clip show besides one skeleton.

    faces: in some frames, the face heights of all persons as shares of the picture's height.
    repeated: share of frames that are the frame before once more. change: mean difference of
    neighbouring frames in grey levels, 0..255. estimator: who annotated the clip.
    """

    faces: tuple[tuple[float, ...], ...]
    repeated: float
    change: float
    estimator: str = ""

    @property
    def other_face(self) -> float:
        """Height of the second largest face as a share of the largest, seen in two of the sampled
        frames at least (one alone may be a false find); 0 where there is one person."""
        shares = []
        for heights in self.faces:
            first, second = [*sorted(heights, reverse=True), 0.0, 0.0][:2]
            shares.append(second / first if first else 0.0)
        shares = sorted(shares, reverse=True)
        return shares[1] if len(shares) > 1 else [*shares, 0.0][0]

    @classmethod
    def load(cls, path: Path) -> Remarks:
        content = json.loads(path.read_text())
        faces = tuple(tuple(heights) for heights in content["faces"])
        return cls(faces, content["repeated"], content["change"], content["estimator"])

    @property
    def measures(self) -> dict[str, float]:
        """What quality control asks of them, by name."""
        return {
            "other_face": self.other_face,
            "repeated": self.repeated,
            "change": self.change,
        }


def annotate(estimator: Estimator, job: AnnotationJob) -> str:
    """Write what is missing of a clip's annotation; returns '' or why it cannot be had.

    Each file is written under a temporary name and renamed: one that exists is whole.
    """
    size = scaled_size(job.size, LONGEST_SIDE)
    watch = _Watch(job.span.num_frames)
    divide = 0
    try:
        frames: Iterable[np.ndarray] = read_span(job.path, job.span, size)
        if job.side:
            divide = find_divide(estimator, _sampled(read_span(job.path, job.span, size), job))
            frames = halves(frames, job.side, divide)
        frames = watch(frames)
        if job.poses.is_file():
            for _ in frames:
                pass
        else:
            poses = estimator.track(frames, FPS)
            if job.side:
                poses = put_back(poses, job.side, divide, size)
            poses.scaled(job.size).save(job.poses)
        if not job.remarks.is_file():
            content = {
                "estimator": estimator.name,
                "faces": [_face_heights(estimator, frame) for frame in watch.sample],
                "repeated": round(repeated_share(np.array(watch.changes)), 4),
                "change": round(float(np.mean(watch.changes or 0)), 4),
            }
            write_text(job.remarks, json.dumps(content))
    except GesticulateError as error:
        return str(error)
    except Exception as error:  # one clip that no library can digest must not stop a long build
        return f"{type(error).__name__}: {error}"
    return ""


def _sampled(frames: Iterable[np.ndarray], job: AnnotationJob) -> list[np.ndarray]:
    """A few evenly spaced frames of a clip."""
    watch = _Watch(job.span.num_frames)
    for _ in watch(frames):
        pass
    return watch.sample


class _Watch:
    """Looks at a stream of frames that somebody else reads: keeps a few, measures change.

    sample: evenly spaced frames. changes: mean difference of each frame from the one before.
    """

    def __init__(self, num_frames: int) -> None:
        count = min(PEOPLE_FRAMES, num_frames)
        self._wanted = {int((i + 0.5) * num_frames / count) for i in range(count)}
        self.sample: list[np.ndarray] = []
        self.changes: list[float] = []

    def __call__(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        import cv2

        before = None
        for number, frame in enumerate(frames):
            if number in self._wanted:
                self.sample.append(frame)
            # Small, so that the codec's noise averages out.
            grey = cv2.resize(
                cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), (64, 64), interpolation=cv2.INTER_AREA
            ).astype(np.float32)
            if before is not None:
                self.changes.append(float(np.abs(grey - before).mean()))
            before = grey
            yield frame


def repeated_share(changes: np.ndarray) -> float:
    """Share of frames that hardly differ from the one before, for what happens around them.

    changes: [T - 1] mean difference of neighbouring frames, in any unit.
    """
    from scipy.ndimage import uniform_filter1d

    if not len(changes):
        return 0.0
    around = uniform_filter1d(changes.astype(np.float64), 9)
    return float((changes < REPEATED * around).mean())


def _face_heights(estimator: Estimator, frame: np.ndarray) -> list[float]:
    """Heights of all persons' faces from brows to chin, as shares of the picture's height."""
    heights = []
    for person in estimator.detect(frame):
        face = person[layout.FACE]
        seen = face[face[:, 2] > 0, 1]
        heights.append(round(float(np.ptp(seen)) / len(frame), 4) if len(seen) else 0.0)
    return heights
