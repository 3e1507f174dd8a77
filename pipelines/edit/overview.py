"""A video at a glance, for whoever marks spans of it: sound, pictures, and what moves when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...atomic import complete_or_nothing
from ...errors import InputError
from ...keypoints import layout
from ...keypoints.poses import Poses
from ...video.read import VideoInfo, VideoReader
from ..progress import Callback, Meter
from ..stages import PoseEstimator

# Of the copy that is played: pixels of its longer side.
_PLAYED = 640
_THUMBNAILS, _THUMBNAIL_HEIGHT = 16, 72
_PEAKS = 600
# Poses a second that motion is told from: gestures last half a second and more.
ACTIVITY_RATE = 6.0
_SEEN = 0.3


@dataclass(frozen=True)
class Overview:
    """What `overview` found. size: (width, height) of the video.

    waveform: peaks of the sound at equal distances, 0..1 of the loudest; empty without sound.
    """

    seconds: float
    fps: float
    size: tuple[int, int]
    waveform: tuple[float, ...]


def length(video: str | Path) -> VideoInfo:
    """What is known of a video without decoding it; see `open_video` for what is refused later.

    Raises: InputError where the file is no video, or its frame rate varies.
    """
    from ...video.clock import check_steady

    reader = VideoReader(video)
    check_steady(reader.media)
    return reader.info


def overview(
    video: str | Path, played: Path, strip: Path, callback: Callback | None = None
) -> Overview:
    """Write a copy of a video that every browser plays, and a strip of its pictures.

    played: the copy, an MP4 of up to 640 pixels with the sound. strip: a JPEG of 16 pictures in a
    row, at equal distances. Raises: InputError where the video cannot be decoded.
    """
    from ...speech.load import load
    from ...video.write import write_video

    reader, meter = VideoReader(video), Meter(callback)
    factor = min(1.0, _PLAYED / max(reader.info.size))
    size = (
        max(2, round(reader.info.size[0] * factor)),
        max(2, round(reader.info.size[1] * factor)),
    )
    thumbnails = _Thumbnails(reader.num_frames)
    frames = (
        cv2.resize(frame, size, interpolation=cv2.INTER_AREA) if factor < 1 else frame
        for frame in meter.stream("read", iter(reader), reader.num_frames)
    )
    sound = reader.path if reader.info.has_sound else None
    write_video(played, thumbnails.kept(frames), fps=reader.fps, size=size, sound=sound)
    thumbnails.save(strip)
    waveform = load(reader.path).waveform if reader.info.has_sound else np.zeros(0, np.float32)
    seconds = thumbnails.count / reader.fps
    return Overview(seconds, reader.fps, reader.info.size, peaks(waveform))


def peaks(waveform: np.ndarray, count: int = _PEAKS) -> tuple[float, ...]:
    """The loudest sample of each of so many equal pieces, relative to the loudest of all."""
    if not len(waveform):
        return ()
    pieces = np.array_split(np.abs(waveform), min(count, len(waveform)))
    found = np.array([piece.max() for piece in pieces])
    return tuple(float(peak) for peak in np.round(found / max(float(found.max()), 1e-9), 3))


def activity(
    video: str | Path, estimator: PoseEstimator, callback: Callback | None = None
) -> dict[str, tuple[float, ...]]:
    """How much each part moves, 6 times a second: 0..1 of the most that the part does.

    Keys: hands, arms, head, face. Raises: InputError where the video cannot be decoded.
    """
    reader, meter = VideoReader(video, fps=ACTIVITY_RATE), Meter(callback)
    frames = meter.stream("look", iter(reader), reader.num_frames)
    return moves(estimator.track(frames, ACTIVITY_RATE))


def moves(poses: Poses) -> dict[str, tuple[float, ...]]:
    """As `activity`, of poses."""
    shoulders = [layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]
    arms = [layout.LEFT_ELBOW, layout.RIGHT_ELBOW, layout.LEFT_WRIST, layout.RIGHT_WRIST]
    lips = range(
        layout.FACE.start + layout.FACE_OUTER_LIPS.start,
        layout.FACE.start + layout.FACE_INNER_LIPS.stop,
    )
    hands = [
        _speed(poses, range(hand.start, hand.stop), [wrist])
        for hand, wrist in (
            (layout.LEFT_HAND, layout.LEFT_WRIST),
            (layout.RIGHT_HAND, layout.RIGHT_WRIST),
        )
    ]
    return {
        "hands": _relative(np.maximum(*hands)),
        "arms": _relative(_speed(poses, arms, shoulders)),
        "head": _relative(_speed(poses, [layout.NOSE], shoulders)),
        "face": _relative(_speed(poses, lips, [layout.FACE.start + layout.FACE_NOSE_TIP])),
    }


def _speed(poses: Poses, points: list[int] | range, about: list[int]) -> np.ndarray:
    """[T] pixels a frame that points move relative to the middle of others; 0 where not seen."""
    points = list(points)
    origin = poses.xy[:, about].mean(axis=1, keepdims=True)
    steps = np.diff(poses.xy[:, points] - origin, axis=0, prepend=0)
    seen = (poses.confidence[:, points] >= _SEEN) & (
        poses.confidence[:, about].min(axis=1, keepdims=True) >= _SEEN
    )
    both = seen & np.roll(seen, 1, axis=0)
    both[:1] = False
    far = np.linalg.norm(steps, axis=-1) * both
    return np.asarray(far.sum(axis=1) / np.maximum(both.sum(axis=1), 1))


def _relative(values: np.ndarray) -> tuple[float, ...]:
    top = float(np.percentile(values, 98)) if len(values) else 0.0
    return tuple(float(v) for v in np.round(np.clip(values / max(top, 1e-6), 0, 1), 3))


class _Thumbnails:
    """Some frames, kept small while all pass by."""

    def __init__(self, expected: int) -> None:
        ends = (np.arange(_THUMBNAILS) + 0.5) / _THUMBNAILS * expected
        self._wanted = [int(at) for at in ends]
        self._small: list[np.ndarray] = []
        self.count = 0

    def kept(self, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """The frames, handed on."""
        for frame in frames:
            width = max(1, round(frame.shape[1] * _THUMBNAIL_HEIGHT / frame.shape[0]))
            for _ in range(self._wanted.count(self.count)):
                self._small.append(cv2.resize(frame, (width, _THUMBNAIL_HEIGHT)))
            self.count += 1
            yield frame

    def save(self, path: Path) -> None:
        """Write them in a row. Raises: InputError where there was no frame."""
        from PIL import Image

        if not self._small:
            raise InputError("The video has no frame that can be decoded. Convert it first.")
        strip = Image.fromarray(np.concatenate(self._small, axis=1))
        with complete_or_nothing(path) as part:
            strip.save(part, format="JPEG", quality=80)
