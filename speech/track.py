"""What is known of a speech recording: its sound, and its features on the video's frame clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

SAMPLE_RATE = 16_000


@dataclass(frozen=True)
class Speech:
    """A mono recording.

    waveform: [S] float32 in -1..1, at 16 kHz.
    source: the file it was read from (its sound goes into the video untouched), or None.
    """

    waveform: np.ndarray
    source: Path | None = None

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.waveform) / SAMPLE_RATE

    def num_frames(self, fps: float) -> int:
        """Frames of the video that this speech fills: round(duration * fps), at least one."""
        return max(1, round(self.duration * fps))


@dataclass(frozen=True)
class Word:
    """A spoken word and its span in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class SpeechFeatures:
    """Speech on a frame clock: row t belongs to the span [t, t + 1) / fps seconds.

    features: [T, C] float32, what the motion generator reads; C is the encoder's ``channels``.
    voice: [T] float32 in 0..1, 1 where somebody speaks.
    energy: [T] float32, RMS loudness in dB relative to full scale, not below -80.
    onset: [T] float32, onset strength, >= 0.
    fps: frames per second.
    words: the words with their times, empty where no recogniser ran.
    lips: [T, 4], what the speaker's mouth does, as `motion.lip_network.LipNetwork` tells it; None
    where no lip model heard the speech.
    """

    features: np.ndarray
    voice: np.ndarray
    energy: np.ndarray
    onset: np.ndarray
    fps: float
    words: tuple[Word, ...] = ()
    lips: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, frames: slice | np.ndarray) -> SpeechFeatures:
        """Some rows of it, by a slice or by their indices; words are left out."""
        return replace(
            self,
            features=self.features[frames],
            voice=self.voice[frames],
            energy=self.energy[frames],
            onset=self.onset[frames],
            words=(),
            lips=None if self.lips is None else self.lips[frames],
        )


class Encoder(Protocol):
    """What this package's own code needs of a speech encoder; its contract is `SpeechEncoder`'s in
    the pipelines, which lower folders do not import."""

    name: str
    channels: int

    def encode(self, speech: Speech, fps: float) -> SpeechFeatures: ...
