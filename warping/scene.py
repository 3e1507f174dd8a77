"""One photo, ready to give the learned renderer its inputs frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..keypoints import layout
from .dense import CANDIDATES, SampleGrid, SmallTexture, candidate_of, compose, part_motion
from .inputs import RendererInput
from .renderer import STILL, Puppet, PuppetPose

# Above the brows a head goes on for about this many face heights (brows to chin), hair included.
_HAIR = 0.8
# The square is this much larger than the person, so that a hand can leave the rest of its path.
_MARGIN = 1.1
_SEEN = 0.3
# A sample of the frame that differs from the photo by this many grey levels counts as moved.
_CHANGED = 8.0
# Network pixels between two samples of flows and masks.
QUARTER = 4


@dataclass(frozen=True)
class PhotoCrop:
    """The square of the photo that the networks see.

    x, y: its first photo pixel, side: its photo pixels; whole numbers (others are rounded), and it
    may reach out of the photo. size: pixels of the networks' picture.
    """

    x: float
    y: float
    side: float
    size: int = 256

    def __post_init__(self) -> None:
        for name in ("x", "y", "side"):
            object.__setattr__(self, name, float(round(getattr(self, name))))
        if self.side < 1 or self.size < 4 * QUARTER or self.size % QUARTER:
            raise InputError(
                f"A crop of {self.side:.0f} pixels for networks of {self.size}: its side must be "
                f"at least 1, the networks' size a multiple of {QUARTER} from {4 * QUARTER} on."
            )

    @property
    def scale(self) -> float:
        """Photo pixels in one of the networks'."""
        return self.side / self.size

    def to_unit(self, points: np.ndarray) -> np.ndarray:
        """[..., 2] photo pixels -> [-1, 1] of the crop: from the centre of the networks' first
        pixel to that of their last."""
        corner = np.array([self.x, self.y])
        pixels = (points - corner + 0.5) / self.scale - 0.5
        return (2.0 * pixels / (self.size - 1) - 1.0).astype(np.float32)

    def to_photo(self, places: np.ndarray) -> np.ndarray:
        """[..., 2] in [-1, 1] of the crop -> photo pixels; the inverse of `to_unit`."""
        pixels = (places + 1.0) * 0.5 * (self.size - 1)
        corner = np.array([self.x, self.y])
        return ((pixels + 0.5) * self.scale - 0.5 + corner).astype(np.float32)

    def points(self, points: np.ndarray) -> np.ndarray:
        """[..., 133, 3] skeletons in photo pixels -> x, y in [-1, 1] of the crop."""
        placed = np.array(points, np.float32)
        placed[..., :2] = self.to_unit(points[..., :2])
        return placed

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """[H, W, C] uint8 -> the crop, [size, size, C]; beyond its edge the picture goes on as the
        edge is."""
        height, width = picture.shape[:2]
        x, y, side = int(self.x), int(self.y), int(self.side)
        left, top = max(-x, 0), max(-y, 0)
        right, bottom = max(x + side - width, 0), max(y + side - height, 0)
        if max(left, right, top, bottom) >= side:
            raise InputError(f"{self} lies outside of the picture of {width}x{height}.")
        part = picture[max(y, 0) : y + side, max(x, 0) : x + side]
        if left or top or right or bottom:
            part = cv2.copyMakeBorder(part, top, bottom, left, right, cv2.BORDER_REPLICATE)
        how = cv2.INTER_AREA if side > self.size else cv2.INTER_LINEAR
        return cv2.resize(part, (self.size, self.size), interpolation=how)

    def samples(self) -> SampleGrid:
        """Where the flows and masks have their values: the corners of [-1, 1] included."""
        count = self.size // QUARTER
        step = (self.size - 1) / (count - 1) * self.scale
        return SampleGrid(self.to_photo(np.array([-1.0, -1.0])), step, count)


def crop_for(
    photo_pose: np.ndarray, poses: np.ndarray, size: tuple[int, int], network_size: int = 256
) -> PhotoCrop:
    """The square that holds head, arms and hands in the photo and in all frames.

    photo_pose: [133, 3], poses: [T, 133, 3], photo pixels. size: (width, height) of the photo.
    It has at least the networks' pixels where the photo has them, and reaches out of the photo
    only where that is narrower than the person needs.
    """
    parts = [*range(layout.RIGHT_WRIST + 1), *range(layout.FACE.start, layout.NUM_POINTS)]
    everything = np.concatenate([photo_pose[None], poses])
    seen = everything[:, parts]
    seen = seen[seen[..., 2] > _SEEN]
    longest = max(size)
    if not len(seen):
        low, high = np.zeros(2), np.array(size, float)
    else:
        low, high = np.percentile(seen[:, :2], [0.5, 99.5], axis=0)
        face = everything[:, layout.FACE]
        face = face[(face[..., 2] > _SEEN).all(axis=1), :, 1]
        low[1] -= _HAIR * float(np.median(np.ptp(face, axis=1))) if len(face) else 0.0
        low, high = np.clip(low, 0, size), np.clip(high, 0, size)
    side = _MARGIN * float((high - low).max())
    side = round(min(max(side, network_size), longest))
    corner = np.round((low + high) / 2 - side / 2)
    room = np.array(size) - side
    # Where the photo is narrower than the square, it lies in the middle of it.
    corner = np.where(room >= 0, np.clip(corner, 0, np.maximum(room, 0)), np.round(room / 2))
    return PhotoCrop(corner[0], corner[1], side, network_size)


