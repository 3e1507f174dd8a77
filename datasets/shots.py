"""Stage 1: a video is cut into shots, and shots into clips of bounded length."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ..errors import InputError
from ..video.read import probe_video
from .options import FPS, BuildOptions

# A cut changes at least this much (PySceneDetect's content value, its ContentDetector's default);
# less is enough to stand out in footage whose frames are repeated.
MIN_CHANGE = 27.0
# Cuts come no closer than this; faster editing is left to the length limit to throw away.
MIN_SHOT_SECONDS = 0.6


@dataclass(frozen=True)
class Video:
    """What a video file holds: size (width, height) in pixels, its own frame rate, seconds, and
    its shots as (start, end) in seconds."""

    size: tuple[int, int]
    fps: float
    seconds: float
    shots: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Span:
    """A clip's place in its video: start in seconds, length in frames of 25 a second."""

    start: float
    num_frames: int

    @property
    def seconds(self) -> float:
        return self.num_frames / FPS


def find_shots(path: Path, threshold: float, limit: float | None = None) -> Video:
    """Open a video and find its cuts.

    threshold: see ``BuildOptions.cut_threshold``. limit: seconds to read from the beginning.
    Raises: InputError where the file cannot be decoded.
    """
    from scenedetect import AdaptiveDetector, SceneManager, open_video

    info = probe_video(path)
    stream = open_video(str(path))
    manager = SceneManager()
    # Fast hands close to the camera change as many pixels as a cut does, but for several frames
    # in a row: a detector that compares a change with its neighbours is not taken in by them.
    shortest = max(1, round(MIN_SHOT_SECONDS * stream.frame_rate))
    manager.add_detector(
        AdaptiveDetector(threshold, min_scene_len=shortest, min_content_val=MIN_CHANGE)
    )
    decoded = manager.detect_scenes(stream, duration=limit)
    if not decoded:
        raise InputError(f"{path} has no frame that can be decoded.")
    shots = [
        (start.seconds, end.seconds) for start, end in manager.get_scene_list(start_in_scene=True)
    ]
    return Video(
        size=info.size,
        fps=float(stream.frame_rate),
        seconds=shots[-1][1],
        shots=tuple(shots),
    )


def plan_clips(video: Video, options: BuildOptions) -> tuple[list[Span], list[tuple[float, float]]]:
    """The clips of a video, and the shots (start, end) that are too short to give one.

    A shot loses ``trim_frames`` where it meets another one, and is divided evenly if it is longer
    than ``max_seconds``.
    """
    clips: list[Span] = []
    short: list[tuple[float, float]] = []
    trim = options.trim_frames / FPS
    for number, (start, end) in enumerate(video.shots):
        first = start + (trim if number > 0 else 0.0)
        last = end - (trim if number < len(video.shots) - 1 else 0.0)
        # Not rounded up: a clip must not read past its shot's end. The small number is for times
        # like 2.9999999 that mean 3.
        frames = math.floor((last - first) * FPS + 1e-3)
        if frames < round(options.min_seconds * FPS):
            short.append((start, end))
            continue
        pieces = math.ceil(frames / round(options.max_seconds * FPS))
        edges = [round(frames * piece / pieces) for piece in range(pieces + 1)]
        clips += [Span(first + edge / FPS, after - edge) for edge, after in pairwise(edges)]
    return clips, short
