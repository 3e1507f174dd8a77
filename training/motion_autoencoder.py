"""Train the motion autoencoder of FGD: `gesticulate train autoencoder`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ..evaluation.motion_autoencoder import AutoencoderOptions, MotionAutoencoder, save
from .clips import Batch, WindowSampler
from .data import load_clips
from .loop import fit
from .options import AutoencoderTraining
from .tokenizer import PROBE, SPREAD_FLOOR


class AutoencoderLosses(nn.Module):
    """The autoencoder and what it is trained on: place and velocity of what the data knows.

    Yoon et al. 2020 (and Trimodal's program): the mean absolute error of the poses and of their
    differences over time.
    """

    def __init__(self, options: AutoencoderTraining) -> None:
        super().__init__()
        self.options = options
        self.autoencoder = MotionAutoencoder(
            AutoencoderOptions(options.width, options.latent, options.data.window)
        )

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """The losses by name, in units of the training set's spread."""
        real, seen = whole(batch)
        latents = self.autoencoder.encode(real)
        gap = (self.autoencoder.decode(latents) - real) / self.autoencoder.spread
        place = _mean(gap.abs(), seen)
        velocity = _mean(gap.diff(dim=1).abs(), seen[:, 1:] * seen[:, :-1])
        loss = place + self.options.velocity * velocity
        return {"loss": loss, "place": place, "velocity": velocity}


def whole(batch: Batch) -> tuple[Tensor, Tensor]:
    """Face and body together, [B, T, 232], and where they are known, of the same shape."""
    return (
        torch.cat([batch.face, batch.body], dim=-1),
        torch.cat([batch.face_seen, batch.body_seen], dim=-1),
    )


def _mean(values: Tensor, seen: Tensor) -> Tensor:
    return (values * seen).sum() / seen.sum().clamp(min=1)


def train_autoencoder(options: AutoencoderTraining) -> Path:
    """Train it; returns the weights file it wrote (fp16 safetensors)."""
    clips = load_clips(options.data, "train")
    sampler = WindowSampler(
        clips, options.data.window, options.data.favoured, seed=options.loop.seed
    )
    held_out = WindowSampler(
        load_clips(options.data, "val"), options.data.window, augment=False, seed=1
    )
    torch.manual_seed(options.loop.seed)
    module = AutoencoderLosses(options)
    probe = [whole(sampler.batch(PROBE + i, 64)) for i in range(8)]
    real, seen = (torch.cat(side).flatten(0, 1) for side in zip(*probe, strict=True))
    spread = ((real**2 * seen).sum(0) / seen.sum(0).clamp(min=1)).sqrt()
    module.autoencoder.spread.copy_(spread.clamp(min=SPREAD_FLOOR * float(spread.median())))
    val_batches = [held_out.batch(i, 64) for i in range(4)]

    @torch.no_grad()
    def validate(trained: nn.Module) -> dict[str, float]:
        rows = [trained(batch, 0) for batch in val_batches]
        return {name: float(sum(row[name] for row in rows)) / len(rows) for name in rows[0]}

    trained = fit(
        module,
        lambda step, process: sampler.batch(step, options.loop.batch, process),
        validate,
        options.loop,
    )
    path = options.loop.output / "motion-autoencoder.safetensors"
    save(path, trained.autoencoder.cpu())
    return path
