"""The motion generator of Democratizing (Yang et al. 2025): skeletons by diffusion."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ...keypoints.motion import Motion
from ...speech.track import SpeechFeatures
from ...weights import locate
from ..finish import FOR_DIFFUSION, Finishing, RawMotion
from ..inputs import check_inputs, pose_of
from ..lips import opening
from ..seeds import noise
from ..vectors import BODY_DIMS, FACE_DIMS, to_motion
from .checkpoint import load_skeleton
from .noise import SamplerOptions, draw, guided, sample
from .windows import Windows


@dataclass(frozen=True)
class SkeletonDiffusionOptions:
    """How motion is generated.

    sampler: see `SamplerOptions`. lookahead: frames at a window's end that the next window makes
    anew. face_guidance, body_guidance: 1 is none; above, away from what would be made without
    speech (the public model: 3.5 for all). expected_lips: the lips open as speech lets expect,
    which is what the network tells of pure noise; else as drawn.
    """

    sampler: SamplerOptions = field(default_factory=lambda: SamplerOptions(steps=20))
    lookahead: int = 8
    face_guidance: float = 2.0
    body_guidance: float = 2.0
    expected_lips: bool = True
    finishing: Finishing = FOR_DIFFUSION


class SkeletonDiffusionGenerator:
    """`MotionGenerator`: speech and a reference pose -> motion, window by window.

    weights: a registered name or the path of a .safetensors file. speech_encoder: the name
    of the one whose features they were trained on, as they tell.
    Raises: WeightsError where weights are missing or damaged; UsageError for a lookahead that
    leaves nothing of the network's windows.
    """

    name = "skeleton-diffusion"
    fps = 25.0

    def __init__(
        self,
        weights: str = "skeleton-diffusion",
        options: SkeletonDiffusionOptions | None = None,
        device: str = "auto",
    ) -> None:
        # As with the masked generator, a CPU is quick enough for networks of this size.
        self.device = torch.device("cpu" if device == "auto" else device)
        self.options = options or SkeletonDiffusionOptions()
        self.network = load_skeleton(locate(weights)).to(self.device)
        sizes = self.network.options
        self.speech_encoder = sizes.speech_encoder
        self.windows = Windows(sizes.window, sizes.history, self.options.lookahead)
        guidance = [self.options.face_guidance] * FACE_DIMS
        guidance += [self.options.body_guidance] * BODY_DIMS
        self.guidance = torch.tensor(guidance, device=self.device)

    @torch.inference_mode()
    def generate(
        self,
        speech: SpeechFeatures,
        reference: Motion,
        *,
        seed: int = 0,
    ) -> RawMotion:
        """See `MotionGenerator`. Any length; time grows with it, memory by about 4 KB a frame."""
        sizes = self.network.options
        check_inputs(self, sizes.speech_channels, speech, reference)
        # One network denoises face and body together: they are one stream.
        drawn = noise(seed, "motion")
        pose = pose_of(reference, self.device)

        def make(heard: list[Tensor], before: Tensor) -> Tensor:
            # Both halves are windowed alike: the motion, and what speech lets expect.
            history = before[..., : sizes.dims]
            return torch.cat(self._window(heard[0], history, pose.seen, drawn), -1)

        found = self.windows.fill(make, [speech.features], pose.vector.repeat(2))
        made, expected = np.split(found, 2, axis=1)
        lips = opening(self._motion(expected, reference)) if self.options.expected_lips else None
        return RawMotion.of(self._motion(made, reference), lips, self.options.finishing)

    def window_starts(self, length: int) -> list[int]:
        """The first frames that each window makes, for a motion of ``length`` frames."""
        return self.windows.starts(length)

    def _window(
        self, features: Tensor, history: Tensor, seen: Tensor, drawn: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """A window's motion vectors [window, D], and those that speech lets expect.

        features: [1, window, C]; history: [1, H, D], the frames before; seen: [D] bool, dimensions
        that the reference shows.
        """
        network, options = self.network, self.network.options
        history = network.normalise(history).where(seen, 0.0)
        start = draw((1, options.window, options.dims), drawn, self.device)
        heard = network.hear(features)

        def tell(noisy: Tensor, step: Tensor, speech: Tensor) -> Tensor:
            return network(noisy, step, history.expand(len(noisy), -1, -1), speech)

        # At the last step nothing but noise is left of the sample: what the network still tells
        # of it is the mean of all that may be, given speech and history.
        last = torch.full((1,), options.noise.steps - 1, device=self.device)
        expected = tell(start, last, heard)
        predict = guided(tell, heard, network.unheard, self.guidance)
        made = sample(predict, start, options.noise, self.options.sampler, drawn)
        return network.restore(made)[0], network.restore(expected)[0]

    def _motion(self, vectors: np.ndarray, reference: Motion) -> Motion:
        """Vectors [T, 232] as motion."""
        return to_motion(vectors[:, :FACE_DIMS], vectors[:, FACE_DIMS:], reference)
