"""The motion generator of the default presets: the masked generator of Contextual Gesture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..keypoints.motion import Motion
from ..speech.track import SpeechFeatures
from ..weights import locate
from .checkpoint import load_generator, load_tokenizers
from .finish import FOR_TOKENS, Finishing, RawMotion
from .generator import NOBODY, Condition, Stream
from .infill import STREAMS, infill
from .inputs import check_inputs
from .lips import opening
from .masking import fill_in
from .quantizer import UNUSED
from .seeds import noise
from .vectors import BODY_DIMS, describe, to_motion

# Frames at a time of what is made without tokens.
PIECE = 500


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn in one stream.

    temperature: of the base tokens; 0 takes the likeliest. The residual levels give their expected
    codes instead: nothing tells them within hundreds of codes, and any one of those, chosen frame
    by frame, makes the motion flicker (wrists at twice their speed on training clips).
    guidance: 1 is none; above, the logits are pushed away from those without speech.
    """

    temperature: float = 1.0
    guidance: float = 1.0


@dataclass(frozen=True)
class ContextualOptions:
    """How motion is generated.

    iterations: of filling in masked tokens (Contextual Gesture: 5 is best). context: known frames
    that a window begins with, taken from the window before. lookahead: frames at a window's end
    that the next window makes anew, because their own window does not hear what follows them.
    face, body: lips must go with the sound, so the face is guided; many gestures are right, so the
    body is not, which halves its time. residual: without it, the base tokens alone are decoded
    (Contextual Gesture's ablation "w/o res"). choice_noise: on the order in which tokens are kept
    (`masking.fill_in`). Without it the surest are those that repeat a known neighbour, from where
    the same token spreads over the window, and from that over all that follow: a minute of speech
    ended with hands that hold still in one place (98 of 100 body tokens repeated the one before;
    87 do in training clips, 86 with this noise). A calmer body (temperature 0.7) does so again
    after some minutes. finishing: what is done to it behind the generator.
    """

    iterations: int = 5
    context: int = 16
    lookahead: int = 8
    face: Sampling = Sampling(temperature=0.9, guidance=2.0)
    body: Sampling = Sampling(temperature=0.85)
    residual: bool = True
    choice_noise: float = 4.5
    finishing: Finishing = FOR_TOKENS


