"""Squares about mouth and eyes that go with the skull: what the networks of the face see."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from ...keypoints import layout
from ...warping.face import EYES, MOUTH, FaceMotion, Opening, inside_both
from ...warping.parts import smoothstep
from ...warping.renderer import node_grid, upsample

REGIONS = ("mouth", "right_eye", "left_eye")
# Curves of the opening (lips or lids) that each region is about.
CURVES = {"mouth": MOUTH, "right_eye": EYES[0], "left_eye": EYES[1]}
# Sides in lengths from between the eyes to the chin: of the mouth's square, which reaches from
# the nostrils to below an open mouth's chin, and of an eye's, which holds its brow.
_SIDE = {"mouth": 0.95, "right_eye": 0.55, "left_eye": 0.55}
_MOUTH_DOWN = 0.80  # its middle, in the same lengths below the bridge of the nose
_EYE_UP = 0.06
_STEP = 3  # pixels between two values of the spline, which is smooth


@dataclass(frozen=True)
class FaceRegion:
    """A square of the photo, upright to its face.

    name: of `REGIONS`. middle: [2], photo pixels. along, down: [2], unit vectors of its sides.
    side: photo pixels. size: S, the networks' pixels.
    """

    name: str
    middle: np.ndarray
    along: np.ndarray
    down: np.ndarray
    side: float
    size: int

    @classmethod
    def of(cls, name: str, face: np.ndarray, size: int) -> FaceRegion:
        """The region of a face [68, 2], photo pixels."""
        bridge, chin = face[layout.FACE_NOSE_BRIDGE.start], face[layout.FACE_CHIN]
        length = max(float(np.linalg.norm(chin - bridge)), 1.0)
        down = (chin - bridge) / length
        along = np.array([down[1], -down[0]])
        curves = CURVES[name]
        centre = face[sorted({i for curve in curves for i in curve})].mean(0)
        if name == "mouth":
            across = float((centre - bridge) @ along)
            middle = bridge + _MOUTH_DOWN * length * down + across * along
        else:
            middle = centre - _EYE_UP * length * down
        side = _SIDE[name] * length
        return cls(
            name, middle.astype(np.float32), along.astype(np.float32), down.astype(np.float32),
            side, size,
        )  # fmt: skip

    @property
    def scale(self) -> float:
        """Photo pixels in one of the network's."""
        return self.side / self.size

    @cached_property
    def places(self) -> np.ndarray:
        """[S, S, 2] photo pixels of the network's pixels."""
        return self.to_photo(np.dstack(np.meshgrid(*2 * [np.arange(self.size, dtype=np.float32)])))

    def to_photo(self, pixels: np.ndarray) -> np.ndarray:
        """[..., 2] pixels of the network's picture -> photo pixels."""
        offset = (pixels - 0.5 * (self.size - 1)) * self.scale
        axes = np.stack([self.along, self.down])
        return (self.middle + offset @ axes).astype(np.float32)

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """[..., 2] photo pixels -> pixels of the network's picture; the inverse of `to_photo`."""
        axes = np.stack([self.along, self.down])
        offset = (points - self.middle) @ axes.T
        return (offset / self.scale + 0.5 * (self.size - 1)).astype(np.float32)

    def to_unit(self, points: np.ndarray) -> np.ndarray:
        """[..., 2] photo pixels -> [-1, 1] of the square, pixel i at -1 + 2 i / (S - 1)."""
        return 2.0 * self.to_pixels(points) / (self.size - 1) - 1.0

    def cut(self, photo: np.ndarray, places: np.ndarray | None = None) -> np.ndarray:
        """[S, S, C] uint8, the picture [H, W, C] at the places [S, S, 2] (its own where None)."""
        places = self.places if places is None else places
        if self.scale > 1.5:
            # Without a filter before it, sampling would show every other pixel's noise.
            photo, places = self._shrunk(photo, places)
        return cv2.remap(photo, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def _shrunk(self, photo: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        margin = 2 * self.scale
        low = np.maximum(np.floor(places.min((0, 1)) - margin), 0).astype(int)
        high = np.minimum(np.ceil(places.max((0, 1)) + margin) + 1, photo.shape[1::-1]).astype(int)
        if (high <= low).any():
            return photo, places
        part = photo[low[1] : high[1], low[0] : high[0]]
        size = np.maximum(np.round(np.array(part.shape[1::-1]) / self.scale), 1).astype(int)
        ratio = size / np.array(part.shape[1::-1])
        part = cv2.resize(part, tuple(size.tolist()), interpolation=cv2.INTER_AREA)
        return part, ((places - low + 0.5) * ratio - 0.5).astype(np.float32)

    @cached_property
    def window(self) -> np.ndarray:
        """[S, S] float32, how far a pixel may be changed: 1 in the middle, 0 at the edge."""
        unit = np.abs(np.linspace(-1, 1, self.size, dtype=np.float32))
        away = (unit[None] ** 4 + unit[:, None] ** 4) ** 0.25
        return (1.0 - smoothstep(0.72, 0.97, away)).astype(np.float32)


def inside(region: FaceRegion, face: np.ndarray) -> np.ndarray:
    """[S, S] float32 in 0..1: what lies between the lips or lids of a face [68, 2], photo
    pixels, one network pixel soft."""
    _, below, above = Opening.of(face, CURVES[region.name]).depths(region.places)
    return np.clip(np.minimum(below, above) / region.scale + 0.5, 0.0, 1.0).astype(np.float32)


def moved_places(region: FaceRegion, motion: FaceMotion, own: np.ndarray) -> np.ndarray:
    """[S, S, 2], where the region's pixels come from in the photo when its face is moved.

    motion: the photo's face. own: [68, 2], the driven one, head's motion taken out
    (`FaceMotion.targets`). What shows between the lids stays, as in the puppet.
    """
    box = (0, 0, region.size, region.size)
    nodes = region.to_photo(node_grid(box, _STEP))
    offset = upsample(motion.warp(own)(nodes), box, _STEP)
    if region.name != "mouth":
        rest = motion.eyes[REGIONS.index(region.name) - 1]
        stays = inside_both(rest, Opening.of(own, CURVES[region.name]), region.places)
        offset = offset * (1.0 - stays)[..., None]
    return (region.places + offset).astype(np.float32)


def prior_picture(
    region: FaceRegion, photo: np.ndarray, places: np.ndarray, own: np.ndarray,
    rest: np.ndarray, cavity: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """[S, S, 3] uint8, what the network starts from: the moved photo, and between lips that open a
    dark mouth, in which teeth that the photo shows keep their place on the skull.

    photo: [H, W, 3] uint8. places: of `moved_places`. own, rest: [68, 2], the driven face and the
    photo's, photo pixels. cavity: [3], colour of the mouth's inside.
    """
    moved = region.cut(photo, places)
    if region.name != "mouth":
        return moved
    new, old = inside(region, own)[..., None], inside(region, rest)[..., None]
    within = old * region.cut(photo) + (1.0 - old) * cavity
    return (moved + new * (within - moved) + 0.5).astype(np.uint8)


def openness(region: FaceRegion, face: np.ndarray) -> np.ndarray:
    """[2] float32: height and width of the opening of a face [68, 2], photo pixels, as shares of
    the region's side."""
    upper, lower = CURVES[region.name]
    gaps = [face[b] - face[a] for a, b in zip(upper[1:-1], lower[1:-1], strict=True)]
    height = np.mean([gap @ region.down for gap in gaps])
    ends = face[[48, 54]] if region.name == "mouth" else face[[upper[0], upper[-1]]]
    width = np.linalg.norm(ends[1] - ends[0])
    return np.array([max(height, 0.0), width], np.float32) / region.side
