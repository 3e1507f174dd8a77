"""Train the lip model: `gesticulate train lips`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import registry
from ..datasets.talking_faces import load_talking_faces
from ..motion.lip_network import CHANNELS, OPENING, WIDTH, LipNetwork, LipOptions, save_lips
from ..speech.track import Encoder
from .loop import fit
from .mouths import LipBatch, LipWindows, Talking, hear
from .options import LipTraining

# Where speech tells next to nothing, it must not be blown up to all that mouths do.
MOST_STRETCH = 2.0
# Lips with a gap below this, in widths of the mouth, are closed.
CLOSED = 0.03


class LipLosses(nn.Module):
    """The network, and what it is trained on.

    place: L1 of all four numbers in units of their spread. speed: the same of their differences.
    shape: 1 - the concordance correlation of opening and width over each window (Lin, "A
    concordance correlation coefficient to evaluate reproducibility", Biometrics 45, 1989), which
    L1 alone would let shrink to a mean. closure: how far the lips stand open where they are really
    closed.
    """

    def __init__(self, network: LipNetwork, options: LipTraining) -> None:
        super().__init__()
        self.network, self.options = network, options

    def forward(self, batch: LipBatch, step: int) -> dict[str, Tensor]:
        """The losses by name."""
        features = batch.features
        if self.training:
            features = features + self.options.noise * self.network.std * torch.randn_like(features)
        told, real = self.network(features), batch.mouth
        weight = batch.weight[..., None]
        unit = self.network.spread
        place = _mean(((told - real) / unit).abs(), weight)
        both = weight[:, 1:] * weight[:, :-1]
        speed = _mean(((told - real).diff(dim=1) / unit).abs(), both)
        shape = 1 - concordance(told, real, weight)[:, [OPENING, WIDTH]].mean()
        closed = (real[..., OPENING] < CLOSED) * batch.weight
        open_by = F.relu(told[..., OPENING] - CLOSED) / unit[OPENING]
        closure = (open_by * closed).sum() / closed.sum().clamp(min=1)
        o = self.options
        loss = place + o.speed * speed + o.shape * shape + o.closure * closure
        return {"loss": loss, "place": place, "speed": speed, "shape": shape, "closure": closure}


def concordance(told: Tensor, real: Tensor, weight: Tensor) -> Tensor:
    """[B, T, K], [B, T, K], [B, T, 1] -> [B, K], in -1..1: 1 where both are the same."""
    total = weight.sum(1).clamp(min=1e-6)
    mean_told, mean_real = ((x * weight).sum(1) / total for x in (told, real))
    a, b = told - mean_told[:, None], real - mean_real[:, None]
    together = (a * b * weight).sum(1) / total
    apart = ((a.square() + b.square()) * weight).sum(1) / total
    return 2 * together / (apart + (mean_told - mean_real).square() + 1e-6)


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / (weight.sum() * values.shape[-1]).clamp(min=1)


@torch.no_grad()
def likeness(network: LipNetwork, clips: Sequence[Talking], shuffled: bool = False) -> np.ndarray:
    """[4]: mean over clips of the correlation of each number with the real lips'.

    shuffled: with the next clip's speech instead, as long as both last.
    """
    found = []
    for index, clip in enumerate(clips):
        features = clips[(index + 1) % len(clips)].features if shuffled else clip.features
        length = min(len(features), len(clip.mouth))
        told = network(torch.from_numpy(features[None, :length]))[0].cpu().numpy()
        seen = clip.weight[:length] > 0
        real = clip.mouth[:length]
        found.append([_correlation(told[seen, k], real[seen, k]) for k in range(len(CHANNELS))])
    return np.nanmean(found, axis=0)


@torch.no_grad()
def match_spread(network: LipNetwork, clips: Sequence[Talking]) -> None:
    """Let what the network tells of its training clips vary as much as real mouths do.

    Without this, what speech does not tell is missing from it, and the lips move too little.
    """
    told = [network(torch.from_numpy(clip.features[None]))[0][clip.weight > 0] for clip in clips]
    real = [torch.from_numpy(clip.mouth[clip.weight > 0]) for clip in clips]
    own, wanted = torch.cat(told), torch.cat(real)
    stretch = (wanted.std(0) / own.std(0).clamp(min=1e-6)).clamp(1, MOST_STRETCH)
    network.middle.copy_(wanted.mean(0) + stretch * (network.middle - own.mean(0)))
    network.spread.mul_(stretch)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / scale) if scale > 1e-9 else np.nan


def make_network(clips: Sequence[Talking], encoder: Encoder, options: LipTraining) -> LipNetwork:
    """A new network that knows the training set's means and spreads."""
    torch.manual_seed(options.loop.seed)
    network = LipNetwork(LipOptions(encoder.name, encoder.channels, width=options.width))
    features = torch.from_numpy(np.concatenate([clip.features for clip in clips]))
    mouth = torch.from_numpy(np.concatenate([clip.mouth for clip in clips]))
    network.mean.copy_(features.mean(0))
    network.std.copy_(features.std(0).clamp(min=1e-3))
    network.middle.copy_(mouth.mean(0))
    network.spread.copy_(mouth.std(0).clamp(min=1e-3))
    return network


def train_lips(options: LipTraining) -> Path:
    """Train it; returns the weights file it wrote (fp16 safetensors).

    Raises: InputError where the folder holds no faces; UsageError for an unknown encoder.
    """
    encoder = registry.build("speech_encoders", options.speech_encoder)
    clips, held_out = (
        [hear(clip, encoder) for clip in load_talking_faces(options.folder, split)]
        for split in ("train", "val")
    )
    windows = LipWindows(clips, options)
    module = LipLosses(make_network(clips, encoder, options), options)

    def validate(trained: nn.Module) -> dict[str, float]:
        network = trained.network
        own = likeness(network, held_out)
        other = likeness(network, held_out, shuffled=True)
        figures = {name: float(value) for name, value in zip(CHANNELS, own, strict=True)}
        return {"loss": 1 - float(own[OPENING]), **figures, "shuffled": float(other[OPENING])}

    trained = fit(module, windows.batch, validate, options.loop)
    network = trained.network.cpu()
    match_spread(network, clips)
    path = options.loop.output / "lips.safetensors"
    save_lips(path, network)
    return path
