"""Whisper's encoder: what was said, phone by phone, in any of a hundred languages.

Radford et al., "Robust speech recognition via large-scale weak supervision", 2022. The embedded
weights are those of the tiny model, quantised to 8 bits (`weights/whisper.md`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import WeightsError
from ...weights import locate
from ..frame_clock import on_frame_clock
from ..track import SAMPLE_RATE, Speech, SpeechFeatures
from .mel import MelEncoder

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# Whisper hears windows of one length, silence behind what is shorter, and answers 50 rows a second:
# row k is centred at sample 320 k. A file tells its window in its metadata; published ones do not,
# and hear 30 s.
STEP = 320
ROWS_PER_SECOND = SAMPLE_RATE // STEP
WINDOW_KEY, USUAL_WINDOW = "window_seconds", 30
# Rows that two windows share. Those nearest to a window's edge lack its context and are not used;
# over the others one window fades into the next, for the same sound reads slightly otherwise in
# another window.
OVERLAP, UNUSED = 150, 25
_INPUT, _OUTPUT = "input_features", "last_hidden_state"


class WhisperEncoder:
    """Speech -> [T, C]: the last hidden state of Whisper's encoder (C = 384 for tiny).

    The sum of the network's 8-bit products is exact, and so the features are the same for every
    number of threads.
    """

    def __init__(self, weights: str = "whisper-tiny-encoder", with_mel: bool = False) -> None:
        """weights: a registered name, or the path of an .onnx file of another Whisper encoder.
        with_mel: the channels of `MelEncoder` follow.

        Raises: WeightsError where the weights are missing, damaged, or no such encoder.
        """
        self.name = "whisper+mel" if with_mel else "whisper"
        self._with_mel = with_mel
        self._mel = MelEncoder()
        self._session, self._width = _load(locate(weights))
        described = self._session.get_modelmeta().custom_metadata_map
        self.window_seconds = int(described.get(WINDOW_KEY, USUAL_WINDOW))
        self.channels = self._width + with_mel * self._mel.channels

    def encode(self, speech: Speech, fps: float) -> SpeechFeatures:
        """Features of T = speech.num_frames(fps) frames, Whisper's rows interpolated.

        Voice activity, energy and onsets are the mel encoder's.
        """
        return self.beside(speech, self._mel.encode(speech, fps))

    def beside(self, speech: Speech, mel: SpeechFeatures) -> SpeechFeatures:
        """`encode`, where the mel encoder's features of the same speech are known already."""
        learned = on_frame_clock(self.rows(speech.waveform), len(mel), mel.fps, STEP)
        return replace(
            mel,
            features=np.concatenate([learned, mel.features], 1) if self._with_mel else learned,
        )

    def rows(self, waveform: np.ndarray) -> np.ndarray:
        """[S] -> [ceil(S / 320), C] float32, row k for the sound about sample 320 k."""
        total = max(1, -(-len(waveform) // STEP))
        rows = np.zeros((total, self._width), np.float32)
        for first, share in windows(total, self.window_seconds * ROWS_PER_SECOND):
            sound = waveform[first * STEP :][: self.window_seconds * SAMPLE_RATE]
            mel = log_mel(sound, self.window_seconds)
            heard = self._session.run([_OUTPUT], {_INPUT: mel[None]})[0][0]
            rows[first : first + len(share)] += share[:, None] * heard[: len(share)]
        return rows


def whisper_and_mel(weights: str = "whisper-tiny-encoder") -> WhisperEncoder:
    """Whisper's encoder beside mel features and prosody: the speech encoder `whisper+mel`."""
    return WhisperEncoder(weights, with_mel=True)


def log_mel(sound: np.ndarray, seconds: int) -> np.ndarray:
    """At most so many seconds of sound, [S] at 16 kHz -> [80, 100 x seconds] float32, as Whisper
    was trained; silence fills what is missing."""
    from transformers import WhisperFeatureExtractor

    extract = WhisperFeatureExtractor(chunk_length=seconds)
    sound = np.asarray(sound, dtype=np.float32)
    return extract(sound, sampling_rate=SAMPLE_RATE, return_tensors="np").input_features[0]


def windows(total: int, rows: int) -> Iterator[tuple[int, np.ndarray]]:
    """The first of each window's rows, and its share [n] in 0..1 of each of them.

    The shares of all windows add up to 1 in every one of ``total`` rows.
    """
    ramp = np.clip((np.arange(OVERLAP) - UNUSED + 0.5) / (OVERLAP - 2 * UNUSED), 0, 1)
    first = 0
    while True:
        last = first + rows >= total
        share = np.ones(min(rows, total - first))
        if first:
            share[:OVERLAP] = ramp[: len(share)]
        if not last:
            share[-OVERLAP:] = 1 - ramp
        yield first, share.astype(np.float32)
        if last:
            return
        first += rows - OVERLAP


def _load(path: Path) -> tuple[InferenceSession, int]:
    """The network, and its width."""
    import onnxruntime

    if not path.is_file():
        raise WeightsError(f"No Whisper encoder at {path}. Give the path of an .onnx file.")
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), quiet, ["CPUExecutionProvider"])
    except Exception as error:
        raise WeightsError(f"{path} cannot be loaded as an ONNX model: {error}") from error
    outputs = {output.name: output.shape for output in session.get_outputs()}
    inputs = [given.name for given in session.get_inputs()]
    if inputs != [_INPUT] or _OUTPUT not in outputs:
        raise WeightsError(
            f"{path} takes {', '.join(inputs)} and gives {', '.join(outputs)}; expected a Whisper "
            f"encoder, which takes {_INPUT} and gives {_OUTPUT}."
        )
    return session, int(outputs[_OUTPUT][-1])
