"""FID: the Frechet inception distance.

Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", NeurIPS 2017: the Frechet distance
between 2048 features of real and of generated pictures, from the pooled last layer of the Inception
network of 2015-12-05. Pictures are prepared as pytorch-fid (Seitzer 2020) does: bilinear to
299 x 299 without antialiasing, values in -1..1. 0 is best. Few pictures bias it upwards: compare
sets of the same size.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np

from .frechet import set_distance
from .picture_networks import network_path

_SIDE, _BATCH = 299, 8


class Inception:
    """Pictures -> features."""

    def __init__(self, path: Path | None = None) -> None:
        """path: the TorchScript file, or None for the one in the cache (`picture_networks`).

        Raises: WeightsError where there is none.
        """
        import torch

        self._network = torch.jit.load(str(network_path("inception", path)), "cpu").eval()

    def features(self, pictures: Iterable[np.ndarray]) -> np.ndarray:
        """pictures: [H, W, 3] uint8 RGB each, as a stream. Returns [N, 2048] float64."""
        import torch
        from torch.nn import functional as F

        found, stream = [np.zeros((0, 2048))], iter(pictures)
        while batch := list(islice(stream, _BATCH)):
            small = [
                F.interpolate(
                    torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1,
                    size=(_SIDE, _SIDE),
                    mode="bilinear",
                    align_corners=False,
                )
                for picture in batch
            ]
            with torch.inference_mode():
                found.append(self._network(torch.cat(small)).double().numpy())
        return np.concatenate(found)


def fid(real: np.ndarray, generated: np.ndarray) -> float:
    """>= 0. real, generated: [N, 2048] and [M, 2048], see `Inception.features`, or the features of
    a network of one's own."""
    return set_distance(real, generated)
