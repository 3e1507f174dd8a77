"""How noise is added in training and taken away in sampling: all by the schedulers of diffusers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from diffusers import DDPMScheduler, DPMSolverMultistepScheduler
from torch import Tensor

# DDIM is DPM-Solver++'s first order (Lu et al. 2022, DPM-Solver++, section 4). What diffusers has
# under its name goes on by a whole number of training steps: where the steps do not divide them,
# it does not meet the next step, and leaves noise behind the last.
SAMPLERS: dict[str, tuple[type, dict[str, int]]] = {
    "ddpm": (DDPMScheduler, {}),
    "ddim": (DPMSolverMultistepScheduler, {"solver_order": 1}),
    "dpm": (DPMSolverMultistepScheduler, {"solver_order": 2}),
}
# A step never takes more than this share of what is left of the signal (Nichol & Dhariwal 2021).
LARGEST_BETA = 0.999
# The cosine schedule's start, which keeps the first steps from being too small (same paper, 3.2).
COSINE_OFFSET = 0.008
# Betas of Ho et al. 2020 for 1000 steps; fewer steps take larger ones, so that as little remains.
LINEAR_BETAS = (1e-4, 0.02)


@dataclass(frozen=True)
class NoiseOptions:
    """How noise is added.

    steps: of training. schedule: "cosine" keeps cos(t)^power of the signal's variance at the time
    t in 0..pi/2 (power 2 is Nichol & Dhariwal's, the public model of Democratizing has 4); "linear"
    is that of Ho et al. 2020. prediction: what the network tells, the clean "sample", the noise
    ("epsilon"), or the velocity between them ("v_prediction"; Salimans & Ho 2022, appendix D).
    """

    steps: int = 100
    schedule: Literal["cosine", "linear"] = "cosine"
    power: float = 4.0
    prediction: Literal["sample", "epsilon", "v_prediction"] = "sample"


@dataclass(frozen=True)
class SamplerOptions:
    """How noise is taken away. name: DPM-Solver++ of second order, DDIM, or DDPM, which is meant
    for all steps of the training. steps: evaluations of the network a window."""

    name: Literal["dpm", "ddim", "ddpm"] = "dpm"
    steps: int = 12


def betas(options: NoiseOptions) -> np.ndarray:
    """Share of the signal's variance that each step takes, [steps]."""
    if options.schedule == "linear":
        low, high = (beta * 1000 / options.steps for beta in LINEAR_BETAS)
        return np.linspace(low, min(high, LARGEST_BETA), options.steps)
    time = np.arange(options.steps + 1) / options.steps
    angle = (time + COSINE_OFFSET) / (1 + COSINE_OFFSET) * np.pi / 2
    kept = np.cos(angle) ** options.power
    return np.minimum(1 - kept[1:] / kept[:-1], LARGEST_BETA)


def training_scheduler(options: NoiseOptions) -> DDPMScheduler:
    """The scheduler that adds the noise; samplers are made from its settings."""
    return DDPMScheduler(
        num_train_timesteps=options.steps,
        trained_betas=betas(options),
        prediction_type=options.prediction,
        # Motion has no range that it must stay in.
        clip_sample=False,
        # Sampling begins at the last step, where nothing but noise is left.
        timestep_spacing="trailing",
    )


def draw(shape: tuple[int, ...], noise: torch.Generator, device: torch.device) -> Tensor:
    """Normal noise drawn on the CPU, so that a seed gives the same one on every device."""
    return torch.randn(shape, generator=noise).to(device)


def sample(
    predict: Callable[[Tensor, Tensor], Tensor],
    start: Tensor,
    options: NoiseOptions,
    sampler: SamplerOptions,
    noise: torch.Generator,
) -> Tensor:
    """Noise -> sample of the same shape.

    predict: (noisy [B, ...], step [B] int64) -> what `NoiseOptions.prediction` says. start: normal
    noise [B, ...]. noise: for the samplers that add some on the way.
    """
    kind, settings = SAMPLERS[sampler.name]
    scheduler = kind.from_config(training_scheduler(options).config, **settings)  # type: ignore[attr-defined]
    scheduler.set_timesteps(min(sampler.steps, options.steps), device=start.device)
    x = start
    for step in scheduler.timesteps:
        predicted = predict(x, step.expand(len(x)))
        x = scheduler.step(predicted, step, x, generator=noise).prev_sample
    return x


def guide(heard: Tensor, unheard: Tensor, scale: Tensor | float) -> Tensor:
    """Classifier-free guidance (Ho & Salimans 2022, equation 6): away from what is predicted
    without speech. scale: 1 is none; a tensor has one for each of the last dimension."""
    return unheard + scale * (heard - unheard)


def guided(
    tell: Callable[[Tensor, Tensor, Tensor], Tensor],
    heard: Tensor,
    unheard: Tensor,
    scale: Tensor | float,
) -> Callable[[Tensor, Tensor], Tensor]:
    """What `sample` asks for one window: the network with and without speech, at once, guided.

    tell: (noisy [B, ...], step [B], speech [B, T, W]) -> [B, ...]. heard: [1, T, W]. unheard: [W],
    what stands in for speech. scale: as for `guide`.
    """
    if bool(torch.as_tensor(scale).eq(1).all()):
        return lambda noisy, step: tell(noisy, step, heard)
    both = torch.cat([heard, unheard.expand_as(heard)])

    def predict(noisy: Tensor, step: Tensor) -> Tensor:
        told = tell(noisy.expand(2, *noisy.shape[1:]), step.expand(2), both)
        return guide(told[:1], told[1:], scale)

    return predict
