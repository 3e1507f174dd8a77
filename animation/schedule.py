"""The noise schedule: DDIM (Song et al., ICLR 2021) with zero terminal signal.

v-prediction, betas rescaled to zero terminal signal-to-noise ratio and trailing steps are the
remedies of Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed" (WACV 2024).
"""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

# The public weights were trained with scaled-linear betas and are sampled with linear ones.
Betas = Literal["linear", "scaled_linear"]


def noise_schedule(betas: Betas = "linear") -> Any:
    """diffusers' DDIMScheduler as the public weights are used; "scaled_linear" to train them."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule=betas,
        steps_offset=1,
        clip_sample=False,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )


def denoised(
    schedule: Any, velocity: Tensor, noisy: Tensor, timestep: int, following: int | None
) -> Tensor:
    """One step of DDIM without noise of its own (Song et al., ICLR 2021, equation 12), from a
    velocity v = a e - s x of noisy latents a x + s e.

    velocity, noisy: [...]. following: the next step's time; None after the last, where no noise is
    left. (diffusers' own step goes on by 1000 // steps: where the steps do not divide 1000 it does
    not meet the next time, and leaves some noise behind the last.)
    """
    signal, noise = _scales(schedule, timestep)
    clean, error = signal * noisy - noise * velocity, signal * velocity + noise * noisy
    signal, noise = (1.0, 0.0) if following is None else _scales(schedule, following)
    return signal * clean + noise * error


def _scales(schedule: Any, timestep: int) -> tuple[float, float]:
    """How much of a time's noisy latents is signal, and how much noise: their squares sum to 1."""
    kept = float(schedule.alphas_cumprod[timestep])
    return kept**0.5, (1 - kept) ** 0.5
