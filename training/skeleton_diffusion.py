"""Train the skeleton diffusion: `gesticulate train skeleton-diffusion`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ..motion.diffusion.checkpoint import save_skeleton
from ..motion.diffusion.noise import NoiseOptions, training_scheduler
from ..motion.diffusion.skeleton_network import SkeletonDenoiser, SkeletonOptions
from .clips import Batch, WindowSampler
from .data import encoder_of
from .diffusion import (
    add_noise,
    changes,
    chosen,
    clips_with_sound,
    fit_on_windows,
    made_frames,
    measure,
    squared_error,
    whole,
    whole_importance,
)
from .diffusion_options import SkeletonDiffusionTraining
from .loop import noise_of
from .tokenizer import PROBE


class SkeletonLosses(nn.Module):
    """The denoiser and its loss: the masked mean square of the clean motion vectors."""

    def __init__(self, denoiser: SkeletonDenoiser, options: SkeletonDiffusionTraining) -> None:
        super().__init__()
        self.options = options
        self.denoiser = denoiser
        self.scheduler = training_scheduler(denoiser.options.noise)
        weight = whole_importance() if options.importance else None
        self.register_buffer("weight", weight, persistent=False)

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """The losses by name. step seeds the noise."""
        noise = noise_of(self.options.loop.seed, step)
        vectors, seen = whole(batch)
        vectors = self.denoiser.normalise(vectors)
        before = self.options.history
        history = self._history((vectors * seen)[:, :before], noise)
        clean, seen = vectors[:, before:], seen[:, before:]
        noisy, _, steps = add_noise(clean, self.scheduler, noise)
        hide = chosen(len(clean), self.options.hide_speech, noise, clean.device) & self.training
        # Sound that the lips do not follow would teach the face to ignore sound.
        speech = self.denoiser.hear(batch.speech[:, before:], hide | ~batch.follows)
        made = self.denoiser(noisy, steps, history, speech).float()
        place = squared_error(made, clean, seen, self.weight)
        (made_change, both), (real_change, _) = changes(made, seen), changes(clean, seen)
        velocity = squared_error(made_change, real_change, both, self.weight)
        return {
            "loss": place + self.options.velocity * velocity,
            "place": place,
            "velocity": velocity,
        }

    def _history(self, frames: Tensor, noise: torch.Generator) -> Tensor:
        """Clean frames [B, H, D], in some samples the last one repeated."""
        alone = chosen(len(frames), self.options.from_reference, noise, frames.device)
        return torch.where(alone[:, None, None], frames[:, -1:], frames)


def build(options: SkeletonDiffusionTraining, channels: int, encoder: str) -> SkeletonDenoiser:
    """An untrained denoiser of the options' sizes. Raises: UsageError for a window too short."""
    return SkeletonDenoiser(
        SkeletonOptions(
            speech_channels=channels,
            speech_encoder=encoder,
            width=options.width,
            heads=options.heads,
            hidden=options.hidden,
            layers=options.layers,
            fusion=options.fusion,
            speech_layers=options.speech_layers,
            dropout=options.dropout,
            window=made_frames(options.data.window, options.history),
            history=options.history,
            noise=NoiseOptions(steps=options.noise_steps),
        )
    )


def train_skeleton_diffusion(options: SkeletonDiffusionTraining) -> Path:
    """Train; returns the weights file it wrote (fp16)."""
    clips, held_out = clips_with_sound(options.data)
    data, loop = options.data, options.loop
    sampler = WindowSampler(clips, data.window, data.favoured, seed=loop.seed)
    speech = clips[0].speech
    assert speech is not None  # they were asked for with sound
    torch.manual_seed(loop.seed)
    denoiser = build(options, speech.shape[1], encoder_of(data))
    measure(denoiser, [sampler.batch(PROBE + i, 64) for i in range(8)])
    trained = fit_on_windows(SkeletonLosses(denoiser, options), options, sampler, held_out)
    path = loop.output / "skeleton-diffusion.safetensors"
    save_skeleton(path, trained.denoiser)
    return path
