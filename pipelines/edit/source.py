"""What a span is drawn from: a frame of the same video, and what is behind the person in others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ...errors import InputError
from ...keypoints import layout
from ...keypoints.motion import Motion
from ...keypoints.person import whole_faces
from ...keypoints.poses import Poses
from ...video.read import VideoReader
from .photo import best_photos, sharpest
from .plate import Plates, clean_plates
from .span import BODY, HEAD, Span

# Frames that clean plates are made from, as many as fit into so much memory.
_FRAMES, _BYTES = 32, 400e6
_MOVING = [layout.NOSE, layout.LEFT_WRIST, layout.RIGHT_WRIST]


@dataclass(frozen=True)
class Source:
    """photo: [H, W, 3] uint8. at: its number in the video. pose: one frame, in its pixels."""

    photo: np.ndarray
    at: int
    pose: Poses
    plates: Plates


def find_source(span: Span, made: Sequence[Motion], video: VideoReader) -> Source:
    """Look at the video again for what is needed to draw a span.

    made: the new motions, of each take. Raises: InputError where no frame is fit to draw from, or
    the one that was asked for is not near the span.
    """
    hands = span.asks(BODY)
    best = _asked(span, video.fps) or best_photos(
        span.own,
        (span.within.start, span.within.stop),
        span.person,
        hands=hands,
        heads=_heads(span, made) if span.asks(HEAD) else None,
    )
    width, height = span.own.size
    count = int(np.clip(_BYTES / (3 * width * height) - len(best), 0, _FRAMES))
    varied = different(span.own, count)
    wanted, frames = {*best, *varied}, {}
    for at, frame in enumerate(islice(iter(video), span.section, span.section + len(span.own))):
        if at in wanted:
            frames[at] = frame
    at = sharpest(best, frames, span.own, hands=hands)
    seen = span.own[np.array(varied, int)]
    plates = clean_plates([frames[i] for i in varied], seen, span.person.width)
    return Source(frames[at], span.section + at, span.own[at : at + 1], plates)


def _asked(span: Span, fps: float) -> dict[int, float]:
    """The frame that the edit names, as `best_photos` tells frames; none where it names none."""
    if span.edit.photo is None:
        return {}
    at = round(span.edit.photo * fps) - span.section
    if not 0 <= at < len(span.own):
        first, last = span.section / fps, (span.section + len(span.own) - 1) / fps
        raise InputError(
            f"The span from {span.edit.start:g} s to {span.edit.stop:g} s cannot be drawn from the "
            f"frame at {span.edit.photo:g} s. Choose one from {first:.2f} s to {last:.2f} s, in "
            "the same shot."
        )
    if not whole_faces(span.own[at : at + 1])[0]:
        raise InputError(
            f"The frame at {span.edit.photo:g} s does not show the whole face. Choose another."
        )
    return {at: 0.0}


def different(poses: Poses, count: int) -> list[int]:
    """So many frames in which head and hands are as far from those in the others as can be: what
    they cover in one they free in another. Each next one is the farthest from all before."""
    points = poses.points[:, _MOVING].astype(np.float64)
    places = np.where(points[..., 2:] > 0, points[..., :2], points[..., :2].mean(axis=0))
    places = places.reshape(len(poses), -1)
    chosen: list[int] = []
    away = np.linalg.norm(places - places.mean(axis=0), axis=1)
    while len(chosen) < min(count, len(poses)):
        chosen.append(int(np.argmax(away)))
        here = np.linalg.norm(places - places[chosen[-1]], axis=1)
        away = here if len(chosen) == 1 else np.minimum(away, here)
        away[chosen] = -1
    return sorted(chosen)


def _heads(span: Span, made: Sequence[Motion]) -> Poses:
    """The new poses within the span, of all takes."""
    takes = [span.as_made(motion)[span.within].points for motion in made]
    return Poses(np.concatenate(takes), span.own.size, span.own.fps)
