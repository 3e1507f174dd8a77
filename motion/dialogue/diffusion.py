"""Motions of two people in talk by diffusion, made together: Co3Gesture in 2D."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ...keypoints.motion import Motion
from ...speech.track import SpeechFeatures
from ...weights import locate
from ..diffusion.noise import SamplerOptions, draw, guide, sample
from ..diffusion.windows import Windows
from ..finish import FOR_DIFFUSION, Finishing, RawMotion
from ..inputs import check_inputs, pose_of
from ..lips import opening
from ..seeds import noise
from ..vectors import BODY_DIMS, FACE_DIMS, to_motion
from .checkpoint import load_pair
from .network import Pair
from .talk import Talk, first_speaker, monologue


@dataclass(frozen=True)
class DialogueOptions:
    """How motions are generated.

    sampler: see `SamplerOptions`. lookahead: frames at a window's end that the next window makes
    anew. guidance: 1 is none; above, away from what would be made without speech. finishing: what
    is done to the made motions; they come smoother than drawn tokens.
    """

    sampler: SamplerOptions = field(default_factory=SamplerOptions)
    lookahead: int = 8
    guidance: float = 1.5
    finishing: Finishing = FOR_DIFFUSION


class DialogueDiffusion:
    """`DialogueGenerator`, and `MotionGenerator` for somebody who talks to a silent partner.

    weights: a registered name or the path of a .safetensors file. speech_encoder: the name
    of the one whose features they were trained on, as they tell.
    Raises: WeightsError where weights are missing or damaged; UsageError for a lookahead that
    leaves nothing of the network's windows.
    """

    name = "dialogue"
    fps = 25.0

    def __init__(
        self,
        weights: str = "dialogue",
        options: DialogueOptions | None = None,
        device: str = "auto",
    ) -> None:
        # As with the other motion generators, a CPU is quick enough for networks of this size.
        self.device = torch.device("cpu" if device == "auto" else device)
        self.options = options or DialogueOptions()
        self.network = load_pair(locate(weights)).to(self.device)
        sizes = self.network.options
        self.speech_encoder = sizes.speech_encoder
        self.windows = Windows(sizes.window, sizes.history, self.options.lookahead)

    def generate(
        self,
        speech: SpeechFeatures,
        reference: Motion,
        *,
        seed: int = 0,
    ) -> RawMotion:
        """See `MotionGenerator`."""
        return self.converse(monologue(speech), (reference, reference), seed=seed)[0]

    @torch.inference_mode()
    def converse(
        self,
        talk: Talk,
        references: tuple[Motion, Motion],
        *,
        seed: int = 0,
    ) -> tuple[RawMotion, RawMotion]:
        """See `DialogueGenerator`. Any length; time grows with it, memory by 8 KB a frame."""
        channels = self.network.options.speech_channels
        check_inputs(self, channels, talk.mix, references[0])
        for speech, reference in zip(talk.sides, references, strict=True):
            check_inputs(self, channels, speech, reference)
        # Noise is drawn for who speaks first, then for the other one: it goes with the voices.
        if first_speaker(talk) == 1:
            made = self._made(talk.swapped(), references[::-1], seed)[::-1]
        else:
            made = self._made(talk, references, seed)
        first, second = (
            self._raw(vectors, reference)
            for vectors, reference in zip(made, references, strict=True)
        )
        return first, second

    def window_starts(self, length: int) -> list[int]:
        """The first frames that each window makes, for motions of ``length`` frames."""
        return self.windows.starts(length)

    def _made(
        self, talk: Talk, references: tuple[Motion, ...], seed: int
    ) -> tuple[np.ndarray, ...]:
        """For each side motion vectors, and what speech alone lets expect of them: [T, 2 D]."""
        # One network denoises both people: they are one stream.
        drawn = noise(seed, "talk")
        poses = [pose_of(reference, self.device) for reference in references]
        seen = poses[0].seen, poses[1].seen

        def make(heard: list[Tensor], before: Tensor) -> Tensor:
            # All four are windowed alike: both motions, and what speech lets expect.
            left, _, right, _ = before.chunk(4, -1)
            return self._window(heard, (left, right), seen, drawn)

        first = torch.cat([pose.vector for pose in poses for _ in range(2)])
        tracks = [speech.features for speech in (*talk.sides, talk.mix)]
        found = self.windows.fill(make, tracks, first)
        left, right = np.split(found, 2, axis=1)
        return left, right

    def _window(
        self, features: list[Tensor], history: Pair, seen: Pair, drawn: torch.Generator
    ) -> Tensor:
        """One window of both, [window, 4 D]: left motion and expectation, then right ones.

        features: left, right and mix, [1, window, C]; history: [1, H, D] each; seen: [D] bool
        each, dimensions that the reference shows.
        """
        network, sizes = self.network, self.network.options
        past = tuple(
            network.normalise(frames).where(shown, 0.0)
            for frames, shown in zip(history, seen, strict=True)
        )
        left, right, mix = (network.hear(track) for track in features)
        start = draw((2, sizes.window, sizes.dims), drawn, self.device)

        def denoise(noisy: Tensor, step: Tensor, heard: bool = True) -> Tensor:
            speech = [left, right, mix]
            if not heard:
                speech = [network.unheard.expand_as(track) for track in speech]
            made = network(
                (noisy[:1], noisy[1:]), step[:1], past, (speech[0], speech[1]), speech[2]
            )
            return torch.cat(made)

        def predict(noisy: Tensor, step: Tensor) -> Tensor:
            heard = denoise(noisy, step)
            if self.options.guidance == 1:
                return heard
            return guide(heard, denoise(noisy, step, heard=False), self.options.guidance)

        # At the last step nothing but noise is left of the sample: what the network still tells
        # of it is the mean of all that may be, given speech and history.
        last = torch.full((1,), sizes.noise.steps - 1, device=self.device)
        expected = denoise(start, last)
        made = sample(predict, start, sizes.noise, self.options.sampler, drawn)
        parts = [made[0], expected[0], made[1], expected[1]]
        return torch.cat([network.restore(part) for part in parts], 1)

    def _raw(self, made: np.ndarray, reference: Motion) -> RawMotion:
        """One side's vectors and what speech lets expect of them, [T, 2 D], as motion."""
        motion, expected = (
            to_motion(part[:, :FACE_DIMS], part[:, -BODY_DIMS:], reference)
            for part in np.split(made, 2, axis=1)
        )
        return RawMotion.of(motion, opening(expected), self.options.finishing)
