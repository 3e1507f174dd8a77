"""What the demo is made from: a photo and a speech that come with the installed packages."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def demo_photo() -> np.ndarray:
    """[512, 512, 3] uint8 RGB: the astronaut Eileen Collins (NASA, public domain).

    It comes with scikit-image.
    """
    from skimage.data import astronaut

    return np.asarray(astronaut())


def demo_speech() -> Path:
    """The recording ``welcome.wav``: 9.6 s, one speaker."""
    return Path(__file__).with_name("welcome.wav")
