"""The puppet renderer: photo + skeletons -> frames, by geometry alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import InputError
from ..keypoints import layout
from ..keypoints.poses import Poses
from .face import FaceMotion, FaceWarp, Opening, inside_both
from .fields import PoseFields
from .inpainting import Inpainting
from .layer_cache import PhotoPreparation
from .layers import Layer, PhotoLayers
from .matte import Matting
from .paint import FacePaint, FacePainter, FacePainting
from .rig import driven_rig
from .side_by_side import side_by_side

# Fields are smooth: one value every so many pixels, linear between.
BODY_STEP = 8
FACE_STEP = 3
# A pixel that moves by less than this (pixels) stays the photo's.
STILL = 0.02
# The frames that wait for their turn take memory, and a few threads keep an encoder busy.
MAX_WORKERS = 4


class PuppetRenderer:
    """Moves the layers of a photo as a skeleton says. Needs no training."""

    name = "puppet"
    # Arms that cannot be cut out well are better not moved; see `pipelines.check`.
    takes_apart = True

    def __init__(
        self,
        workers: int | None = None,
        matting: Matting | str | None = None,
        inpainting: Inpainting | str | None = None,
        cache_dir: str | Path | None = None,
    ) -> None:
        """workers: threads that render frames side by side (OpenCV leaves the interpreter free);
        None for one a core, up to 4. matting, inpainting, cache_dir: see `PhotoPreparation`."""
        self.workers = workers or min(MAX_WORKERS, os.cpu_count() or 1)
        self.take_apart = PhotoPreparation(matting, inpainting, cache_dir)
        self.matting, self.inpainting = self.take_apart.matting, self.take_apart.inpainting

    def prepare(self, photo: np.ndarray, photo_pose: Poses) -> PuppetPhoto:
        """Take the photo apart; see `pipelines.stages.Renderer`."""
        check_photo(photo, photo_pose)
        layers = self.take_apart(photo, photo_pose.points[0])
        return PuppetPhoto(Puppet(layers), self.workers)


@dataclass(frozen=True)
class PuppetPhoto:
    """A photo taken apart. workers: threads that render frames side by side."""

    puppet: Puppet
    workers: int

    def render(self, poses: Poses) -> Iterator[np.ndarray]:
        """One frame a pose; see `pipelines.stages.PreparedPhoto`."""
        check_poses(poses, self.puppet.size)
        yield from side_by_side(self.puppet.frame, poses.points, self.workers)


def check_photo(photo: np.ndarray, photo_pose: Poses) -> None:
    """What a renderer that starts from the puppet needs. Raises: InputError."""
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
        raise InputError(
            f"The photo is {photo.dtype} {list(photo.shape)}, expected uint8 [H, W, 3] RGB."
        )
    check_poses(photo_pose, (photo.shape[1], photo.shape[0]), "photo's pose belongs")
    if len(photo_pose) != 1:
        raise InputError(f"The photo's pose must be one frame, got {len(photo_pose)}.")
    if not (photo_pose.confidence[0, layout.FACE] > 0).all():
        raise InputError(
            "The photo's pose has no face. The puppet needs the 68 face points: choose a photo "
            "with the face turned to the camera."
        )


def check_poses(poses: Poses, size: tuple[int, int], what: str = "driving poses belong") -> None:
    """size: (width, height) of the photo. Raises: InputError where the poses are of another."""
    if poses.size != size:
        raise InputError(
            f"The {what} to a picture of {poses.size[0]}x{poses.size[1]}, but the photo "
            f"is {size[0]}x{size[1]}. Bring them to the photo's size (Poses.scaled)."
        )


def node_grid(box: tuple[int, int, int, int], step: int) -> np.ndarray:
    """Coarse points [h, w, 2] of which a linear resize gives every pixel of the box; see
    `upsample`."""
    x, y, width, height = box
    columns, rows = -(-width // step) + 2, -(-height // step) + 2
    xs = x + (np.arange(columns, dtype=np.float32) - 0.5) * step - 0.5
    ys = y + (np.arange(rows, dtype=np.float32) - 0.5) * step - 0.5
    return np.dstack(np.meshgrid(xs, ys))


def upsample(nodes: np.ndarray, box: tuple[int, int, int, int], step: int) -> np.ndarray:
    """Values at the nodes [h, w, C] -> at the pixels of the box [height, width, C]."""
    _, _, width, height = box
    size = (nodes.shape[1] * step, nodes.shape[0] * step)
    full = cv2.resize(nodes.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return full[step : step + height, step : step + width]


@dataclass(frozen=True)
class PuppetPose:
    """A driving skeleton, as the puppet's parts follow it.

    fields: the parts' motion. own: [68, 2], the face with the head's motion taken out, in the
    photo's pixels. face: what the face adds to the head's motion.
    """

    fields: PoseFields
    own: np.ndarray
    face: FaceWarp


class Puppet:
    """One photo taken apart, and the drawing of its frames. Frames are independent."""

    def __init__(self, layers: PhotoLayers, painting: FacePainting | None = None) -> None:
        """painting: makes what draws mouth and eyes; None for colours of the photo."""
        self.parts = layers
        self.size = layers.photo.shape[1], layers.photo.shape[0]
        self.face = FaceMotion(layers.rig.face, teeth_stay=painting is None)
        self.paint: FacePainter = (painting or FacePaint)(layers.photo, self.face)
        self.background = cv2.cvtColor(layers.background, cv2.COLOR_RGB2RGBA)

    def frame(self, points: np.ndarray) -> np.ndarray:
        """[H, W, 3] uint8 RGB of one driving skeleton [133, 3], in the photo's pixels."""
        return self.draw(self.pose(points))

    def pose(self, points: np.ndarray) -> PuppetPose:
        """points: [133, 3], the driving skeleton in the photo's pixels."""
        fields = PoseFields.between(self.parts.rig, driven_rig(self.parts.rig, points))
        own = self.face.targets(fields.driven.face, fields.head)
        return PuppetPose(fields, own, self.face.warp(own))

    def draw(self, pose: PuppetPose) -> np.ndarray:
        """[H, W, 3] uint8 RGB."""
        fields, own = pose.fields, pose.own
        canvas = self.background.copy()
        moved = np.zeros((-(-self.size[1] // BODY_STEP), -(-self.size[0] // BODY_STEP)), bool)
        for layer in self.parts.layers:
            box = self._landing(layer, fields)
            if box is None:
                continue
            nodes = node_grid(box, BODY_STEP)
            back = fields.back(layer.part, layer.side, nodes)
            maps = upsample(back, box, BODY_STEP)
            if layer.part == "body":
                self._move_face(maps, box, pose)
            _draw(canvas, layer, box, maps)
            _mark(moved, box, nodes, back)
            if layer.part == "body":
                self.paint(canvas, own, fields.head)
        self._mark_face(moved, own, fields)
        frame = cv2.cvtColor(canvas, cv2.COLOR_RGBA2RGB)
        still = cv2.resize(
            (~moved).astype(np.uint8),
            (moved.shape[1] * BODY_STEP, moved.shape[0] * BODY_STEP),
            interpolation=cv2.INTER_NEAREST,
        )[: self.size[1], : self.size[0]]
        cv2.copyTo(self.parts.photo, still, frame)
        return frame

    def _landing(self, layer: Layer, fields: PoseFields) -> tuple[int, int, int, int] | None:
        """Box of the frame that the layer can reach, with the place it left, on whole steps."""
        points = fields.forward(layer.part, layer.side, layer.outline)
        points = np.concatenate([points, layer.outline])
        low = np.maximum(np.floor((points.min(0) - 4) / BODY_STEP), 0).astype(int) * BODY_STEP
        high = np.ceil((points.max(0) + 5) / BODY_STEP).astype(int) * BODY_STEP
        high = np.minimum(high, self.size)
        if (high <= low).any():
            return None
        return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])

    def _face_box(self, own: np.ndarray, fields: PoseFields) -> tuple[int, int, int, int] | None:
        low, high = self.face.box(own)
        corners = fields.head(np.array([low, high, [low[0], high[1]], [high[0], low[1]]]))
        low = np.maximum(np.floor(corners.min(0)), 0).astype(int)
        high = np.minimum(np.ceil(corners.max(0)) + 1, self.size).astype(int)
        if (high <= low).any():
            return None
        return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])

    def _move_face(self, maps: np.ndarray, box: tuple, pose: PuppetPose) -> None:
        """Add the face's own motion to the body's map, in place."""
        own, fields = pose.own, pose.fields
        face_box = self._face_box(own, fields)
        if face_box is None:
            return
        back = fields.head.inverse()
        nodes = back(node_grid(face_box, FACE_STEP))
        residual = upsample(pose.face(nodes), face_box, FACE_STEP)
        x, y, w, h = face_box
        x0, y0 = max(x, box[0]), max(y, box[1])
        x1, y1 = min(x + w, box[0] + box[2]), min(y + h, box[1] + box[3])
        if x1 <= x0 or y1 <= y0:
            return
        residual = residual[y0 - y : y1 - y, x0 - x : x1 - x]
        for rest, curves in self.face.windows:
            eye = Opening.of(own, curves)
            corners = fields.head(own[[c for curve in curves for c in curve]])
            ex0, ey0 = np.maximum(np.floor(corners.min(0)).astype(int) - 3, [x0, y0])
            ex1, ey1 = np.minimum(np.ceil(corners.max(0)).astype(int) + 4, [x1, y1])
            if ex1 <= ex0 or ey1 <= ey0:
                continue
            grid = np.dstack(np.meshgrid(np.arange(ex0, ex1), np.arange(ey0, ey1)))
            mask = inside_both(rest, eye, back(grid.astype(np.float32)))
            residual[ey0 - y0 : ey1 - y0, ex0 - x0 : ex1 - x0] *= (1.0 - mask)[..., None]
        maps[y0 - box[1] : y1 - box[1], x0 - box[0] : x1 - box[0]] += residual

    def _mark_face(self, moved, own, fields) -> None:
        if np.abs(own - self.face.face).max() < STILL:
            return
        box = self._face_box(own, fields)
        if box is not None:
            x, y, w, h = (v // BODY_STEP for v in box)
            moved[y : y + h + 2, x : x + w + 2] = True


def _draw(canvas: np.ndarray, layer: Layer, box: tuple, maps: np.ndarray) -> None:
    """Lay a layer over the canvas [H, W, 4] within the box."""
    x, y, w, h = box
    shift = np.array(layer.box[:2], np.float32)
    warped = cv2.remap(
        layer.texture, maps - shift, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT
    )
    region = canvas[y : y + h, x : x + w]
    alpha = cv2.extractChannel(warped, 3)
    see_through = cv2.merge([255 - alpha] * 4)
    below = cv2.multiply(region, see_through, scale=1 / 255)
    cv2.add(below, warped, dst=below)
    region[...] = below


def _mark(moved: np.ndarray, box: tuple, nodes: np.ndarray, back: np.ndarray) -> None:
    """Note the cells of the frame in which a layer has moved."""
    far = np.abs(back - nodes).max(-1) > STILL
    cells = far[:-1, :-1] | far[1:, :-1] | far[:-1, 1:] | far[1:, 1:]
    x, y = box[0] // BODY_STEP, box[1] // BODY_STEP
    region = moved[y : y + cells.shape[0], x : x + cells.shape[1]]
    region |= cells[: region.shape[0], : region.shape[1]]