class Scene:
    """A puppet and the square in which the networks see it. Frames are independent.

    photo: [S, S, 3] uint8, the photo in the crop.
    """

    def __init__(self, puppet: Puppet, crop: PhotoCrop) -> None:
        self.puppet, self.crop = puppet, crop
        self.photo = crop.cut(puppet.parts.photo)
        self._grid = crop.samples()
        self._points = self._grid.points()
        self._textures = [
            (candidate_of(layer), SmallTexture.of(layer.texture, layer.box[:2], self._grid.step))
            for layer in puppet.parts.layers
        ]
        self._background = _behind(puppet.parts.background, crop)
        places = self._points[None].repeat(len(CANDIDATES), axis=0)
        self._rest = compose(self._textures, self._background, places)[1]
        self._photo = _picture(self.photo)
        self._photo_points = torch.from_numpy(crop.points(puppet.parts.points))[None]

    def prior(self, points: np.ndarray) -> tuple[np.ndarray, RendererInput]:
        """The puppet's frame [H, W, 3] uint8 and a batch of one for the networks.

        points: [133, 3], the driving skeleton in photo pixels.
        """
        pose = self.puppet.pose(points)
        frame = self.puppet.draw(pose)
        moves = part_motion(self.puppet, pose, self._grid)
        places = self._points + moves
        colours, shown = compose(self._textures, self._background, places)
        seen = self.crop.cut(frame)
        return frame, RendererInput(
            photo=self._photo,
            puppet=_picture(seen),
            flows=torch.from_numpy(self.crop.to_unit(places))[None],
            shown=torch.from_numpy(shown)[None],
            colours=torch.from_numpy(np.ascontiguousarray(colours.transpose(0, 3, 1, 2)))[None],
            gate=torch.from_numpy(self._gate(pose, moves, shown, seen))[None, None],
            photo_points=self._photo_points,
            driven_points=torch.from_numpy(self.crop.points(points))[None],
        )

    def _gate(
        self, pose: PuppetPose, moves: np.ndarray, shown: np.ndarray, seen: np.ndarray
    ) -> np.ndarray:
        """[s, s], 1 where what shows, or showed in the photo, moves by a network pixel or more.

        moves: [P, s, s, 2], photo pixels. shown: [P, s, s]. seen: [S, S, 3] uint8, the frame.
        """
        far = _ramp(np.sqrt((moves**2).sum(-1)) / self.crop.scale)
        gate = (far * np.maximum(shown, self._rest)).max(0)
        face = self.puppet.face
        own = _ramp(np.abs(pose.own - face.face).max() / self.crop.scale)
        if own > 0:
            # The inside of the mouth and the lids are painted, whatever moves beneath.
            within = face.within(pose.fields.head.inverse()(self._points))
            gate = np.maximum(gate, own * within)
        # About a person the background is filled in, which shows once a layer lets go of it.
        # Rims are thinner than a sample, and must not be lost in its mean.
        changed = cv2.dilate(cv2.absdiff(seen, self.photo).max(-1), np.ones((3, 3), np.uint8))
        changed = cv2.resize(changed, gate.shape, interpolation=cv2.INTER_AREA)
        gate = np.maximum(gate, np.clip((changed - 1.0) / (_CHANGED - 1.0), 0.0, 1.0))
        # A sample wider than what moves, or its rim would stay behind; then soft.
        gate = cv2.dilate(gate.astype(np.float32), np.ones((3, 3), np.uint8))
        gate = cv2.blur(gate, (3, 3), borderType=cv2.BORDER_REPLICATE)
        skull = pose.fields.head.inverse()(self._points)
        return gate * (1.0 - self.puppet.paint.finished(skull, pose.own))


def _ramp(distance: np.ndarray) -> np.ndarray:
    """Network pixels moved -> 0 for what stands still, 1 from a pixel on."""
    return np.clip((distance - STILL) / (1.0 - STILL), 0.0, 1.0)


def _picture(picture: np.ndarray) -> Tensor:
    """[S, S, 3] uint8 -> [1, 3, S, S] float32 in 0..1."""
    channels = np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32)
    return torch.from_numpy(channels * np.float32(1 / 255))[None]


def _behind(background: np.ndarray, crop: PhotoCrop) -> np.ndarray:
    """[s, s, 3] float32 in 0..1 of the background [H, W, 3] uint8 at the crop's samples."""
    count = crop.size // QUARTER
    small = cv2.resize(crop.cut(background), (count, count), interpolation=cv2.INTER_AREA)
    # The samples reach the centres of the outermost pixels, the small picture's pixels do not.
    each = (np.linspace(0, crop.size - 1, count, dtype=np.float32) + 0.5) / QUARTER - 0.5
    at = np.dstack(np.meshgrid(each, each))
    sampled = cv2.remap(small, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return sampled.astype(np.float32) / 255.0
