"""What the diffusion renderer's training minimises: the error of the predicted velocity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..animation.coders import PictureCoders
from ..animation.networks import AnimationNetwork
from ..animation.schedule import noise_schedule
from .animation_data import PosedFrames

# Pictures at a time through the autoencoder.
_AT_ONCE = 8


@dataclass
class Latents:
    """Posed frames as the networks get them.

    photo: [B, 4, h, w]. token: [B, 1, D], CLIP's. drawings: [B, F, 3, S, S]. target:
    [B, F, 4, h, w].
    """

    photo: Tensor
    token: Tensor
    drawings: Tensor
    target: Tensor

    def __len__(self) -> int:
        return len(self.photo)


@dataclass
class Noise:
    """What chance adds to a batch.

    noise: [B, F, 4, h, w]. time: [B] int64, 0..999. hidden: [B] bool, samples without photo.
    """

    noise: Tensor
    time: Tensor
    hidden: Tensor

    def to(self, device: torch.device) -> Noise:
        return Noise(self.noise.to(device), self.time.to(device), self.hidden.to(device))


def encode(coders: PictureCoders, frames: PosedFrames, device: torch.device) -> Latents:
    """Pictures to latents, on a device."""
    photo, target = frames.photo.to(device), frames.target.to(device)
    encoded = [coders.encode(part) for part in target.flatten(0, 1).split(_AT_ONCE)]
    return Latents(
        photo=coders.encode(photo).float(),
        token=coders.token(photo).float(),
        drawings=frames.drawings.to(device),
        target=torch.cat(encoded).float().unflatten(0, target.shape[:2]),
    )


def draw_noise(shape: tuple[int, ...], offset: float, hide: float, seed: tuple[int, ...]) -> Noise:
    """Noise, times and hidden photos, always the same for a seed.

    shape: of the latents [B, F, 4, h, w]. offset: share of noise that is the same all over the
    frames (Guttenberg 2023, "Diffusion with Offset Noise"). hide: chance that a photo is hidden.
    """
    start = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]
    chance = torch.Generator().manual_seed(int(start >> np.uint64(1)))
    noise = torch.randn(shape, generator=chance)
    noise += offset * torch.randn(shape[0], 1, shape[2], 1, 1, generator=chance)
    time = torch.randint(noise_schedule().config.num_train_timesteps, shape[:1], generator=chance)
    return Noise(noise, time, torch.rand(shape[0], generator=chance) < hide)


def min_snr(alphas: Tensor, gamma: float) -> Tensor:
    """Weights of the velocity's error. alphas: [...], share of signal of the variance; gamma 0
    weighs all alike.

    Min-SNR (Hang et al., ICCV 2023, section 3.4) is min(SNR, gamma) / (SNR + 1) for velocities,
    which forgets the last time, where the signal is zero. As the public reimplementation has it:
    min(SNR + 1, gamma) / (SNR + 1), with SNR + 1 = 1 / (1 - alpha).
    """
    if gamma == 0:
        return torch.ones_like(alphas)
    return (gamma * (1 - alphas)).clamp(max=1)


class Objective(nn.Module):
    """The network with its loss, so that one forward pass is all that is shared between GPUs."""

    def __init__(self, network: AnimationNetwork, gamma: float) -> None:
        super().__init__()
        self.network, self.gamma = network, gamma
        self.schedule = noise_schedule("scaled_linear")

    def forward(self, latents: Latents, noise: Noise) -> dict[str, Tensor]:
        """Losses by name: "loss", weighted, and "error", the plain mean square."""
        # The network's last samples are those that see their photo.
        order = torch.argsort(noise.hidden.int(), descending=True, stable=True)
        hidden = int(noise.hidden.sum())
        target, time, added = latents.target[order], noise.time[order], noise.noise[order]
        token = latents.token[order] * ~noise.hidden[order, None, None]
        photo = None
        if hidden < len(order):
            photo = self.network.remember(latents.photo[order][hidden:], token[hidden:])
        made = self.network(
            self.schedule.add_noise(target, added, time),
            time,
            token,
            self.network.guide(latents.drawings[order]),
            photo,
        )
        wanted = self.schedule.get_velocity(target, added, time)
        error = (made.float() - wanted).square().flatten(1).mean(dim=1)
        weight = min_snr(self.schedule.alphas_cumprod.to(time.device)[time], self.gamma)
        return {"loss": (weight * error).mean(), "error": error.mean().detach()}
