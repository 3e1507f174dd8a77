"""Train FineGesture: `gesticulate train fine-gesture`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from ..motion.diffusion.checkpoint import FineGesture, load_vqvae, save_fine, save_vqvae
from ..motion.diffusion.fine_network import FineDenoiser, FineOptions
from ..motion.diffusion.groups import DIMS
from ..motion.diffusion.noise import NoiseOptions, training_scheduler
from ..motion.diffusion.vqvae import MotionVQVAE, RawLatents, VQVAEOptions
from .clips import Batch, Clip, WindowSampler
from .data import encoder_of
from .diffusion import (
    add_noise,
    changes,
    chosen,
    clips_with_sound,
    fit_on_windows,
    made_frames,
    measure_speech,
    measure_vectors,
    squared_error,
    target_of,
    whole,
    whole_importance,
)
from .diffusion_options import FineGestureTraining
from .generator import most_heard
from .loop import noise_of
from .losses import masked_mean
from .tokenizer import PROBE


class VQVAELosses(nn.Module):
    """The VQ-VAE and equation (4) of FineGesture; its codebooks follow by moving averages."""

    def __init__(self, vqvae: MotionVQVAE, options: FineGestureTraining) -> None:
        super().__init__()
        self.options = options
        self.vqvae = vqvae
        weight = whole_importance() if options.importance else torch.ones(DIMS)
        self.register_buffer("weight", weight, persistent=False)

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """The losses by name."""
        vectors, seen = whole(batch)
        quantise = not self.training or step >= self.options.continuous
        coded = self.vqvae(vectors, seen, quantise)
        made, real = coded.vectors.float(), (vectors - self.vqvae.mean) / self.vqvae.spread
        terms = {}
        for name in ("place", "velocity", "acceleration"):
            terms[name] = masked_mean((made - real).abs() * self.weight, seen)
            (made, both), (real, _) = changes(made, seen), changes(real, seen)
            seen = both
        loss = (
            terms["place"]
            + self.options.velocity * terms["velocity"]
            + self.options.acceleration * terms["acceleration"]
            + self.options.commitment * coded.commitment
        )
        return {"loss": loss, **terms, "commitment": coded.commitment}


class FineLosses(nn.Module):
    """The denoiser, the frozen latents, and equation (11): the mean square of what it tells."""

    def __init__(
        self,
        denoiser: FineDenoiser,
        latents: MotionVQVAE | RawLatents,
        options: FineGestureTraining,
    ) -> None:
        super().__init__()
        self.options = options
        self.denoiser = denoiser
        self.latents = latents.requires_grad_(False)
        self.scheduler = training_scheduler(denoiser.options.noise)

    def train(self, mode: bool = True) -> FineLosses:
        """The latents stay as they are: their codebooks must not move under the denoiser."""
        super().train(mode)
        self.latents.eval()
        return self

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """The losses by name. step seeds the noise."""
        noise, before = noise_of(self.options.loop.seed, step), self.options.history
        vectors, seen = whole(batch)
        history = self._history(vectors[:, :before], seen[:, :before], noise)
        clean = self.denoiser.normalise(self.latents.encode(vectors[:, before:]))
        known = self.latents.grouping.seen(seen[:, before:])[..., None].expand_as(clean)
        noisy, added, steps = add_noise(clean, self.scheduler, noise)
        hide = chosen(len(clean), self.options.hide_speech, noise, clean.device) & self.training
        # Sound that the lips do not follow would teach the face to ignore sound.
        speech = self.denoiser.hear(batch.speech[:, before:], hide | ~batch.follows)
        told = self.denoiser(noisy, steps, history, speech, batch.speaker).float()
        target = target_of(self.scheduler, clean, added, steps)
        return {"loss": squared_error(told, target, known, None)}

    def _history(self, frames: Tensor, seen: Tensor, noise: torch.Generator) -> Tensor:
        """Latents of the poses before, [B, H, G, D], in some samples of the last one repeated."""
        alone = chosen(len(frames), self.options.from_reference, noise, frames.device)
        poses = torch.where(seen > 0, frames, self.latents.mean)
        poses = torch.where(alone[:, None, None], poses[:, -1:], poses)
        return self.denoiser.normalise(self.latents.encode(poses))


@torch.no_grad()
def measure_latents(
    denoiser: FineDenoiser, latents: MotionVQVAE | RawLatents, batches: Sequence[Batch]
) -> None:
    """Set the denoiser's `latent_mean` and `latent_std` from training windows."""
    found, known = [], []
    for batch in batches:
        vectors, seen = whole(batch)
        found.append(latents.encode(vectors).flatten(0, 1))
        known.append(latents.grouping.seen(seen).flatten(0, 1))
    values, weight = torch.cat(found), torch.cat(known)[..., None]
    count = weight.sum(0).clamp(min=1)
    mean = (values * weight).sum(0) / count
    spread = (((values - mean) ** 2 * weight).sum(0) / count).sqrt()
    denoiser.latent_mean.copy_(mean)
    # Numbers that fill up small groups never change.
    denoiser.latent_std.copy_(spread.clamp(min=1e-3))


