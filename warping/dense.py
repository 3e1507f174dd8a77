"""Candidate motions of a frame: what the dense-motion network chooses among at every pixel.

These are the puppet's parts, with the puppet's own choice as their share, so that a network whose
output is added to that choice and starts at zero begins as the puppet; and the papers' strided
thin-plate splines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from torch import Tensor

from ..keypoints import layout
from .layers import Layer
from .renderer import Puppet, PuppetPose, node_grid, upsample
from .rig import SIDES
from .tps import solve_tps

# Back to front.
CANDIDATES = (
    "background",
    "body",
    *(f"{side}_{part}" for part in ("upper", "forearm", "hand") for side in SIDES),
)
# A part that does not show at a pixel keeps this weight there, so that learning can bring it in.
FLOOR = 1e-4
# Fields are smooth: one value every so many samples, linear between.
_STEP = 2
# A copy's colours go on past the edge of its alpha for this many samples, then end in black.
_RIM = 2


def candidate_of(layer: Layer) -> int:
    """The layer's place in CANDIDATES."""
    return CANDIDATES.index(f"{layer.side}_{layer.part}" if layer.side else layer.part)


@dataclass(frozen=True)
class SampleGrid:
    """A square grid of points in the photo: origin [2] and step in photo pixels, count a side."""

    origin: np.ndarray
    step: float
    count: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        return 0, 0, self.count, self.count

    def points(self) -> np.ndarray:
        """[count, count, 2] float32."""
        each = np.arange(self.count, dtype=np.float32)
        return self._place(np.dstack(np.meshgrid(each, each)))

    def nodes(self) -> np.ndarray:
        """[h, w, 2] float32, the points at which fields are evaluated."""
        return self._place(node_grid(self.box, _STEP))

    def _place(self, index: np.ndarray) -> np.ndarray:
        return (self.origin + self.step * index).astype(np.float32)


@dataclass(frozen=True)
class SmallTexture:
    """A layer's picture with about one pixel a sample, smoothed so that its copies do not alias.

    pixels: [h, w, 4] float32 in 0..1. RGB is the layer's own colour, not multiplied by alpha; it
    goes on a little past the layer's edge, so that a limb may be widened, and ends in black.
    corner: [2], where in the photo its first pixel's outer corner lies. shrunk: [2], its pixels per
    photo pixel, across and down.
    """

    pixels: np.ndarray
    corner: np.ndarray
    shrunk: np.ndarray

    @classmethod
    def of(cls, texture: np.ndarray, corner: tuple[int, int], step: float) -> SmallTexture:
        """texture: [h, w, 4] uint8, premultiplied RGBA. corner: its first pixel in the photo.
        step: photo pixels between samples."""
        height, width = texture.shape[:2]
        small = texture
        if step > 1.0:
            size = max(round(width / step), 1), max(round(height / step), 1)
            small = cv2.resize(texture, size, interpolation=cv2.INTER_AREA)
        shrunk = np.array([small.shape[1] / width, small.shape[0] / height], np.float32)
        rim = _RIM + 1
        small = cv2.copyMakeBorder(small, rim, rim, rim, rim, cv2.BORDER_CONSTANT, value=0)
        outer = np.array(corner, np.float32) - 0.5 - rim / shrunk
        return cls(_own_colours(small.astype(np.float32) / 255.0), outer, shrunk)

    def at(self, points: np.ndarray) -> np.ndarray:
        """[h, w, 4] at photo points [h, w, 2]."""
        places = (points - self.corner) * self.shrunk - 0.5
        return cv2.remap(self.pixels, places.astype(np.float32), None, cv2.INTER_LINEAR)


def _own_colours(texture: np.ndarray) -> np.ndarray:
    """[h, w, 4] in 0..1, premultiplied -> the layer's own colours, carried on past its edge."""
    alpha = texture[..., 3:]
    around = cv2.GaussianBlur(texture, (0, 0), 0.6 * _RIM)
    carried = around[..., :3] / np.maximum(around[..., 3:], 1e-3)
    own = texture[..., :3] / np.maximum(alpha, 1e-3)
    near = cv2.dilate(alpha, np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8))[..., None]
    colours = np.clip(carried + alpha * (own - carried), 0.0, 1.0) * near
    return np.concatenate([colours, alpha], axis=-1).astype(np.float32)


def part_motion(puppet: Puppet, pose: PuppetPose, grid: SampleGrid) -> np.ndarray:
    """Backward displacement of every part, photo pixels: [P, h, w, 2] float32.

    A part that the photo does not have, and the background, does not move.
    """
    nodes = grid.nodes()
    moves = np.zeros((len(CANDIDATES), grid.count, grid.count, 2), np.float32)
    for layer in puppet.parts.layers:
        coarse = pose.fields.back(layer.part, layer.side, nodes) - nodes
        move = upsample(coarse, grid.box, _STEP)
        if layer.part == "body":
            move = move + pose.face(pose.fields.head.inverse()(grid.points()))
        moves[candidate_of(layer)] = move
    return moves


def compose(
    textures: Sequence[tuple[int, SmallTexture]], background: np.ndarray, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The moved parts, and by depth order how much of each shows.

    textures: (candidate, its texture), back to front. background: [h, w, 3] in 0..1.
    places: [P, h, w, 2], where in the photo each part comes from, pixels.
    Returns (colours [P, h, w, 3] in 0..1, shown [P, h, w], which sums to 1), float32.
    """
    colours = np.zeros((*places.shape[:3], 3), np.float32)
    shown = np.zeros(places.shape[:3], np.float32)
    clear = np.ones(places.shape[1:3], np.float32)
    for index, texture in reversed(textures):
        moved = texture.at(places[index])
        colours[index] = moved[..., :3]
        shown[index] = moved[..., 3] * clear
        clear = clear * (1.0 - moved[..., 3])
    colours[0], shown[0] = background, clear
    return colours, shown


def tps_candidates(photo: Tensor, driven: Tensor, height: int, width: int) -> Tensor:
    """The 29 thin-plate splines of Contextual Gesture through 4 strided points each.

    photo, driven: [B, 116, 2], the motion points in the photo and in the frame, in [-1, 1].
    Returns backward flows [B, 29, height, width, 2], in [-1, 1].
    """
    # The groups are strided: no list of indices, which a GPU would have to be sent.
    grid = layout.TPS_GROUPS.T.shape
    centres, targets = (
        points.unflatten(1, grid).transpose(1, 2).flatten(0, 1) for points in (driven, photo)
    )
    # Regularised as in the thin-plate-spline motion model, so that near-collinear points stay calm.
    spline = solve_tps(centres, targets, 0.01)
    return spline.on_grid(height, width).unflatten(0, (len(photo), grid[1]))
