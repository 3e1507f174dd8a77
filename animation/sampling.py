"""Denoising a video of any length in bounded memory.

Every step blends the predictions of overlapping windows. A window's next step needs no more than
its neighbours' last one, so the steps run one behind the other over the same stream of frames: the
first frames are finished while the last are not yet begun, and only about ``steps`` windows of
latents are held. The result is that of taking each step over the whole video.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from .attention import PhotoTokens
from .networks import LATENT_CHANNELS, AnimationNetwork
from .schedule import denoised, noise_schedule
from .windows import Span, shares, spans

# Noisy windows [N, F, 4, h, w] of some spans at a timestep -> their velocities, as large.
Velocity = Callable[[Tensor, Sequence[Span], int], Tensor]


@dataclass(frozen=True)
class Sampling:
    """steps: of diffusion. guidance: scale of classifier-free guidance; 1 does without it, in half
    the time. window, overlap: frames seen at once, and shared by neighbours. windows: so many at
    a time; more fill a large GPU better.

    Steps and guidance of the public reimplementation are 20 to 30 and 3.5, its windows 24 and 4.
    """

    steps: int = 20
    guidance: float = 3.5
    window: int = 24
    overlap: int = 4
    windows: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 200:
            raise ValueError(f"steps is {self.steps}, expected 1 to 200")
        if self.guidance < 1:
            raise ValueError(f"guidance is {self.guidance:g}, expected 1 (none) or more")
        if not 0 <= self.overlap <= self.window // 2:
            raise ValueError(f"overlap is {self.overlap}, expected 0 to {self.window // 2}")
        if self.windows < 1:
            raise ValueError(f"windows is {self.windows}, expected 1 or more")

    @property
    def guided(self) -> bool:
        return self.guidance > 1


def sample(
    velocity: Velocity,
    frames: int,
    size: tuple[int, int],
    sampling: Sampling,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> Iterator[Tensor]:
    """Latents without noise, one frame [4, h, w] at a time, float32.

    size: (w, h) of the latents. seed: of the noise, which is drawn on the CPU. device: where the
    latents are kept.
    """
    schedule = noise_schedule()
    schedule.set_timesteps(sampling.steps)
    windows = spans(frames, sampling.window, sampling.overlap)
    latents: Iterator[Tensor] = (frame.to(device) for frame in _noise(frames, size, seed))
    times = schedule.timesteps.tolist()
    for here, there in zip(times, [*times[1:], None], strict=True):
        latents = _step(latents, windows, velocity, schedule, (here, there), sampling.windows)
    return latents


def _noise(frames: int, size: tuple[int, int], seed: int) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(frames):
        yield torch.randn(LATENT_CHANNELS, size[1], size[0], generator=generator)


def _step(
    latents: Iterator[Tensor],
    windows: Sequence[Span],
    velocity: Velocity,
    schedule: object,
    times: tuple[int, int | None],
    at_once: int,
) -> Iterator[Tensor]:
    """One step of diffusion over a stream of frames [4, h, w], from a time to the next."""
    held: deque[Tensor] = deque()
    blended: deque[Tensor] = deque()
    first = 0
    for group in _groups(range(len(windows)), at_once):
        chosen = [windows[number] for number in group]
        fresh = list(islice(latents, chosen[-1][1] - first - len(held)))
        held.extend(fresh)
        blended.extend(torch.zeros_like(frame) for frame in fresh)
        noisy = torch.stack([_cut(held, start - first, stop - first) for start, stop in chosen])
        made = velocity(noisy, chosen, times[0]).to(noisy)
        for number, (start, _), window in zip(group, chosen, made, strict=True):
            for i, share in enumerate(shares(windows, number).tolist()):
                blended[start - first + i] += share * window[i]
        following = group[-1] + 1
        done = windows[following][0] if following < len(windows) else chosen[-1][1]
        finished = [(held.popleft(), blended.popleft()) for _ in range(done - first)]
        first = done
        before, change = (torch.stack(list(part)) for part in zip(*finished, strict=True))
        yield from denoised(schedule, change, before, *times)


def _groups(numbers: range, size: int) -> Iterator[list[int]]:
    for start in range(0, len(numbers), size):
        yield list(numbers[start : start + size])


def _cut(held: deque[Tensor], start: int, stop: int) -> Tensor:
    return torch.stack(list(islice(held, start, stop)))


class GuidedVelocity:
    """The network's prediction for windows of one photo's video.

    photo: of `AnimationNetwork.remember`, one sample. token: [1, 1, D]. pictures: frames' drawn
    skeletons [F, 3, H, W], RGB 0..1, on the network's device. apart: guidance's two halves one
    after the other, in half the memory.
    """

    def __init__(
        self,
        network: AnimationNetwork,
        photo: PhotoTokens,
        token: Tensor,
        pictures: Callable[[Span], Tensor],
        guidance: float,
        apart: bool = False,
    ) -> None:
        self.network, self.photo, self.token = network, photo, token
        self.pictures, self.guidance, self.apart = pictures, guidance, apart

    @torch.no_grad()
    def __call__(self, noisy: Tensor, windows: Sequence[Span], timestep: int) -> Tensor:
        """noisy: [N, F, 4, h, w]. Returns as much, float32, on the network's device."""
        device, dtype = self.token.device, self.token.dtype
        own = noisy.to(device, dtype)
        guide = self.network.guide(torch.stack([self.pictures(span) for span in windows]))
        time = torch.tensor(timestep, device=device)
        count = len(own)
        token = self.token.expand(count, -1, -1)
        photo = {name: value.expand(count, -1, -1) for name, value in self.photo.items()}
        if self.guidance == 1:
            return self.network(own, time, token, guide, photo).float()
        if self.apart:
            without = self.network(own, time, torch.zeros_like(token), guide).float()
            conditioned = self.network(own, time, token, guide, photo).float()
        else:
            twice, guides = (x.repeat(2, 1, 1, 1, 1) for x in (own, guide))
            tokens = torch.cat([torch.zeros_like(token), token])
            made = self.network(twice, time, tokens, guides, photo)
            without, conditioned = made.float().chunk(2)
        return without + self.guidance * (conditioned - without)
