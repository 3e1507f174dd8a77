"""What the trainings of the diffusion generators share: noise, losses, and the run itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from diffusers import DDPMScheduler
from torch import Tensor, nn

from ..errors import UsageError
from ..motion.diffusion.noise import draw
from .clips import Batch, Clip, WindowSampler
from .data import load_clips
from .loop import fit
from .losses import importance
from .options import DataOptions, LoopOptions
from .sync import synchronised
from .talks import Talks
from .tokenizer import SPREAD_FLOOR

PARTS = ("face", "body")


class WindowTraining(Protocol):
    """Options of a training on windows of motion."""

    @property
    def data(self) -> DataOptions: ...
    @property
    def loop(self) -> LoopOptions: ...


class Sampler(Protocol):
    """What draws batches."""

    def batch(self, step: int, size: int, process: int = 0) -> Batch | Talks: ...


def clips_with_sound(data: DataOptions) -> tuple[list[Clip], list[Clip]]:
    """The clips of the splits train and val, their sound moved onto their lips."""
    train, val = (
        synchronised(load_clips(data, split, needs_sound=True)) for split in ("train", "val")
    )
    return train, val


def made_frames(window: int, history: int) -> int:
    """Frames of a training window that are made, behind the ones before them.

    Raises: UsageError where nothing is left.
    """
    made = window - history
    if made < 1 or history < 1:
        raise UsageError(
            f"A window of {window} frames with a history of {history} leaves {made} to be made. "
            "Both must be at least 1; make data.window larger."
        )
    return made


def add_noise(
    clean: Tensor, scheduler: DDPMScheduler, noise: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """[B, ...] -> noisy sample, the noise in it, and the steps [B] that were drawn."""
    steps = torch.randint(scheduler.config.num_train_timesteps, (len(clean),), generator=noise)
    steps = steps.to(clean.device)
    added = draw(tuple(clean.shape), noise, clean.device)
    return scheduler.add_noise(clean, added, steps), added, steps


def target_of(scheduler: DDPMScheduler, clean: Tensor, added: Tensor, steps: Tensor) -> Tensor:
    """What a network should tell of clean [B, ...] with noise added at steps [B], by the
    scheduler's `prediction_type`."""
    match scheduler.config.prediction_type:
        case "sample":
            return clean
        case "epsilon":
            return added
        case _:
            return scheduler.get_velocity(clean, added, steps)


def chosen(count: int, chance: float, noise: torch.Generator, device: torch.device) -> Tensor:
    """[count] bool, each true with a chance."""
    return (torch.rand(count, generator=noise) < chance).to(device)


def squared_error(made: Tensor, real: Tensor, seen: Tensor, weight: Tensor | None) -> Tensor:
    """Mean square of what the data knows, a scalar. made, real, seen: [B, T, D]; weight: [D].

    As in the public model of Democratizing, each sample's mean counts the same, however much of
    it is known.
    """
    error = (made - real) ** 2 * seen
    if weight is not None:
        error = error * weight
    return (error.flatten(1).sum(1) / seen.flatten(1).sum(1).clamp(min=1)).mean()


def changes(values: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Differences from frame to frame, and where both frames are known; [B, T - 1, D]."""
    return values.diff(dim=1), seen[:, 1:] * seen[:, :-1]


def whole(batch: Batch) -> tuple[Tensor, Tensor]:
    """Both streams of a batch: motion vectors [B, T, 232], and 1 where the data knows them."""
    return (
        torch.cat([batch.face, batch.body], -1),
        torch.cat([batch.face_seen, batch.body_seen], -1),
    )


def whole_importance() -> Tensor:
    """How much each dimension counts, [232], mean 1 in each stream."""
    return torch.cat([importance(part) for part in PARTS])


def measure(module: nn.Module, batches: Sequence[Batch], floor: float = SPREAD_FLOOR) -> None:
    """Both measurements below, for a network that reads vectors and speech."""
    measure_vectors(module, batches, floor)
    measure_speech(module, batches)


@torch.no_grad()
def measure_vectors(
    module: nn.Module, batches: Sequence[Batch], floor: float = SPREAD_FLOOR
) -> None:
    """Set a module's `mean` and `spread` of motion vectors from training windows.

    floor: no dimension's spread is less than this share of its stream's median: less is jitter.
    """
    means, spreads = [], []
    for part in PARTS:
        vectors = torch.cat([getattr(batch, part) for batch in batches]).flatten(0, 1)
        seen = torch.cat([getattr(batch, f"{part}_seen") for batch in batches]).flatten(0, 1)
        count = seen.sum(0).clamp(min=1)
        mean = (vectors * seen).sum(0) / count
        spread = (((vectors - mean) ** 2 * seen).sum(0) / count).sqrt()
        means.append(mean)
        spreads.append(spread.clamp(min=floor * float(spread.median())))
    module.mean.copy_(torch.cat(means))
    module.spread.copy_(torch.cat(spreads))


@torch.no_grad()
def measure_speech(module: nn.Module, batches: Sequence[Batch]) -> None:
    """Set a network's `speech_mean` and `speech_std`."""
    speech = torch.cat([batch.speech for batch in batches]).flatten(0, 1)
    module.speech_mean.copy_(speech.mean(0))
    module.speech_std.copy_(speech.std(0).clamp(min=0.1))


def fit_on_windows(
    module: nn.Module, options: WindowTraining, sampler: WindowSampler, held_out: Sequence[Clip]
) -> nn.Module:
    """Train a module of losses on windows of clips."""
    data = options.data
    val = WindowSampler(held_out, data.window, data.favoured, augment=False, seed=1)
    return fit_on(module, options.loop, sampler, val)


def fit_on(module: nn.Module, loop: LoopOptions, sampler: Sampler, held_out: Sampler) -> nn.Module:
    """Train a module of losses; validated on the same windows and noise every time."""
    val_batches = [held_out.batch(i, 32) for i in range(4)]

    @torch.no_grad()
    def validate(trained: nn.Module) -> dict[str, float]:
        device = next(trained.parameters()).device
        rows = [trained(batch.to(device), i) for i, batch in enumerate(val_batches)]
        return {name: float(sum(row[name] for row in rows)) / len(rows) for name in rows[0]}

    return fit(
        module, lambda step, process: sampler.batch(step, loop.batch, process), validate, loop
    )
