"""The noise schedule: DDIM (Song et al., ICLR 2021) with zero terminal signal.

v-prediction, betas rescaled to zero terminal signal-to-noise ratio and trailing steps are the
remedies of Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed" (WACV 2024).
"""

from __future__ import annotations

from typing import Any, Literal

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
