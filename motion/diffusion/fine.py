"""The motion generator of FineGesture (Wan et al. 2025): diffusion of a VQ-VAE's latents."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ...errors import UsageError
from ...keypoints.motion import Motion
from ...speech.track import SpeechFeatures
from ...weights import locate
from ..finish import FOR_DIFFUSION, Finishing, RawMotion
from ..generator import NOBODY
from ..inputs import check_inputs, pose_of
from ..seeds import noise
from ..vectors import FACE_DIMS, to_motion
from .checkpoint import load_fine
from .groups import GROUPS
from .noise import SamplerOptions, draw, guided, sample
from .windows import Windows


@dataclass(frozen=True)
class FineGestureOptions:
    """How motion is generated.

    sampler: see `SamplerOptions`. lookahead: frames at a window's end that the next window makes
    anew. guidance: 1 is none; above, away from what would be made without speech. quantise: put
    latents on their codes, as the decoder was trained; without it nothing is rounded away.
    speaker: whose manner, a name of the generator's `people`; None is nobody's in particular.
    """

    sampler: SamplerOptions = field(default_factory=lambda: SamplerOptions(steps=16))
    lookahead: int = 8
    guidance: float = 4.0
    quantise: bool = True
    speaker: str | None = None
    finishing: Finishing = FOR_DIFFUSION


class FineGestureGenerator:
    """`MotionGenerator`: speech and a reference pose -> motion, window by window.

    weights: a registered name or the path of a .safetensors file. speech_encoder: the name
    of the one whose features they were trained on, as they tell.
    Raises: WeightsError where weights are missing or damaged; UsageError for a speaker that they
    don't know, and for a lookahead that leaves nothing of the network's windows.
    """

    name = "fine-gesture"
    fps = 25.0

    def __init__(
        self,
        weights: str = "fine-gesture",
        options: FineGestureOptions | None = None,
        device: str = "auto",
    ) -> None:
        self.device = torch.device("cpu" if device == "auto" else device)
        self.options = options or FineGestureOptions()
        loaded = load_fine(locate(weights))
        self.latents = loaded.latents.to(self.device)
        self.network = loaded.denoiser.to(self.device)
        self.people = loaded.people
        self.speaker = self._row(self.options.speaker)
        sizes = self.network.options
        self.speech_encoder = sizes.speech_encoder
        self.windows = Windows(sizes.window, sizes.history, self.options.lookahead)

    @torch.inference_mode()
    def generate(
        self,
        speech: SpeechFeatures,
        reference: Motion,
        *,
        seed: int = 0,
    ) -> RawMotion:
        """See `MotionGenerator`. Any length; time grows with it, memory by about 2 KB a frame."""
        check_inputs(self, self.network.options.speech_channels, speech, reference)
        # One network denoises face and body together: they are one stream.
        drawn = noise(seed, "motion")
        pose = pose_of(reference, self.device)

        def make(heard: list[Tensor], before: Tensor) -> Tensor:
            # What the photo does not show is the training set's mean, as in training.
            poses = before.where(pose.seen, self.latents.mean)
            return self._window(heard[0], poses, drawn)

        made = self.windows.fill(make, [speech.features], pose.vector)
        motion = to_motion(made[:, :FACE_DIMS], made[:, FACE_DIMS:], reference)
        # No expectation of the lips: where noise is predicted, there is none. They stay as drawn.
        return RawMotion.of(motion, None, self.options.finishing)

    def window_starts(self, length: int) -> list[int]:
        """The first frames that each window makes, for a motion of ``length`` frames."""
        return self.windows.starts(length)

    def _row(self, speaker: str | None) -> int:
        """The speaker table's row."""
        if speaker is None:
            return NOBODY
        if speaker not in self.people:
            raise UsageError(
                f"The weights know no speaker {speaker!r}. Expected one of "
                f"{', '.join(self.people) or 'none, they were trained without'}."
            )
        return 1 + self.people.index(speaker)

    def _window(self, features: Tensor, poses: Tensor, drawn: torch.Generator) -> Tensor:
        """Motion vectors [window, 232]. features: [1, window, C]; poses: [1, H, 232] before."""
        network, options = self.network, self.network.options
        history = network.normalise(self.latents.encode(poses))
        shape = (1, options.window, len(GROUPS), options.latent)
        start = draw(shape, drawn, self.device)
        heard = network.hear(features)

        def tell(noisy: Tensor, step: Tensor, speech: Tensor) -> Tensor:
            count = len(noisy)
            speaker = torch.full((count,), self.speaker, device=self.device)
            return network(noisy, step, history.expand(count, -1, -1, -1), speech, speaker)

        predict = guided(tell, heard, network.unheard, self.options.guidance)
        latents = network.restore(
            sample(predict, start, options.noise, self.options.sampler, drawn)
        )
        return self.latents.decode(latents, self.options.quantise)[0]