def build(
    options: FineGestureTraining, channels: int, encoder: str, latents: MotionVQVAE | RawLatents
) -> FineDenoiser:
    """An untrained denoiser of the options' sizes. Raises: UsageError for a window too short."""
    return FineDenoiser(
        FineOptions(
            speech_channels=channels,
            speech_encoder=encoder,
            latent=latents.dim,
            width=options.width,
            heads=options.heads,
            hidden=options.hidden,
            layers=options.layers,
            speech_layers=options.speech_layers,
            speakers=options.speakers + 1,
            dropout=options.dropout,
            window=made_frames(options.data.window, options.history),
            history=options.history,
            spatial=options.spatial,
            temporal=options.temporal,
            adapt=options.adapt,
            noise=NoiseOptions(options.noise_steps, "linear", prediction=options.prediction),
        )
    )


def train_vqvae(
    options: FineGestureTraining, sampler: WindowSampler, held_out: Sequence[Clip]
) -> Path:
    """Train the motion VQ-VAE; returns the weights file it wrote (fp16)."""
    folder = options.loop.output / "vqvae"
    loop = dataclasses.replace(
        options.loop,
        output=folder,
        steps=options.vqvae_steps,
        learning_rate=options.vqvae_learning_rate,
        # The codebooks are averages themselves.
        ema=0.0,
    )
    torch.manual_seed(loop.seed)
    sizes = VQVAEOptions(options.vqvae_width, options.code_dim, options.codes, options.levels)
    vqvae = MotionVQVAE(sizes)
    measure_vectors(vqvae, [sampler.batch(PROBE + i, 64) for i in range(8)])
    staged = dataclasses.replace(options, loop=loop)
    trained = fit_on_windows(VQVAELosses(vqvae, options), staged, sampler, held_out)
    path = folder / "motion-vqvae.safetensors"
    save_vqvae(path, trained.vqvae)
    return path


def latents_of(
    options: FineGestureTraining, sampler: WindowSampler, held_out: Sequence[Clip]
) -> MotionVQVAE | RawLatents:
    """What `options.vqvae` says: trained, none, or from a file."""
    if options.vqvae == "none":
        raw = RawLatents()
        measure_vectors(raw, [sampler.batch(PROBE + i, 64) for i in range(8)])
        return raw.eval()
    if options.vqvae == "train":
        return load_vqvae(train_vqvae(options, sampler, held_out))
    return load_vqvae(Path(options.vqvae))


def train_fine_gesture(options: FineGestureTraining) -> Path:
    """Train both stages; returns the weights file it wrote (fp16)."""
    clips, held_out = clips_with_sound(options.data)
    data, loop = options.data, options.loop
    people = most_heard(clips, options.speakers)
    sampler = WindowSampler(
        clips, data.window, data.favoured, people, options.known_speaker, seed=loop.seed
    )
    latents = latents_of(options, sampler, held_out)
    speech = clips[0].speech
    assert speech is not None  # they were asked for with sound
    torch.manual_seed(loop.seed)
    denoiser = build(options, speech.shape[1], encoder_of(data), latents)
    probe = [sampler.batch(PROBE + i, 64) for i in range(8)]
    measure_speech(denoiser, probe)
    measure_latents(denoiser, latents, probe)
    module = FineLosses(denoiser, latents, options)
    trained = fit_on_windows(module, options, sampler, held_out)
    path = loop.output / "fine-gesture.safetensors"
    save_fine(path, FineGesture(trained.latents, trained.denoiser, people))
    return path
