"""The motion generator of the default presets: the masked generator of Contextual Gesture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import UsageError
from ..keypoints.motion import Motion
from ..speech.track import SpeechFeatures
from .checkpoint import load_generator, load_tokenizers
from .finish import finish
from .generator import NOBODY, Condition, Stream
from .masking import draw, fill_in
from .tokenizer import MotionTokenizer
from .vectors import describe, to_motion


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn in one stream.

    temperature: of the base tokens; residual_temperature: of the others; 0 takes the likeliest.
    guidance: 1 is none; above, the logits are pushed away from those without speech.
    """

    temperature: float = 1.0
    residual_temperature: float = 0.0
    guidance: float = 1.0


@dataclass(frozen=True)
class ContextualOptions:
    """How motion is generated.

    iterations: of filling in masked tokens (Contextual Gesture: 5 is best). context: known frames
    that a window begins with, taken from the window before. lookahead: frames at a window's end
    that the next window makes anew, because their own window does not hear what follows them.
    face: lips must be right, so the likeliest tokens; body: many gestures are right.
    """

    iterations: int = 5
    context: int = 16
    lookahead: int = 8
    face: Sampling = Sampling(temperature=0.5, guidance=1.5)
    body: Sampling = Sampling(temperature=0.9)


class ContextualGenerator:
    """`MotionGenerator`: speech and a reference pose -> motion, window by window.

    tokenizer, weights: registered names or paths of .safetensors files.
    Raises: WeightsError where weights are missing or damaged.
    """

    name = "contextual"
    fps = 25.0
    speech_encoder = "mel"

    def __init__(
        self,
        tokenizer: str = "motion-tokenizer",
        weights: str = "motion-generator",
        options: ContextualOptions | None = None,
        device: str = "auto",
    ) -> None:
        # Two million weights and windows of 80 frames: a CPU has them done before an
        # accelerator has warmed up, and gives the same numbers everywhere.
        self.device = torch.device("cpu" if device == "auto" else device)
        self.options = options or ContextualOptions()
        pair = load_tokenizers(_file(tokenizer))
        self.generator, self.people = load_generator(_file(weights))
        self.generator.to(self.device)
        self.tokenizers = {
            "face": pair.face.to(self.device),
            "body": pair.body.to(self.device),
        }

    @torch.inference_mode()
    def generate(
        self,
        speech: SpeechFeatures,
        reference: Motion,
        *,
        seed: int = 0,
        expressiveness: float = 1.0,
    ) -> Motion:
        """See `MotionGenerator`. Any length; time grows with it, memory by about 2 KB a frame."""
        self._check(speech, reference)
        noise = torch.Generator().manual_seed(seed)
        face, body = (
            self._decode(part, self._tokens(part, speech.features, reference, noise))
            for part in ("face", "body")
        )
        motion = to_motion(face, body, reference)
        return finish(motion, speech.voice, reference, seed, expressiveness)

    def window_starts(self, length: int) -> list[int]:
        """The first frames that each window decides, for a motion of ``length`` frames.

        The first window sees `window` new frames, the others `context` less; each leaves its last
        `lookahead` frames to the next one, if there is one.
        """
        window, options = self.generator.options.window, self.options
        starts = [0]
        while starts[-1] + window - (options.context if starts[-1] else 0) < length:
            first = starts[-1] - options.context if starts[-1] else 0
            starts.append(first + window - options.lookahead)
        return starts

    def _check(self, speech: SpeechFeatures, reference: Motion) -> None:
        channels = self.generator.options.speech_channels
        if speech.features.shape[1] != channels or speech.fps != self.fps:
            raise UsageError(
                f"The motion generator {self.name!r} reads {channels} channels at {self.fps:g} "
                f"frames a second from the speech encoder {self.speech_encoder!r}, got "
                f"{speech.features.shape[1]} at {speech.fps:g}. Use that encoder."
            )
        if len(reference) != 1:
            raise ValueError(f"the reference must be one frame, got {len(reference)}")

    def _tokens(
        self, part: str, features: np.ndarray, reference: Motion, noise: torch.Generator
    ) -> Tensor:
        """Tokens of one stream, [1, T, Q]."""
        stream = self.generator.streams[part]
        length, window = len(features), self.generator.options.window
        context = self.options.context
        # Behind the end, the last frame's sound is held.
        padded = np.pad(features, ((0, window), (0, 0)), mode="edge")
        described = torch.from_numpy(describe(reference.points[0], reference.confidence[0]))
        levels = self.generator.options.levels
        tokens = torch.zeros(1, length + window, levels, dtype=torch.long, device=self.device)
        for start in self.window_starts(length):
            first = max(0, start - context)
            sound = torch.from_numpy(np.ascontiguousarray(padded[first : first + window]))
            speaker = _Speaker(
                stream,
                *self.generator.normalise(
                    sound[None].to(self.device), described[None].to(self.device)
                ),
                starts=start == 0,
                guidance=self._sampling(part).guidance,
            )
            known = tokens[:, first:start]
            tokens[:, first : first + window] = self._window(part, speaker, known, noise)
        return tokens[:, :length]

    def _sampling(self, part: str) -> Sampling:
        return self.options.face if part == "face" else self.options.body

    def _window(
        self, part: str, speaker: _Speaker, known: Tensor, noise: torch.Generator
    ) -> Tensor:
        """Tokens of one window, [1, window, Q]; known: [1, K, Q] of its first frames."""
        sampling, options = self._sampling(part), self.generator.options
        fixed = known.shape[1]
        base = torch.full((1, options.window), options.codes, dtype=torch.long, device=self.device)
        base[:, :fixed] = known[..., 0]
        base = fill_in(
            speaker.base,
            base,
            options.codes,
            self.options.iterations,
            sampling.temperature,
            noise,
        )
        tokens = base[..., None]
        for level in range(1, options.levels):
            found, _ = draw(speaker.residual(tokens), sampling.residual_temperature, noise)
            found[:, :fixed] = known[..., level]
            tokens = torch.cat([tokens, found[..., None]], -1)
        return tokens

    def _decode(self, part: str, tokens: Tensor) -> np.ndarray:
        """Motion vectors [T, D] in one piece: where windows meet, the decoder's convolutions see
        the tokens of both, so that there is nothing to cross-fade."""
        tokenizer: MotionTokenizer = self.tokenizers[part]
        return tokenizer.decode(tokens)[0].cpu().numpy()


