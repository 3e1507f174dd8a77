"""Windows of talking mouths: speech features, and what the mouth did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from ..datasets.options import FPS
from ..datasets.talking_faces import FaceClip
from ..errors import InputError
from ..keypoints.mouth import measure_mouth
from ..speech.load import load
from ..speech.track import Encoder
from .options import LipTraining

# Of a clip's frames, those with the smallest opening tell how chin and lower lip rest.
RESTING = 0.25


@dataclass(frozen=True)
class Talking:
    """A clip as it is trained on: features [T, C], mouth [T, 4] as `LipNetwork` tells it, weight
    [T], 0 where the face was not seen."""

    name: str
    kind: str
    features: np.ndarray
    mouth: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class LipBatch:
    """features: [B, T, C]. mouth: [B, T, 4]. weight: [B, T]."""

    features: Tensor
    mouth: Tensor
    weight: Tensor

    def to(self, device: torch.device) -> LipBatch:
        """The batch on a device."""
        return LipBatch(*(getattr(self, field.name).to(device) for field in fields(self)))


def describe_mouth(points: np.ndarray) -> np.ndarray:
    """[T, 68, 2] -> [T, 4]: what the lip model is to tell, see `LipNetwork`."""
    shape = measure_mouth(points)
    own = float(np.median(shape.width))
    resting = shape.opening <= np.quantile(shape.opening, RESTING)
    return np.stack(
        [
            np.maximum(shape.opening, 0) / own,
            shape.width / own - 1,
            (shape.jaw - np.median(shape.jaw[resting])) / own,
            (shape.lower_lip - np.median(shape.lower_lip[resting])) / own,
        ],
        axis=1,
    ).astype(np.float32)


def hear(clip: FaceClip, encoder: Encoder) -> Talking:
    """A clip's mouth beside its speech features."""
    speech = load(clip.speech)
    features = encoder.encode(speech, FPS).features
    length = min(len(features), len(clip.points))
    return Talking(
        clip.name,
        clip.kind,
        features[:length],
        describe_mouth(clip.points)[:length],
        clip.confidence[:length].astype(np.float32),
    )


class LipWindows:
    """Windows of clips; a batch is a function of (seed, step) alone."""

    def __init__(self, clips: Sequence[Talking], options: LipTraining) -> None:
        self.clips = [clip for clip in clips if len(clip.mouth) >= options.window]
        if not self.clips:
            raise InputError(
                f"No clip has {options.window} frames. Give more, or a smaller window."
            )
        share = np.array([len(c.mouth) * options.kinds.get(c.kind, 1.0) for c in self.clips])
        self.share, self.options = share / share.sum(), options

    def batch(self, step: int, process: int = 0) -> LipBatch:
        """Features are a little noisy, and some are hidden for a moment, so that the network does
        not lean on a few of them."""
        rng = np.random.default_rng((self.options.loop.seed, step, process))
        window, rows = self.options.window, []
        for _ in range(self.options.loop.batch):
            clip = self.clips[rng.choice(len(self.clips), p=self.share)]
            first = rng.integers(len(clip.mouth) - window + 1)
            span = slice(first, first + window)
            rows.append((clip.features[span], clip.mouth[span], clip.weight[span]))
        features, mouth, weight = (
            torch.from_numpy(np.stack(column).astype(np.float32))
            for column in zip(*rows, strict=True)
        )
        return LipBatch(features, mouth, weight)
