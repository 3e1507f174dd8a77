"""Ranking motion clips for a speech by the speech-gesture alignment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError, UsageError
from ..keypoints.motion import Motion
from ..speech.track import SpeechFeatures
from .alignment import SpeechGestureAlignment
from .vectors import fill_gaps, shows, to_vectors

# Windows of speech and of motion begin a quarter of a window apart.
STRIDES = 4
# Windows at a time.
PIECE = 64


@dataclass(frozen=True)
class Match:
    """How well a clip goes with a speech.

    score: mean cosine in -1..1 of the windows laid over each other. clip_start, speech_start: where
    the span that was laid over each other begins, in seconds; seconds: its length.
    """

    clip: str
    score: float
    clip_start: float
    speech_start: float
    seconds: float


def as_text(matches: Sequence[Match]) -> str:
    """A line for each match: its rank, score, clip, and the span of the clip."""
    return "\n".join(
        f"{place:3} {match.score:6.3f}  {match.clip}  "
        f"{match.clip_start:.1f}..{match.clip_start + match.seconds:.1f} s"
        for place, match in enumerate(matches, start=1)
    )


def as_json(matches: Sequence[Match]) -> str:
    """A list of objects with the fields of `Match`."""
    return json.dumps([asdict(match) for match in matches], indent=1)


@torch.inference_mode()
def rank(
    alignment: SpeechGestureAlignment,
    speech: SpeechFeatures,
    library: Iterable[tuple[str, Motion]],
    part: str = "body",
) -> list[Match]:
    """The clips, the best first.

    library: names and motions, at the speech's frame rate. The shorter of speech and clip is slid
    along the longer one, and the best place counts; a short clip has more places to choose from.
    Clips that are shorter than a window (80 frames, or the speech, if that is shorter) or do not
    show the ``part`` ("face" or "body") are left out.
    Raises: UsageError where the features are not those the alignment reads; InputError for a clip
    of another frame rate, or where no clip is left.
    """
    channels = alignment.options.speech_channels
    if speech.features.shape[1] != channels:
        raise UsageError(
            f"The alignment reads {channels} channels of the speech encoder "
            f"{alignment.options.speech_encoder!r}, got {speech.features.shape[1]}. Use that one."
        )
    window = min(alignment.options.window, len(speech))
    stride = max(1, window // STRIDES)
    network = alignment.parts[part]
    features = torch.from_numpy(np.asarray(speech.features, dtype=np.float32))
    heard = torch.cat(
        [
            network.embed_speech(alignment.normalise(piece))
            for piece in _windows(features, window, stride).split(PIECE)
        ]
    )
    matches = []
    for name, motion in library:
        if motion.fps != speech.fps:
            raise InputError(
                f"{name} has {motion.fps:g} frames a second, expected {speech.fps:g}. "
                "Make the library's skeletons at that rate."
            )
        if len(motion) < window or not shows(motion.confidence, part):
            continue
        face, body = to_vectors(fill_gaps(motion.points, motion.confidence))
        vectors = torch.from_numpy(face if part == "face" else body)
        moved = torch.cat(
            [network.embed_gesture(w) for w in _windows(vectors, window, stride).split(PIECE)]
        )
        score, at, clip_at, count = best_place((heard @ moved.T).numpy())
        length = ((count - 1) * stride + window) / speech.fps
        starts = (clip_at * stride / speech.fps, at * stride / speech.fps)
        matches.append(Match(name, score, *starts, length))
    if not matches:
        raise InputError(
            f"No clip of the library shows the {part} for {window / speech.fps:.2f} s. "
            "Give another library, or compare another part."
        )
    return sorted(matches, key=lambda match: -match.score)


def best_place(similar: np.ndarray) -> tuple[float, int, int, int]:
    """Where the shorter of two rows of windows lies best along the longer.

    similar: [A, B], window a of the one with window b of the other. Returns the mean over the
    windows that lie over each other, the first of them on both sides, and their number.
    """
    count, places = min(similar.shape), abs(similar.shape[1] - similar.shape[0]) + 1
    wide = similar if similar.shape[0] <= similar.shape[1] else similar.T
    means = [float(np.diagonal(wide, offset)[:count].mean()) for offset in range(places)]
    best = int(np.argmax(means))
    first, second = (0, best) if wide is similar else (best, 0)
    return means[best], first, second, count


def _windows(frames: Tensor, window: int, stride: int) -> Tensor:
    """[T, C] -> [N, window, C]."""
    return frames.unfold(0, window, stride).transpose(1, 2)
