"""The person matte: how much of each pixel is the person."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Protocol, runtime_checkable

import cv2
import numpy as np

from .. import weights
from ..keypoints import layout
from ..keypoints.onnx_models import open_session
from .grab import grown
from .rig import PhotoRig

# MODNet was trained at 512 pixels on the shorter side; it takes multiples of 32.
_SHORTER, _MULTIPLE = 512, 32
# Below this it no longer knows a person; smaller pictures are enlarged to it.
_LEAST = 256
# Times the shorter side: a panorama is looked at more coarsely along its length.
_LONGEST = 2.5
# What is more likely the person than not, in `one_person`.
_LIKELY = 0.4


@runtime_checkable
class Matting(Protocol):
    """Tells the people in a picture from what is behind them."""

    def matte(self, photo: np.ndarray) -> np.ndarray:
        """photo: [H, W, 3] uint8 RGB. Returns [H, W] float32 in 0..1, how much is a person."""
        ...


class ModNet:
    """MODNet: portrait matting without a trimap (Ke et al., "MODNet: Real-Time Trimap-Free Portrait
    Matting via Objective Decomposition", AAAI 2022).

    weights: a registered name, or the path of an .onnx file with one input [1, 3, H, W] in [-1, 1]
    and one output [1, 1, H, W]. shorter: pixels of the shorter side that it looks at; a quarter of
    the time at 256, and less hair.
    Raises: WeightsError where the weights are missing, damaged or no such network.
    """

    def __init__(self, weights_file: str = "modnet", shorter: int = _SHORTER) -> None:
        path = Path(weights_file)
        if path.suffix != ".onnx":
            path = weights.resolve(weights_file)
        self.session = open_session(path, inputs=1, outputs=1)
        self.shorter = shorter
        self._last: tuple[bytes, np.ndarray] | None = None

    def matte(self, photo: np.ndarray) -> np.ndarray:
        """See `Matting`. The last picture's is kept: a photo's arms are judged before it is taken
        apart."""
        key = hashlib.sha256(photo.tobytes()).digest()
        last = self._last
        if last is None or last[0] != key or last[1].shape != photo.shape[:2]:
            last = self._last = key, self._found(photo)
        return last[1].copy()

    def _found(self, photo: np.ndarray) -> np.ndarray:
        height, width = photo.shape[:2]
        size = self._size(width, height)
        shrinks = size[0] < width
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        seen = cv2.resize(photo, size, interpolation=how).astype(np.float32) / 127.5 - 1.0
        batch = np.ascontiguousarray(seen.transpose(2, 0, 1)[None])
        found = self.session.run(None, {self.session.get_inputs()[0].name: batch})[0][0, 0]
        found = cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.clip(found, 0.0, 1.0)

    def _size(self, width: int, height: int) -> tuple[int, int]:
        shorter = min(width, height)
        scale = min(max(shorter, _LEAST), self.shorter) / shorter
        sides = (min(side * scale, _LONGEST * self.shorter) for side in (width, height))
        across, down = (max(1, round(side / _MULTIPLE)) * _MULTIPLE for side in sides)
        return across, down


@cache
def default_matting() -> ModNet:
    """The one that comes along, loaded once."""
    return ModNet()


@cache
def quick_matting() -> ModNet:
    """The same at half the size, for many frames of a video."""
    return ModNet(shorter=_LEAST)


def one_person(matte: np.ndarray, rig: PhotoRig) -> np.ndarray:
    """The matte of the person whose joints these are: without other people, things and haze that
    do not hang together with them, and with the face, should the matte have missed it.

    matte: [H, W] float32 in 0..1. rig: in the same pixels.
    """
    matte = np.maximum(matte, _face_and_neck(matte.shape, rig))
    _, labels = cv2.connectedComponents((matte > _LIKELY).astype(np.uint8))
    points = np.concatenate([rig.face, *rig.arms.values(), rig.neck[None]])
    points = np.clip(np.round(points), 0, [matte.shape[1] - 1, matte.shape[0] - 1]).astype(int)
    mine = np.unique(labels[points[:, 1], points[:, 0]])
    mask = grown(np.isin(labels, mine[mine > 0]), 0.012 * max(matte.shape))
    return matte * cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5)


def _face_and_neck(shape: tuple[int, ...], rig: PhotoRig) -> np.ndarray:
    """[H, W] float32, what the skeleton knows to be the person: face up to the hair, and neck."""
    mask = np.zeros(shape, np.uint8)
    chin, bridge = rig.face[layout.FACE_CHIN], rig.face[layout.FACE_NOSE_BRIDGE.start]
    brows = rig.face[layout.FACE_RIGHT_BROW.start : layout.FACE_LEFT_BROW.stop]
    outline = np.concatenate([rig.face, brows + 0.45 * (bridge - chin)]).astype(np.float32)
    cv2.fillPoly(mask, [np.round(cv2.convexHull(outline)).astype(np.int32)], 1)
    top, base = np.round([chin, rig.neck]).astype(int).tolist()
    cv2.line(mask, top, base, 1, max(1, round(0.3 * rig.unit)))
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 2.0)
