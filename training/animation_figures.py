"""How a diffusion renderer does on people it does not learn from, in numbers and on a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from ..animation.coders import PictureCoders
from ..animation.networks import LATENT_STEP, AnimationNetwork
from ..animation.sampling import GuidedVelocity, Sampling, sample
from ..atomic import complete_or_nothing
from ..video.sheets import contact_sheet
from .animation_data import PosedFrames
from .animation_objective import Noise, Objective, draw_noise, encode
from .options import AnimationTraining

# Samples on the sheet, frames of each, and how they are drawn.
_SHOWN, _FRAMES = 4, 3
_STEPS, _GUIDANCE = 12, 2.0


class Validation:
    """Fixed samples, each with noise of its own and a time of its own."""

    def __init__(self, samples: Sequence[PosedFrames], options: AnimationTraining) -> None:
        self.samples, self.options = list(samples), options

    @torch.no_grad()
    def figures(
        self, network: AnimationNetwork, coders: PictureCoders, device: torch.device
    ) -> dict[str, float]:
        """ "loss" and "error" as in training, with times spread evenly."""
        objective = Objective(network.eval(), self.options.gamma)
        rows = []
        for number, frames in enumerate(self.samples):
            latents = encode(coders, frames, device)
            drawn = draw_noise(latents.target.shape, self.options.noise_offset, 0.0, (number,))
            time = torch.full_like(drawn.time, round(1000 * (number + 0.5) / len(self.samples)))
            terms = objective(latents, Noise(drawn.noise, time, drawn.hidden).to(device))
            rows.append({name: float(value) for name, value in terms.items()})
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}

    def write_sheet(
        self, path: Path, network: AnimationNetwork, coders: PictureCoders, device: torch.device
    ) -> dict[str, float]:
        """Photo, skeleton, truth and drawn frame of some samples, as a PNG; returns their "l1", the
        mean difference of drawn frame and truth."""
        tiles: list[np.ndarray] = []
        errors = []
        for frames in self.samples[:_SHOWN]:
            made = drawn(network.eval(), coders, frames, device)
            errors.append(float((made - frames.target[0]).abs().mean()))
            for number in np.unique(np.linspace(0, len(made) - 1, _FRAMES).round().astype(int)):
                shown = (frames.photo[0], frames.drawings[0, number], frames.target[0, number])
                tiles += [_pixels(picture) for picture in (*shown, made[number])]
        labels = ("photo", "skeleton", "truth", "drawn") * (len(tiles) // 4)
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet = contact_sheet(tiles, 4, labels)
        with complete_or_nothing(path) as part:
            cv2.imwrite(str(part), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
        return {"l1": float(np.mean(errors))}


@torch.no_grad()
def drawn(
    network: AnimationNetwork, coders: PictureCoders, frames: PosedFrames, device: torch.device
) -> Tensor:
    """[F, 3, S, S], RGB 0..1 on the CPU: what the network makes of one sample."""
    photo = frames.photo.to(device)
    token, drawings = coders.token(photo).float(), frames.drawings[0].to(device)
    tokens = network.remember(coders.encode(photo).float(), token)
    velocity = GuidedVelocity(
        network, tokens, token, lambda span: drawings[span[0] : span[1]], _GUIDANCE
    )
    height, width = (side // LATENT_STEP for side in photo.shape[-2:])
    sampling = Sampling(_STEPS, _GUIDANCE, window=len(drawings), overlap=0)
    latents = sample(velocity, len(drawings), (width, height), sampling, device=device)
    return torch.cat([coders.decode(frame[None]).float().cpu() for frame in latents])


def _pixels(picture: Tensor) -> np.ndarray:
    """[3, S, S] in 0..1 -> [S, S, 3] uint8."""
    levels = (picture * 255).round().clamp(0, 255).byte()
    return np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy())
