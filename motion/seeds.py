"""A seed for each stream of a run, so that changing what one stream draws leaves the others."""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def stream_seed(seed: int, stream: str) -> int:
    """The seed of a stream ("face", "body", "blinks", ...) of a run, in 0..2**63 - 1.

    A hash, as seeds that count up would give neighbouring runs each other's streams.
    """
    digest = hashlib.blake2b(f"{seed}/{stream}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def draws(seed: int, stream: str) -> np.random.Generator:
    """What a stream draws its numbers from."""
    return np.random.default_rng(stream_seed(seed, stream))


def noise(seed: int, stream: str) -> torch.Generator:
    """As `draws`, for networks: on the CPU, so that a seed gives the same motion everywhere."""
    return torch.Generator().manual_seed(stream_seed(seed, stream))
