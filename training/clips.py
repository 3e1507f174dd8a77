"""Windows of motion and speech drawn from a data set, with augmentation.

Every batch is a function of (seed, step, process) alone, so that a resumed run sees exactly the
batches it would have seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from ..datasets.load import mirrored
from ..motion.vectors import BODY_DIMS, FACE_DIMS, SEEN, describe, to_vectors
from ..speech.features import MEL_CHANNELS, MelEncoder
from ..speech.track import Word

MEL_LOOKS = 4


@dataclass(frozen=True)
class Clip:
    """One clip of one person.

    points: [T, 116, 2] and confidence: [T, 116], as in `Motion`. speech: [T, C] features, None
    without sound. voice: [T] in 0..1. energy: [T] dB. person: who it is. kind: of clip. name: of
    the clip. follows: whether the lips follow the sound (sync.py). words: with their times in the
    clip, where they are known.
    """

    points: np.ndarray
    confidence: np.ndarray
    speech: np.ndarray | None
    voice: np.ndarray
    energy: np.ndarray
    person: str
    kind: str
    name: str = ""
    follows: bool = True
    words: tuple[Word, ...] = ()

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True)
class Batch:
    """B windows of T frames.

    face: [B, T, 136], body: [B, T, 96] motion vectors. face_seen, body_seen: the same shapes,
    1 where the data knows, 0 elsewhere. valid: [B, T] bool, false where a clip ended before the
    window. speech: [B, T, C]. reference: [B, 348] description. starts: [B] bool, the window's
    first frame is the reference. speaker: [B] int64. follows: [B] bool, the lips go with the sound.
    """

    face: Tensor
    body: Tensor
    face_seen: Tensor
    body_seen: Tensor
    valid: Tensor
    speech: Tensor
    reference: Tensor
    starts: Tensor
    speaker: Tensor
    follows: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        return Batch(*(getattr(self, f.name).to(device) for f in fields(self)))


def augment_speech(speech: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another microphone, room and vocal tract for features [T, C] that end with `MelEncoder`'s.

    Loudness and a smooth colouring by up to about 5 dB, the mel bands moved by up to two (a
    vocal tract a sixth longer or shorter), noise, and now and then a few frames blanked.
    """
    speech = speech.copy()
    if speech.shape[1] >= MelEncoder.channels:
        own = speech[:, -MelEncoder.channels :]
        mel = own[:, :MEL_CHANNELS].reshape(len(speech), MEL_LOOKS, -1)
        bands = mel.shape[-1]
        shift = int(rng.integers(-2, 3))
        mel = mel[..., np.clip(np.arange(bands) + shift, 0, bands - 1)]
        tilt = np.interp(np.arange(bands), np.linspace(0, bands - 1, 5), rng.normal(0, 0.2, 5))
        loudness = rng.normal(0, 0.2)
        mel = np.clip(mel + tilt + loudness, -2.5, 3.0)
        own[:, :MEL_CHANNELS] = mel.reshape(len(speech), -1)
        own[:, MEL_CHANNELS] += loudness
    speech += rng.normal(0, rng.uniform(0, 0.15), speech.shape)
    if rng.random() < 0.3:
        start = int(rng.integers(len(speech)))
        speech[start : start + int(rng.integers(1, 6))] = speech.mean(0)
    return speech


class WindowSampler:
    """Draws batches of windows from clips.

    favoured: kind of clip -> how much more often than by its length it is drawn. people: the
    persons that have a row in the speaker table, in its order from row 1 on. known_speaker:
    chance that a sample is told its speaker.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        window: int,
        favoured: dict[str, float] | None = None,
        people: Sequence[str] = (),
        known_speaker: float = 0.0,
        augment: bool = True,
        seed: int = 0,
    ) -> None:
        if not clips:
            raise ValueError("no clip to draw windows from")
        self.clips, self.window, self.augment, self.seed = clips, window, augment, seed
        self.rows = {person: row for row, person in enumerate(people, start=1)}
        self.known_speaker = known_speaker
        channels = max(1 if clip.speech is None else clip.speech.shape[1] for clip in clips)
        self.silence = np.zeros((window, channels), np.float32)
        favoured = favoured or {}
        weight = np.array([len(clip) * favoured.get(clip.kind, 1.0) for clip in clips])
        self.chance = weight / weight.sum()

    def batch(self, step: int, size: int, process: int = 0) -> Batch:
        """The batch of a step: ``size`` windows."""
        rng = np.random.default_rng((self.seed, step, process))
        chosen = rng.choice(len(self.clips), size, p=self.chance)
        samples = [self._sample(self.clips[int(i)], rng) for i in chosen]
        return Batch(*(torch.from_numpy(np.stack(column)) for column in zip(*samples, strict=True)))

    def _sample(self, clip: Clip, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        start = int(rng.integers(max(1, len(clip) - self.window + 1)))
        frames = np.arange(start, start + self.window)
        valid = frames < len(clip)
        # A clip that ends early holds its last frame; the losses leave those frames out.
        frames = np.minimum(frames, len(clip) - 1)
        starts = rng.random() < 0.5
        at = start if starts else int(rng.integers(len(clip)))
        points, confidence = clip.points[frames], clip.confidence[frames]
        reference, reference_seen = clip.points[at], clip.confidence[at]
        if self.augment and rng.random() < 0.5:
            points, confidence = mirrored(points, confidence)
            reference, reference_seen = mirrored(reference, reference_seen)
        face, body = to_vectors(points)
        seen = np.repeat((confidence > SEEN) & valid[:, None], 2, axis=1).astype(np.float32)
        speech = self.silence if clip.speech is None else clip.speech[frames]
        if self.augment and clip.speech is not None:
            speech = augment_speech(speech, rng)
        told = rng.random() < self.known_speaker
        return (
            face,
            body,
            seen[:, :FACE_DIMS],
            seen[:, -BODY_DIMS:],
            valid,
            speech.astype(np.float32),
            describe(reference, reference_seen),
            np.array(starts),
            np.array(self.rows.get(clip.person, 0) if told else 0),
            np.array(clip.follows),
        )
