"""FVD: the Frechet video distance.

Unterthiner et al., "FVD: A new Metric for Video Generation", 2018: the Frechet distance between
features of real and of generated clips, the 400 numbers of I3D (Kinetics-400) before the softmax,
as in the programs of StyleGAN-V and VideoGPT. Frames are resized to 224 on the shorter side, cut to
the middle square, values in -1..1. 0 is best.

The number depends much on how many clips there are and how long they are, which gesture papers do
not tell; a result should. Here a clip is 16 frames in a row (`CLIP`), as in most of the literature
on video generation, and videos are cut into such clips without overlap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from .frechet import set_distance

CLIP, SIDE = 16, 224
FEWEST = 10  # Frames, below which I3D's last pool has nothing left.


class VideoFeatures:
    """Frames -> features of clips."""

    def __init__(self, path: Path | None = None, clip: int = CLIP) -> None:
        """path: I3D's weights, None for those in the cache (`picture_networks`). clip: frames.

        Raises: WeightsError where there are none.
        """
        from .i3d import I3d

        if clip < FEWEST:
            raise ValueError(f"I3D needs clips of at least {FEWEST} frames, got {clip}")
        self.clip = clip
        self._network = I3d.pretrained(path)

    def features(self, frames: Iterable[np.ndarray]) -> np.ndarray:
        """frames: of one video, [H, W, 3] uint8 RGB each, as a stream. Returns [N, 400] float64, a
        row for every whole clip."""
        import torch

        found = [np.zeros((0, 400))]
        for clip in _clips(frames, self.clip):
            video = torch.from_numpy(clip).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
            with torch.inference_mode():
                found.append(self._network(video).double().numpy())
        return np.concatenate(found)


def fvd(real: np.ndarray, generated: np.ndarray) -> float:
    """>= 0. real, generated: [N, 400] and [M, 400], see `VideoFeatures.features`, or the features
    of a network of one's own."""
    return set_distance(real, generated)


def _clips(frames: Iterable[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """[length, 224, 224, 3] each; a rest is left out."""
    clip = []
    for frame in frames:
        clip.append(_square(frame))
        if len(clip) == length:
            yield np.stack(clip)
            clip = []


def _square(frame: np.ndarray) -> np.ndarray:
    """The middle square of a frame whose shorter side becomes 224."""
    height, width = frame.shape[:2]
    scale = SIDE / min(height, width)
    size = (max(SIDE, round(width * scale)), max(SIDE, round(height * scale)))
    resized = cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR)
    left, top = (size[0] - SIDE) // 2, (size[1] - SIDE) // 2
    return resized[top : top + SIDE, left : left + SIDE]
