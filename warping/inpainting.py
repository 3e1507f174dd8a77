"""What is behind the person: a network's guess, judged by its surroundings."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Protocol, runtime_checkable

import cv2
import numpy as np

from .. import weights
from ..keypoints.onnx_models import open_session
from .fill import fill_smooth, fill_textured
from .grab import grown
from .parts import smoothstep

# How far in from its edge a hole is filled by a network, in shoulder widths: all of it up to the
# first, none from the second on. A person who gestures shows no more of what is behind, and far
# from everything it knows a network invents things.
_DEEP = (0.2, 0.4)
# A fill is compared with what is known within this share of the picture's longer side: it may be as
# many of its standard deviations off as the first number, and is not used from the second on; grey
# levels by which all differ.
_NEAR, _USUAL, _NOISE = 0.08, (1.6, 2.4), 4.0
# Brightness, and hue as red against green and blue against yellow: rooms have less of the latter,
# so that it tells more.
_OPPONENT = np.array([[0.3, 0.5, -0.25], [0.4, -0.5, -0.25], [0.3, 0.0, 0.5]], np.float32)
# A wall is plain where nearly all of it, so far around a hole as a share of the longer side,
# differs by less than so many grey levels from its own blur.
_RING, _PLAIN = 0.08, 7.0


@runtime_checkable
class Inpainting(Protocol):
    """Fills holes in pictures with what may be behind them."""

    def fill(self, photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
        """[H, W, 3] uint8, the picture with its hole filled; outside it may differ a little.

        photo: [H, W, 3] uint8 RGB. hole: [H, W] bool, some of the picture but not all.
        """
        ...


class MiGan:
    """MI-GAN (Sargsyan et al., "MI-GAN: A Simple Baseline for Image Inpainting on Mobile Devices",
    ICCV 2023) as its authors' pipeline in ONNX, which crops to the hole and puts the result back.

    weights_file: a registered name, or the path of an .onnx file with the inputs image
    [1, 3, H, W] and mask [1, 1, H, W], 0 in the hole, both uint8.
    Raises: WeightsError where the weights are missing, damaged or no such network.
    """

    def __init__(self, weights_file: str = "migan") -> None:
        path = Path(weights_file)
        if path.suffix != ".onnx":
            path = weights.resolve(weights_file)
        self.session = open_session(path, inputs=2, outputs=1)

    def fill(self, photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
        """See `Inpainting`."""
        # The pipeline lets some of the hole through at its edge: give it nothing to find.
        bare = SmoothFill().fill(photo, hole)
        image = np.ascontiguousarray(bare.transpose(2, 0, 1)[None])
        mask = np.where(hole, 0, 255).astype(np.uint8)[None, None]
        names = [given.name for given in self.session.get_inputs()]
        filled = self.session.run(None, dict(zip(names, (image, mask), strict=True)))[0][0]
        return np.ascontiguousarray(filled.transpose(1, 2, 0))


class SmoothFill:
    """Inpainting without a network: colours run on from the edge of the hole."""

    def fill(self, photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
        """See `Inpainting`."""
        filled = fill_smooth(photo.astype(np.float32), (~hole).astype(np.float32))
        return np.where(hole[..., None], np.clip(np.rint(filled), 0, 255), photo).astype(np.uint8)


@cache
def default_inpainting() -> MiGan:
    """The one that comes along, loaded once."""
    return MiGan()


def fill_behind(
    photo: np.ndarray, hole: np.ndarray, unit: float, inpainting: Inpainting
) -> np.ndarray:
    """[H, W, 3] float32, the picture with its hole filled: by the network where that goes with its
    surroundings, else smoothly.

    photo: [H, W, 3] uint8 RGB. hole: [H, W] bool; the outline and its light belong to it. unit:
    shoulder width in pixels.
    """
    image = photo.astype(np.float32)
    smooth = fill_textured(image, ~hole, 0.15 * unit, upright=3.0)
    if hole.all() or not hole.any() or _plain_around(image, hole):
        return smooth
    made = inpainting.fill(photo, hole).astype(np.float32)
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)
    trust = (1.0 - smoothstep(_DEEP[0] * unit, _DEEP[1] * unit, depth)) * familiar(made, hole)
    return np.where(hole[..., None], smooth + trust[..., None] * (made - smooth), image)


def _plain_around(image: np.ndarray, hole: np.ndarray) -> bool:
    """Whether a hole is surrounded by a plain wall, which colours that run on show as well as any
    network, in no time."""
    longer = max(hole.shape)
    ring = grown(hole, _RING * longer) & ~hole
    if not ring.any():
        return False
    texture = np.abs(image - cv2.GaussianBlur(image, (0, 0), max(0.25 * _RING * longer, 1.0)))
    # Where the hole itself is within the blur's reach its colours, not the wall's, would count.
    ring &= ~grown(hole, 0.75 * _RING * longer)
    return bool(ring.any() and np.percentile(texture[ring].max(axis=-1), 98) < _PLAIN)


def familiar(made: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """[H, W] float32 in 0..1, how far a fill has colours that are found around its hole.

    made: [H, W, 3] float32, filled. hole: [H, W] bool.
    """
    longer = max(hole.shape)
    known = (~hole).astype(np.float32)
    sigma = _NEAR * longer
    count = _coarsely_blurred(known, sigma) + 1e-4
    seen = made @ _OPPONENT
    mean = _coarsely_blurred(seen * known[..., None], sigma) / count[..., None]
    square = _coarsely_blurred(seen**2 * known[..., None], sigma) / count[..., None]
    spread = np.sqrt(np.maximum(square - mean**2, 0.0)) + _NOISE
    small = 0.003 * longer
    off = (np.abs(cv2.GaussianBlur(seen, (0, 0), small) - mean) / spread).max(axis=-1)
    strange = smoothstep(*_USUAL, off) * hole
    # An invented thing goes as a whole, with its edge.
    size = 2 * round(0.015 * longer) + 1
    strange = cv2.dilate(strange, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    return 1.0 - cv2.GaussianBlur(strange, (0, 0), max(4 * small, 0.8))


def _coarsely_blurred(picture: np.ndarray, sigma: float) -> np.ndarray:
    """A wide Gaussian blur, by way of a smaller picture."""
    step = max(1, int(sigma / 4))
    size = (max(1, picture.shape[1] // step), max(1, picture.shape[0] // step))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step)
    return cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
