"""The lips of a speech: what the mouth does, told by the sound alone, behind any generator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from .. import registry
from ..speech.features import MelEncoder
from ..speech.features.whisper import WhisperEncoder
from ..speech.track import Encoder, Speech, SpeechFeatures
from ..weights import locate
from .lip_network import load_lips

# What the network was trained at.
FPS = 25.0


class LipModel:
    """Speech -> what its mouth does, [T, 4] as `LipNetwork` tells it."""

    def __init__(self, weights: str = "lips") -> None:
        """weights: a registered name, or the path of a .safetensors file.

        Raises: WeightsError where they, or those of their speech encoder, are missing or damaged.
        """
        self.network = load_lips(locate(weights))
        self.encoder = registry.build("speech_encoders", self.network.options.speech_encoder)

    def __call__(self, speech: Speech, known: SpeechFeatures | None = None) -> np.ndarray:
        """[T, 4] float32 at 25 frames a second.

        known: the mel encoder's features of the same speech at that rate, if they are there.
        """
        if known is not None and isinstance(self.encoder, WhisperEncoder):
            features = self.encoder.beside(speech, known)
        else:
            features = self.encoder.encode(speech, FPS)
        with torch.inference_mode():
            return self.network(torch.from_numpy(features.features)[None])[0].numpy()


class EncoderWithLips:
    """A speech encoder whose features bring the lips along."""

    def __init__(self, encoder: Encoder, model: LipModel) -> None:
        self.encoder, self.model = encoder, model
        self.name, self.channels = encoder.name, encoder.channels

    def encode(self, speech: Speech, fps: float) -> SpeechFeatures:
        """As the encoder's own, with `SpeechFeatures.lips`."""
        features = self.encoder.encode(speech, fps)
        known = features if isinstance(self.encoder, MelEncoder) and fps == FPS else None
        return replace(features, lips=_on_clock(self.model(speech, known), len(features), fps))


def _on_clock(lips: np.ndarray, frames: int, fps: float) -> np.ndarray:
    """[N, 4] at 25 frames a second -> [frames, 4], interpolated at the middle of every frame."""
    if fps == FPS and len(lips) == frames:
        return lips
    own = (np.arange(len(lips)) + 0.5) / FPS
    wanted = (np.arange(frames) + 0.5) / fps
    columns = [np.interp(wanted, own, column) for column in lips.T]
    return np.stack(columns, axis=1).astype(np.float32)