class ContextualGenerator:
    """`MotionGenerator`: speech and a reference pose -> motion, window by window.

    tokenizer, weights: registered names or paths of .safetensors files. speech_encoder: the name
    of the one whose features the weights were trained on, as they tell.
    Raises: WeightsError where weights are missing or damaged.
    """

    name = "contextual"
    fps = 25.0

    def __init__(
        self,
        tokenizer: str = "motion-tokenizer",
        weights: str = "motion-generator",
        options: ContextualOptions | None = None,
        device: str = "auto",
    ) -> None:
        # Four million weights and windows of 80 frames: a CPU has them done before an
        # accelerator has warmed up, and gives the same numbers everywhere.
        self.device = torch.device("cpu" if device == "auto" else device)
        self.options = options or ContextualOptions()
        pair = load_tokenizers(locate(tokenizer))
        self.generator, self.people = load_generator(locate(weights))
        self.generator.to(self.device)
        self.speech_encoder = self.generator.options.speech_encoder
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
    ) -> RawMotion:
        """See `MotionGenerator`. Any length; time grows with it, memory by about 2 KB a frame."""
        self.check(speech, reference)
        face, body = (
            self._vectors(part, speech.features, reference, noise(seed, part)) for part in STREAMS
        )
        expected = self.expected_opening(speech.features, reference)
        return RawMotion.of(to_motion(face, body, reference), expected, self.options.finishing)

    def infill(
        self,
        speech: SpeechFeatures,
        motion: Motion,
        span: tuple[int, int],
        *,
        streams: tuple[str, ...] = STREAMS,
        seed: int = 0,
    ) -> RawMotion:
        """A span of a motion made anew in the context of the rest; see `infill.infill`."""
        return infill(self, speech, motion, span, streams=streams, seed=seed)

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

    def check(self, speech: SpeechFeatures, reference: Motion) -> None:
        check_inputs(self, self.generator.options.speech_channels, speech, reference)

    def _vectors(
        self, part: str, features: np.ndarray, reference: Motion, drawn: torch.Generator
    ) -> np.ndarray:
        """Motion vectors of one stream, [T, D]. drawn: its noise.

        The `lookahead` frames that two windows made fade from the first one's codes to the
        second one's, and all are decoded in one piece: the decoder's convolutions see the codes of
        both sides.
        """
        tokenizer = self.tokenizers[part]
        length, window = len(features), self.generator.options.window
        levels = self.generator.options.levels
        context, ahead = self.options.context, self.options.lookahead
        # Behind the end, the last frame's sound is held.
        padded = np.pad(features, ((0, window), (0, 0)), mode="edge")
        latents = torch.zeros(1, length + window, tokenizer.options.code_dim, device=self.device)
        rise = torch.sin(torch.linspace(0, torch.pi / 2, ahead + 2, device=self.device)[1:-1]) ** 2
        tokens = None
        for start in self.window_starts(length):
            first = max(0, start - context)
            known = torch.full((1, window, levels), UNUSED, device=self.device)
            if tokens is not None:
                known[:, :context] = tokens[:, -ahead - context : -ahead]
            speaker = self.speaker(part, padded[first : first + window], reference, start == 0)
            tokens, codes = self.window(part, speaker, known, drawn)
            codes = codes[:, start - first :]
            if start > 0:
                before = latents[:, start : start + ahead]
                codes[:, :ahead] = torch.lerp(before, codes[:, :ahead], rise[:, None])
            latents[:, start : first + window] = codes
        return tokenizer.decode_long(latents[:, :length])[0].cpu().numpy()

    def speaker(self, part: str, features: np.ndarray, reference: Motion, starts: bool) -> Speaker:
        """What is said in a window of features [window, C], and from which pose."""
        return Speaker(
            self.generator.streams[part],
            *self._inputs(features, reference),
            starts=starts,
            guidance=self._sampling(part).guidance,
        )

    def _inputs(self, features: np.ndarray, reference: Motion) -> tuple[Tensor, Tensor]:
        """The networks' inputs [1, T, C] and [1, 348] of features [T, C] and a reference."""
        described = describe(reference.points[0], reference.confidence[0])
        speech, known = (
            torch.from_numpy(np.array(x, dtype=np.float32))[None].to(self.device)
            for x in (features, described)
        )
        return self.generator.normalise(speech, known)

    def expected_opening(self, features: np.ndarray, reference: Motion) -> np.ndarray:
        """The lip opening that speech alone lets expect, [T] in shoulder widths."""
        face = self.regressed("face", features, reference)
        return opening(to_motion(face, np.zeros((len(face), BODY_DIMS), np.float32), reference))

    def regressed(self, part: str, features: np.ndarray, reference: Motion) -> np.ndarray:
        """The motion vectors of a stream that speech alone lets expect, [T, D], without tokens.

        Made in pieces, each with as much around it as the speech encoder hears.
        """
        stream, spread = self.generator.streams[part], self.tokenizers[part].spread
        margin = stream.speech.hearing
        starts = torch.tensor([False], device=self.device)
        speaker = torch.tensor([NOBODY], device=self.device)
        pieces = []
        for start in range(0, len(features), PIECE):
            first = max(0, start - margin)
            inputs = self._inputs(features[first : start + PIECE + margin], reference)
            regressed = stream.regressed(stream.condition(*inputs, starts, speaker)) * spread
            pieces.append(regressed[0, start - first :][:PIECE].cpu().numpy())
        return np.concatenate(pieces)

    def _sampling(self, part: str) -> Sampling:
        return self.options.face if part == "face" else self.options.body

    def window(
        self, part: str, speaker: Speaker, known: Tensor, drawn: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """One window's tokens [1, window, Q], and the sum of their codes [1, window, D], the
        residual levels by their expected codes. known: [1, window, Q], `UNUSED` in the frames to
        be made; the others' tokens stay."""
        sampling, options = self._sampling(part), self.generator.options
        fixed = known[..., 0] != UNUSED
        base = fill_in(
            speaker.base,
            known[..., 0].where(fixed, torch.tensor(options.codes, device=self.device)),
            options.codes,
            self.options.iterations,
            sampling.temperature,
            drawn,
            self.options.choice_noise,
        )
        tokens = base[..., None]
        quantizer = self.tokenizers[part].quantizer
        codes = quantizer.lookup(tokens)
        for level in range(1, options.levels):
            logits = speaker.residual(tokens)
            if self.options.residual:
                codes = codes + logits.softmax(-1) @ quantizer.books[level].codes
            found = torch.where(fixed, known[..., level], logits.argmax(-1))
            tokens = torch.cat([tokens, found[..., None]], -1)
        return tokens, codes


class Speaker:
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
