"""The drawn person, and the diffusion renderer's networks at a size for tests."""

from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_person import Drawn, draw_person

from gesticulate.animation.coders import PictureCoders, tiny_coders
from gesticulate.animation.networks import TINY, AnimationNetwork
from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses

KEYS = Path(__file__).resolve().parents[3] / "shared" / "research" / "keys"


@pytest.fixture(scope="session")
def keys_dir() -> Path:
    """Lists of the public files' tensors, kept beside a developer's checkout."""
    if not KEYS.is_dir():
        pytest.skip(f"no lists of public weights at {KEYS}")
    return KEYS


@pytest.fixture(scope="session")
def drawn() -> Drawn:
    return draw_person()


@pytest.fixture(scope="session")
def network() -> AnimationNetwork:
    """Random everywhere, so that motion modules and poses have a say."""
    torch.manual_seed(0)
    network = AnimationNetwork(TINY)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith(("proj_out.weight", "conv_out.weight")):
                parameter.normal_(std=0.05)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def coders() -> PictureCoders:
    torch.manual_seed(0)
    return tiny_coders(TINY.token)


@pytest.fixture(scope="session")
def raised():
    """A function: a pose and a number of frames -> poses in which the left arm goes up from it."""

    def raised(pose: Poses, frames: int, pixels: float = 12.0) -> Poses:
        points = np.repeat(pose.points, frames, axis=0)
        lift = np.linspace(0, pixels, frames)[:, None]
        points[:, [7, 9], 1] -= lift
        points[:, layout.LEFT_HAND, 1] -= lift
        return Poses(points, pose.size)

    return raised
