"""All that is measured of one motion, so that real and generated motion stand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..keypoints import layout
from ..keypoints.motion import Motion
from .blinks import blink_rate
from .gestures import GESTURE_PARTS, SEEN, amplitude, speed
from .jitter import jitter
from .lip_sync import (
    LipSpeechCorrelation,
    lip_opening,
    lip_speech_correlation,
    lips_closed_in_silence,
)

_PARTS = {**GESTURE_PARTS, "face": [*range(layout.MOTION_FACE.start, layout.MOTION_FACE.stop)]}


@dataclass(frozen=True)
class MotionScores:
    """One motion beside its speech.

    lips: correlation with the speech. lip_amplitude: standard deviation of the lip opening while
    there is voice, in eye distances. closed: share of silent frames with closed lips. blinks: a
    minute. amplitude, speed: by part of `gestures.GESTURE_PARTS`, in shoulder widths (a second).
    jitter: by the same parts and of the face, in shoulder widths per second cubed. NaN where the
    motion does not show it.
    """

    lips: LipSpeechCorrelation
    lip_amplitude: float
    closed: float
    blinks: float
    amplitude: dict[str, float]
    speed: dict[str, float]
    jitter: dict[str, float]

    def numbers(self) -> dict[str, float]:
        """All but the correlation, by name."""
        return {
            "lip amplitude": self.lip_amplitude,
            "lips closed in silence": self.closed,
            "blinks a minute": self.blinks,
            **{f"{part}: amplitude": value for part, value in self.amplitude.items()},
            **{f"{part}: speed": value for part, value in self.speed.items()},
            **{f"{part}: jitter": value for part, value in self.jitter.items()},
        }


def motion_scores(motion: Motion, energy: np.ndarray, voice: np.ndarray) -> MotionScores:
    """motion: of T frames. energy: [T] in dB. voice: [T] in 0..1."""
    opening = lip_opening(motion)
    length = min(len(opening), len(voice))
    spoken = opening[:length][np.asarray(voice[:length]) >= 0.5]
    spoken = spoken[np.isfinite(spoken)]
    points = motion.points.copy()
    points[:, layout.FACE_NOSE_TIP] = 0  # Its slot holds the head's place, not the face's shape.
    trembling = {
        name: jitter(
            (motion.points if name == "head" else points)[:, index],
            motion.fps,
            motion.confidence[:, index] >= SEEN,
        )
        for name, index in _PARTS.items()
    }
    return MotionScores(
        lips=lip_speech_correlation(opening, energy, voice),
        lip_amplitude=float(spoken.std()) if len(spoken) > 1 else float("nan"),
        closed=lips_closed_in_silence(opening, voice),
        blinks=blink_rate(motion, motion.fps),
        amplitude={part: amplitude(motion, part) for part in GESTURE_PARTS},
        speed={part: speed(motion, part) for part in GESTURE_PARTS},
        jitter=trembling,
    )


def mean_numbers(scores: Sequence[MotionScores]) -> dict[str, float]:
    """The mean of every number over the motions that show it; NaN where none does."""
    rows = [score.numbers() for score in scores]
    mean = {}
    for name in rows[0]:
        known = [row[name] for row in rows if np.isfinite(row[name])]
        mean[name] = float(np.mean(known)) if known else float("nan")
    return mean
