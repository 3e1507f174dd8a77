"""WavLM-large, the papers' speech encoder, beside the mel encoder's features.

Chen et al., "WavLM: Large-scale self-supervised pre-training for full stack speech processing",
IEEE JSTSP 16(6), 2022. Its weights (1.2 GB, MIT licence) are fetched once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import WeightsError
from .features import MelEncoder
from .frame_clock import on_frame_clock
from .track import SAMPLE_RATE, Speech, SpeechFeatures

if TYPE_CHECKING:
    from transformers import WavLMModel

REPOSITORY = "microsoft/wavlm-large"
# The model's convolutions take 400 samples a row and step by 320, so row k is centred at
# sample 320 k + 200.
_STEP, _FIRST = 320, 200
# Attention is quadratic: half a minute takes 2 GB. The context on both sides is thrown away, so
# that pieces meet where both have heard what comes before and after.
_PIECE_SECONDS, _CONTEXT_SECONDS = 20, 5


class WavLMEncoder:
    """Speech -> [T, 1024 + 166]: WavLM's last layer, then the mel encoder's channels.

    (1024 is WavLM-large's width; another model brings its own.)
    """

    name = "wavlm"

    def __init__(self, model: str | Path = REPOSITORY, device: str = "auto") -> None:
        """model: a repository on the Hugging Face hub, or a folder with config and weights.
        device: as torch names it; "auto" takes a GPU where there is one.

        Raises: WeightsError where they are neither there nor to be fetched.
        """
        self.device = choose_device() if device == "auto" else device
        self._model = _load(model).to(self.device).eval()
        self._normalise = _wants_normalising(model)
        self._mel = MelEncoder()
        self.channels = self._model.config.hidden_size + self._mel.channels

    def encode(self, speech: Speech, fps: float) -> SpeechFeatures:
        """Features of T = speech.num_frames(fps) frames, WavLM's 50 a second interpolated."""
        mel = self._mel.encode(speech, fps)
        learned = on_frame_clock(self._rows(speech.waveform), len(mel), fps, _STEP, _FIRST)
        return SpeechFeatures(
            features=np.concatenate([learned, mel.features], axis=1),
            voice=mel.voice,
            energy=mel.energy,
            onset=mel.onset,
            fps=fps,
        )

    def _rows(self, waveform: np.ndarray) -> np.ndarray:
        """[R, C] float32, row k for the sound about sample 320 k + 200."""
        import torch

        if self._normalise:
            # Over the whole recording, so that pieces fit together.
            waveform = (waveform - waveform.mean()) / np.sqrt(waveform.var() + 1e-7)
        rows = []
        for sound, kept in pieces(len(waveform)):
            values = torch.from_numpy(np.ascontiguousarray(waveform[sound], dtype=np.float32))
            with torch.inference_mode():
                hidden = self._model(values[None].to(self.device)).last_hidden_state[0]
            rows.append(hidden[kept].float().cpu().numpy())
        return np.concatenate(rows)


def pieces(samples: int) -> Iterator[tuple[slice, slice]]:
    """Overlapping spans of sound, and which rows of the model's answer to keep of each.

    The kept rows follow each other without gap or repetition over the whole recording.
    """
    piece = _PIECE_SECONDS * SAMPLE_RATE // _STEP
    context = _CONTEXT_SECONDS * SAMPLE_RATE // _STEP
    total = max(1, (samples - 2 * _FIRST) // _STEP + 1)
    for first in range(0, total, piece):
        last = min(first + piece, total)
        low, high = max(0, first - context), min(total, last + context)
        stop = samples if high == total else (high - 1) * _STEP + 2 * _FIRST
        yield slice(low * _STEP, stop), slice(first - low, last - low)


def choose_device() -> str:
    """A GPU where torch finds one, else the CPU."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _load(model: str | Path) -> WavLMModel:
    from transformers import WavLMModel

    try:
        return WavLMModel.from_pretrained(str(model))
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"the speech encoder {model} could not be loaded: {first_line(error)} "
            "Connect to the network once so that it is fetched, give a folder that holds its "
            "config.json and weights, or use the built-in encoder 'mel', which needs none."
        ) from error


def _wants_normalising(model: str | Path) -> bool:
    """What the model's own preprocessor says; WavLM-large was trained on normalised sound."""
    from transformers import AutoFeatureExtractor

    try:
        return bool(AutoFeatureExtractor.from_pretrained(str(model)).do_normalize)
    except (OSError, ValueError):
        return True


def first_line(error: Exception) -> str:
    """What an error says first; its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