class _Speaker:
    """A stream's logits under one window's speech, with classifier-free guidance."""

    def __init__(
        self, stream: Stream, speech: Tensor, reference: Tensor, starts: bool, guidance: float
    ) -> None:
        self.stream, self.guidance = stream, guidance
        count = 1 if guidance == 1 else 2
        # With guidance, the second sample of the batch does not hear the speech.
        hide = torch.arange(count, device=speech.device) > 0
        self.condition: Condition = stream.condition(
            speech.expand(count, -1, -1),
            reference.expand(count, -1),
            torch.full((count,), starts, device=speech.device),
            torch.full((count,), NOBODY, device=speech.device),
            hide,
        )
        self.count = count

    def base(self, tokens: Tensor) -> Tensor:
        """[1, T] -> logits [1, T, K]."""
        return self._guided(self.stream.base_logits(tokens.expand(self.count, -1), self.condition))

    def residual(self, tokens: Tensor) -> Tensor:
        """[1, T, L] -> logits of the next level, [1, T, K]."""
        tokens = tokens.expand(self.count, -1, -1)
        return self._guided(self.stream.residual_logits(tokens, self.condition))

    def _guided(self, logits: Tensor) -> Tensor:
        if self.count == 1:
            return logits
        heard, unheard = logits.chunk(2)
        return unheard + self.guidance * (heard - unheard)


def _file(name: str) -> Path:
    if name.endswith(".safetensors"):
        return Path(name)
    from ..weights import resolve

    return resolve(name)
