"""Talking faces at the videos' own resolution: what the face's refiner and the lips learn from.

    gesticulate dataset faces videos/ -o faces

A folder a clip: frames.npy [T, S, S, 3] uint8, a square about the head that stands still;
landmarks.npz with points [T, 68, 2] in its pixels and confidence [T], 1 where the whole face was
seen from the front; speech.wav, 16 kHz, where the video has sound; source.json; and last ``split``,
so that a folder with it is whole.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from tyro import conf

from ..atomic import complete_or_nothing
from ..errors import InputError
from ..keypoints import layout
from .jobs import run_jobs
from .options import FPS
from .sources import Source, find_sources

SAMPLE_RATE = 16_000
# A box about the face in its widths; the mesh is found within.
_AROUND = 2.6
# Between two frames, points move by less than this share of the face's height, or it is a cut.
_JUMP = 0.12
# The nose's distance from the middle of the eyes, in distances of the outer eye corners.
_TURNED = 0.33
_MIN_FRAMES = 30
_FACE_SHARE = 130 / 256  # of the square's height


@dataclass(frozen=True)
class FacesOptions:
    """Cut talking faces out of videos.

    Running it again with the same folder continues: what is done stays.
    """

    videos: Annotated[conf.Positional[tuple[Path, ...]], conf.arg(metavar="VIDEO...")]
    """Video files, or folders that are searched for them. A ``clips.csv`` in a folder gives its
    files their split, person and source."""
    output: Annotated[Path, conf.arg(aliases=["-o"])]
    """Folder of the faces."""
    size: int = 256
    """Pixels of the squares' sides; a face is about half as high."""
    seconds_per_video: float = 8.0
    min_face_pixels: float = 75.0
    """Height of a face from brows to chin in the video's pixels: a smaller one would be enlarged,
    and teach blur."""
    val_share: float = 0.1
    """Share of the persons that are kept for measuring, where no clips.csv says."""
    workers: int = 1
    """Processes that work at the same time; 0 is one a processor core."""


@dataclass(frozen=True)
class _Job:
    source: Source
    folder: Path
    options: FacesOptions


def cut_faces(options: FacesOptions) -> int:
    """Cut the faces; returns how many clips the folder holds now.

    Raises: InputError where there is no video, or no clip came of them.
    """
    jobs = []
    for source in find_sources(options.videos, options.val_share):
        folder = options.output / f"{source.path.stem}-{source.digest}"
        if not (folder / "split").exists():
            jobs.append(_Job(source, folder, options))
    for job, why_not in run_jobs(_cut, jobs, FaceTracker, options.workers):
        print(f"{job.source.key}: {why_not or job.folder.name}", flush=True)
    count = len(list(options.output.glob("*/split")))
    if count == 0:
        raise InputError(
            "No talking face was found: a face must be seen from the front, at least "
            f"{options.min_face_pixels:.0f} pixels high, for {_MIN_FRAMES / FPS:.1f} s."
        )
    return count


class FaceTracker:
    """The face mesh of the largest face, followed through a video."""

    def __init__(self) -> None:
        from ..keypoints.mediapipe_graphs import FaceFinder, FaceMesh

        self._finder, self._mesh = FaceFinder(), FaceMesh()
        self._box: np.ndarray | None = None

    def reset(self) -> None:
        """Forget whom it followed."""
        self._box = None
        self._mesh.reset()

    def __call__(self, frame: np.ndarray) -> np.ndarray | None:
        """frame: [H, W, 3] uint8 RGB. Returns [68, 2] pixels, or None where no face is seen."""
        from ..keypoints.face_map import mesh_to_68

        if self._box is None:
            heads = self._finder(frame)
            if not len(heads):
                return None
            self._box = heads[0]
        x, y, width = self._box
        side = max(round(_AROUND * float(width)), 8)
        left, top = round(float(x) - side / 2), round(float(y) - side / 2)
        shift = np.array([[1, 0, -left], [0, 1, -top]], np.float32)
        square = cv2.warpAffine(frame, shift, (side, side))
        found = self._mesh(square)
        if found is None:
            self._box = None
            return None
        points = found * side + np.array([left, top], np.float32)
        low, high = points.min(0), points.max(0)
        self._box = np.array([*((low + high) / 2), (high - low).max() * 0.85])
        return mesh_to_68(points).astype(np.float32)


