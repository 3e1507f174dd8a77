"""The motion autoencoder whose latents FGD and latent diversity are measured in.

After Yoon et al., "Speech Gesture Generation from the Trimodal Context", ACM TOG 2020, section 5.1:
a convolutional autoencoder of short windows, trained on real motion alone. Every paper on 2D
keypoints trained one of its own and released none, so a number means something only with its
weights. These are part of gesticulate (`weights/motion-autoencoder.safetensors`), carry a version,
and results name it: numbers of different versions do not compare.

A window is 32 frames at 25 a second (Yoon et al.: 34 at 15) of all 116 motion points, as
displacements from the rest pose; the latent is 32 numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn

from .. import weights
from ..errors import UsageError
from ..keypoints.layout import NUM_MOTION_POINTS
from ..keypoints.motion import Motion
from ..keypoints.person import REST
from ..motion.vectors import SEEN, fill_gaps, to_vectors
from ..weights import checkpoint
from .joints import FPS, at_rate

WEIGHTS = "motion-autoencoder"
KIND = "motion-autoencoder"
# Raise it with every change to the weights or to what a window is.
VERSION = 1
WINDOW, STRIDE = 32, 8
DIMS = 2 * NUM_MOTION_POINTS


@dataclass(frozen=True)
class AutoencoderOptions:
    """width: of the convolutions. latent: numbers a window becomes. window: frames, a multiple of
    4. version: see `VERSION`."""

    width: int = 128
    latent: int = 32
    window: int = WINDOW
    version: int = VERSION


class MotionAutoencoder(nn.Module):
    """Windows of motion [B, window, 232] <-> latents [B, latent]."""

    spread: Tensor

    def __init__(self, options: AutoencoderOptions | None = None) -> None:
        super().__init__()
        self.options = options = options or AutoencoderOptions()
        if options.window % 4:
            raise UsageError(f"The window must be a multiple of 4 frames, got {options.window}.")
        # Of each coordinate over the training set, so that lips count as hands do.
        self.register_buffer("spread", torch.ones(DIMS))
        width, steps = options.width, options.window // 4
        inner = width // 2 * steps
        self.encoder = nn.Sequential(
            nn.Conv1d(DIMS, width, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv1d(width, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv1d(width, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv1d(width, width // 2, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(inner, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, options.latent),
        )
        self.decoder = nn.Sequential(
            nn.Linear(options.latent, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, inner),
            nn.LeakyReLU(0.2),
            nn.Unflatten(1, (width // 2, steps)),
            nn.ConvTranspose1d(width // 2, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose1d(width, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv1d(width, DIMS, 3, padding=1),
        )

    def encode(self, windows: Tensor) -> Tensor:
        """[B, window, 232] displacements in shoulder widths -> [B, latent]."""
        return self.encoder(rearrange(windows / self.spread, "b t d -> b d t"))

    def decode(self, latents: Tensor) -> Tensor:
        """[B, latent] -> [B, window, 232] displacements in shoulder widths."""
        return rearrange(self.decoder(latents), "b d t -> b t d") * self.spread

    @property
    def label(self) -> str:
        """How results name the weights."""
        return f"motion-autoencoder v{self.options.version}"

    @torch.inference_mode()
    def latents(self, motions: Sequence[Motion], stride: int = STRIDE) -> np.ndarray:
        """The latents of all windows of all motions, [N, latent] float64."""
        windows = [windows_of(motion, self.options.window, stride) for motion in motions]
        whole = torch.from_numpy(np.concatenate(windows or [np.zeros((0, WINDOW, DIMS))])).float()
        parts = [self.encode(part) for part in whole.split(512)]
        return torch.cat(parts).double().numpy() if len(whole) else np.zeros((0, 1))


def displacements(motion: Motion) -> np.ndarray:
    """[T, 232] float32 at 25 frames a second, from the rest pose, in shoulder widths. Where a point
    was not seen it is interpolated; one that never was is at rest."""
    motion = at_rate(motion, FPS)
    points = fill_gaps(motion.points, motion.confidence)
    never = ~(motion.confidence > SEEN).any(axis=0)
    points[:, never] = REST[never]
    return np.concatenate(to_vectors(points), axis=1)


def windows_of(motion: Motion, window: int = WINDOW, stride: int = STRIDE) -> np.ndarray:
    """[N, window, 232]: a window every ``stride`` frames; none of a motion that is shorter."""
    course = displacements(motion)
    starts = range(0, len(course) - window + 1, stride)
    found = [course[start : start + window] for start in starts]
    return np.stack(found) if found else np.zeros((0, window, DIMS), np.float32)


def save(path: Path, autoencoder: MotionAutoencoder) -> None:
    """Write the weights, with the FGD they give for `known_sets`: whoever loads them elsewhere can
    see that they give the same number."""
    from .fgd import known_distance

    tensors = checkpoint.tensors_of(autoencoder)
    halved = MotionAutoencoder(autoencoder.options)
    halved.load_state_dict(tensors)
    options = asdict(autoencoder.options) | {"known_distance": known_distance(halved.eval())}
    checkpoint.write(path, tensors, KIND, options)


def load(name_or_path: str = WEIGHTS) -> MotionAutoencoder:
    """Registered weights, or a .safetensors file. Raises: WeightsError."""
    return load_checked(name_or_path)[0]


def load_checked(name_or_path: str = WEIGHTS) -> tuple[MotionAutoencoder, float]:
    """As `load`, with the `fgd.known_distance` that was measured when the weights were written."""
    path = weights.locate(name_or_path)
    tensors, options = checkpoint.read(path, KIND)
    expected = options.pop("known_distance")
    autoencoder = MotionAutoencoder(AutoencoderOptions(**options))
    return checkpoint.fill(autoencoder, tensors, path), float(expected)