def _cut(tracker: FaceTracker, job: _Job) -> str:
    """Write one clip; returns why there is none, or "" where there is."""
    from ..video.read import VideoReader

    options = job.options
    reader = VideoReader(job.source.path, FPS)
    tracker.reset()
    frames: list[np.ndarray] = []
    points: list[np.ndarray | None] = []
    for frame in reader:
        frames.append(frame)
        points.append(tracker(frame))
        if len(frames) >= options.seconds_per_video * FPS:
            break
    start, stop = longest_run(points)
    if stop - start < _MIN_FRAMES:
        return "no face for long enough"
    seen = np.stack([p for p in points[start:stop] if p is not None])
    height = float(np.median(np.ptp(seen[..., 1], axis=1)))
    if height < options.min_face_pixels:
        return f"the face is {height:.0f} pixels high"
    pictures, placed = squares(frames[start:stop], seen, height, options.size)
    usable = from_the_front(placed) & ((placed > 0) & (placed < options.size - 1)).all((1, 2))
    if usable.mean() < 0.7:
        return "the face is turned, or moves out of its square"
    _write(job, pictures, placed, usable, start / FPS)
    return ""


def longest_run(points: list[np.ndarray | None]) -> tuple[int, int]:
    """(first, behind the last) of the longest run of frames whose face [68, 2] goes on."""
    best, start = (0, 0), 0
    for i, now in enumerate(points):
        before = points[i - 1] if i else None
        if now is None:
            start = i + 1
            continue
        if before is not None:
            jump = np.abs(now - before).mean() / max(float(np.ptp(now[:, 1])), 1.0)
            if jump > _JUMP:
                start = i
        if i + 1 - start > best[1] - best[0]:
            best = (start, i + 1)
    return best


def squares(
    frames: list[np.ndarray], faces: np.ndarray, height: float, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """[T, S, S, 3] uint8 about a head, and its faces [T, 68, 2] in their pixels.

    frames: [H, W, 3] uint8. faces: [T, 68, 2], height: of the face, both in the frames' pixels.
    """
    scale = size * _FACE_SHARE / height
    middle = np.median((faces.max(1) + faces.min(1)) / 2, axis=0) - [0, 0.05 * height]
    corner = middle - 0.5 * size / scale
    move = np.array([[scale, 0, 0], [0, scale, 0]], np.float32)
    move[:, 2] = -scale * corner
    pictures = []
    for frame in frames:
        if scale < 0.75:
            frame = cv2.GaussianBlur(frame, (0, 0), 0.42 / scale)
        how = cv2.INTER_LINEAR if scale < 0.75 else cv2.INTER_CUBIC
        pictures.append(
            cv2.warpAffine(frame, move, (size, size), flags=how, borderMode=cv2.BORDER_REPLICATE)
        )
    return np.stack(pictures), ((faces - corner) * scale).astype(np.float32)


def from_the_front(faces: np.ndarray) -> np.ndarray:
    """[T] bool of faces [T, 68, 2]: not turned so far that half of the lips is hidden."""
    left, right = faces[:, 36, 0], faces[:, 45, 0]
    nose = faces[:, layout.FACE_NOSE_TIP, 0]
    return np.abs(nose - (left + right) / 2) < _TURNED * np.maximum(np.abs(left - right), 1.0)


def _write(
    job: _Job, pictures: np.ndarray, faces: np.ndarray, usable: np.ndarray, start: float
) -> None:
    source = job.source
    shutil.rmtree(job.folder, ignore_errors=True)
    job.folder.parent.mkdir(parents=True, exist_ok=True)
    row = {"video": source.key, "person": source.person, "kind": source.kind,
           "origin": source.origin, "terms": source.terms}  # fmt: skip
    with complete_or_nothing(job.folder) as folder:
        folder.mkdir()
        np.save(folder / "frames.npy", pictures)
        np.savez(folder / "landmarks.npz", points=faces, confidence=usable.astype(np.float32))
        if source.sound:
            _write_sound(source.path, folder / "speech.wav", start, len(pictures) / FPS)
        (folder / "source.json").write_text(json.dumps(row, indent=1), encoding="utf-8")
        (folder / "split").write_text(source.split, encoding="utf-8")


def _write_sound(video: Path, path: Path, start: float, seconds: float) -> None:
    import soundfile

    from ..speech.load import load

    try:
        speech = load(video)
    except InputError:
        return  # a video without sound still teaches what faces look like
    first = round(start * SAMPLE_RATE)
    waveform = speech.waveform[first : first + round(seconds * SAMPLE_RATE)]
    soundfile.write(path, waveform, SAMPLE_RATE)
