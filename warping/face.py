"""The face: a thin-plate spline on its 68 points over the head's own motion; eyes; mouth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from ..keypoints import layout
from .parts import smoothstep
from .rig import Similarity
from .tps import solve_tps

# The spline may miss a point by a little: single points are noisier than the face is elastic.
STIFFNESS = 2e-3
# No point of the face may leave the head's own motion by more than this, in face heights.
FREEDOM = 0.16
# Lids and lips that meet are kept this far apart (face heights), or the spline would fold.
LID_GAP = 0.010
LIP_GAP = 0.006
# (upper, lower) points of the lids and of the inner lips, counted from the first face point.
LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))
LIPS = ((61, 67), (62, 66), (63, 65))
UPPER_LIDS = (36, 37, 38, 39, 42, 43, 44, 45)
BROWS_OVER_LIDS = (17, 19, 20, 21, 22, 23, 24, 26)
EYES = (((36, 37, 38, 39), (36, 41, 40, 39)), ((42, 43, 44, 45), (42, 47, 46, 45)))
MOUTH = ((60, 61, 62, 63, 64), (60, 67, 66, 65, 64))


def face_height(face: np.ndarray) -> float:
    """Pixels from between the eyes to the chin of the photo's face [68, 2], times 1.5."""
    bridge, chin = face[layout.FACE_NOSE_BRIDGE.start], face[layout.FACE_CHIN]
    return 1.5 * max(float(np.linalg.norm(chin - bridge)), 1.0)


def _part(face: np.ndarray, pairs: tuple, gap: float, down: np.ndarray) -> np.ndarray:
    """Push (upper, lower) pairs apart along ``down`` [2] until they are ``gap`` pixels apart."""
    face = face.copy()
    for upper, lower in pairs:
        missing = max(gap - float((face[lower] - face[upper]) @ down), 0.0)
        face[upper] -= 0.5 * missing * down
        face[lower] += 0.5 * missing * down
    return face


@dataclass(frozen=True)
class Opening:
    """An eye or a mouth: its two lips or lids as curves over its width.

    origin, along, down: [2], frame pixels; along and down are unit vectors.
    knots: [K] along the width. upper, lower: [K] down, all in pixels.
    """

    origin: np.ndarray
    along: np.ndarray
    down: np.ndarray
    width: float
    upper_knots: np.ndarray
    upper: np.ndarray
    lower_knots: np.ndarray
    lower: np.ndarray

    @classmethod
    def of(cls, face: np.ndarray, curves: tuple) -> Opening:
        upper, lower = face[list(curves[0])], face[list(curves[1])]
        origin = upper[0]
        along = upper[-1] - origin
        width = max(float(np.linalg.norm(along)), 1e-3)
        along = along / width
        down = np.array([-along[1], along[0]])
        if along[0] < 0:
            down = -down

        def curve(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            x, y = (points - origin) @ along, (points - origin) @ down
            x = np.maximum.accumulate(x + np.arange(len(x)) * 1e-3)
            fine = np.linspace(x[0], x[-1], 17)
            return fine, _smooth_curve(x, y, fine)

        return cls(origin, along, down, width, *curve(upper), *curve(lower))

    def depths(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(u, below, above) of points [..., 2]: u in 0..1 along the width, pixels below the upper
        and above the lower curve. Both are negative outside."""
        offset = points - self.origin
        x, y = offset @ self.along, offset @ self.down
        below = y - np.interp(x, self.upper_knots, self.upper)
        above = np.interp(x, self.lower_knots, self.lower) - y
        outside = np.maximum(np.maximum(-x, x - self.width), 0.0)
        return x / self.width, below - outside, above - outside

    @property
    def height(self) -> float:
        """Largest distance of the two curves, in pixels."""
        x = np.linspace(0, self.width, 15)
        lower = np.interp(x, self.lower_knots, self.lower)
        return float((lower - np.interp(x, self.upper_knots, self.upper)).max())


def _smooth_curve(x: np.ndarray, y: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """A round curve through few points that does not overshoot them (monotone cubic; Fritsch and
    Butland 1984, eq. 5): x, y [K], x rising; at ``fine`` [M]."""
    step = np.maximum(np.diff(x), 1e-3)
    slope = np.diff(y) / step
    inner = np.zeros_like(slope[1:])
    rises = slope[1:] * slope[:-1] > 0
    inner[rises] = 2 / (1 / slope[1:][rises] + 1 / slope[:-1][rises])
    tangent = np.concatenate([slope[:1], inner, slope[-1:]])
    index = np.clip(np.searchsorted(x, fine, side="right") - 1, 0, len(step) - 1)
    h = step[index]
    t = np.clip((fine - x[index]) / h, 0.0, 1.0)
    return (
        (1 + 2 * t) * (1 - t) ** 2 * y[index]
        + t * (1 - t) ** 2 * h * tangent[index]
        + t**2 * (3 - 2 * t) * y[index + 1]
        + t**2 * (t - 1) * h * tangent[index + 1]
    )


class FaceMotion:
    """The face of one photo, ready to be moved."""

    def __init__(self, face: np.ndarray) -> None:
        """face: [68, 2], the photo's face points, pixels."""
        self.size = face_height(face)
        self.down = self._down(face)
        self.face = _part(face, LIDS, LID_GAP * self.size, self.down)
        self.face = _part(self.face, LIPS, LIP_GAP * self.size, self.down)
        self.raw = face
        self.centre = face.mean(0)
        self.mouth = Opening.of(face, MOUTH)
        self.eyes = tuple(Opening.of(face, curves) for curves in EYES)
        # A ring on which the face goes with the head: hair, ears, neck.
        angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        half = 0.5 * np.ptp(face, axis=0) * 1.45
        middle = 0.5 * (face.max(0) + face.min(0)) - self.down * 0.08 * self.size
        self.ring = middle + np.stack([np.cos(angle), np.sin(angle)], 1) * half
        self.middle, self.half = middle, half

    @staticmethod
    def _down(face: np.ndarray) -> np.ndarray:
        down = face[layout.FACE_CHIN] - face[layout.FACE_NOSE_BRIDGE.start]
        return down / max(float(np.linalg.norm(down)), 1e-3)

    def targets(self, driven: np.ndarray, head: Similarity) -> np.ndarray:
        """[68, 2] in the photo: the driven face with the head's motion taken out, kept within
        what a face can do and free of folds."""
        own = head.inverse()(driven)
        offset = own - self.raw
        size = np.linalg.norm(offset, axis=-1, keepdims=True) / (FREEDOM * self.size)
        own = self.raw + offset * np.tanh(size) / np.maximum(size, 1e-6)
        own = _part(own, LIDS, LID_GAP * self.size, self.down)
        return _part(own, LIPS, LIP_GAP * self.size, self.down)

    def residual(self, own: np.ndarray, points: np.ndarray) -> np.ndarray:
        """What the face adds to the head's backward motion.

        own: [68, 2] from `targets`. points: [..., 2], photo pixels, head's motion taken out.
        Returns [..., 2], pixels, 0 outside the ring.
        """
        creases, crease_offset = self._creases(own)
        centres = np.concatenate([own, creases, self.ring])
        offset = np.concatenate([self.face - own, crease_offset, np.zeros_like(self.ring)])
        scale = 2.0 / self.size
        spline = solve_tps(
            torch.from_numpy(((centres - self.centre) * scale).astype(np.float32))[None],
            torch.from_numpy(offset.astype(np.float32))[None],
            STIFFNESS,
        )
        flat = ((points.reshape(-1, 2) - self.centre) * scale).astype(np.float32)
        bent = spline(torch.from_numpy(flat)[None])[0].numpy().reshape(points.shape)
        radius = np.sqrt((((points - self.middle) / self.half) ** 2).sum(-1))
        return bent * (1.0 - smoothstep(0.8, 1.05, radius))[..., None]

    def _creases(self, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points between upper lids and brows, which hold the brows when the lids come down."""
        lids, brows = list(UPPER_LIDS), list(BROWS_OVER_LIDS)
        lid, brow = own[lids] - self.face[lids], own[brows] - self.face[brows]
        rest = 0.45 * self.face[lids] + 0.55 * self.face[brows]
        shift = 0.2 * lid + 0.8 * brow
        return rest + shift, -shift

    def box(self, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(low, high) corners [2] of all that `residual` moves, photo pixels."""
        return self.middle - self.half * 1.06, self.middle + self.half * 1.06


def eye_mask(rest: Opening, own: Opening, points: np.ndarray) -> np.ndarray:
    """How far a point lies between the lids, now and in the photo: there the eyeball shows, which
    does not move with the lids. points: [..., 2]. Returns [...] in 0..1."""
    _, below, above = own.depths(points)
    _, rest_below, rest_above = rest.depths(points)
    inside = np.minimum(np.minimum(below, above), np.minimum(rest_below, rest_above))
    return np.clip(inside + 0.5, 0.0, 1.0)


@dataclass(frozen=True)
class MouthColours:
    """Colours [3] float32 RGB, of the photo's own light."""

    cavity: np.ndarray
    teeth: np.ndarray
    tongue: np.ndarray


def mouth_colours(photo: np.ndarray, face: np.ndarray) -> MouthColours:
    """Guess the inside of the mouth from the lips and the skin."""

    def mean(points: np.ndarray) -> np.ndarray:
        mask = np.zeros(photo.shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 255)
        if not mask.any():
            return np.full(3, 128.0, np.float32)
        return np.array(cv2.mean(photo, mask)[:3], np.float32)

    lower_lip = mean(face[[48, 60, 67, 66, 65, 64, 54, 55, 56, 57, 58, 59]])
    cheeks = mean(face[[1, 31, 48, 4]]) * 0.5 + mean(face[[15, 35, 54, 12]]) * 0.5
    light = float(cheeks.max())
    teeth = light * np.array([0.98, 0.95, 0.90], np.float32)
    return MouthColours(
        (0.26 * lower_lip + light * np.array([0.03, 0.0, 0.0])).astype(np.float32),
        np.minimum(teeth, 245.0),
        (lower_lip * np.array([0.72, 0.58, 0.6])).astype(np.float32),
    )


def paint_mouth(
    frame: np.ndarray,
    rest: Opening,
    own: Opening,
    colours: MouthColours,
    head: Similarity,
    size: float,
) -> None:
    """Paint what opens between the lips and the photo does not show, into the frame.

    frame: [H, W, C] uint8, RGB first, changed in place. rest, own: the mouth in the photo and now,
    the head's motion taken out. head: photo -> frame. size: the face's, pixels.
    """
    gap, rest_gap = own.height, max(rest.height, 0.0)
    shown = smoothstep(0.012, 0.045, np.float32((gap - 1.15 * rest_gap) / size))
    if shown <= 0:
        return
    corners = own.origin + np.outer([-0.1, 1.1, -0.1, 1.1], own.along) * own.width
    corners = corners + np.outer([-1, -1, 1.5, 1.5], own.down) * (gap + 2)
    box = head(corners)
    x0, y0 = np.floor(np.maximum(box.min(0) - 2, 0)).astype(int)
    x1, y1 = np.ceil(np.minimum(box.max(0) + 3, frame.shape[1::-1])).astype(int)
    if x1 <= x0 or y1 <= y0:
        return
    x, y = np.meshgrid(np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32))
    points = head.inverse()(np.dstack([x, y]))
    u, below, above = own.depths(points)
    edge = np.minimum(below, above)
    alpha = smoothstep(-0.6, 1.1, edge) * shown
    colour = _mouth_inside(u, below, above, gap, size, colours)
    region = frame[y0:y1, x0:x1, :3]
    region[...] = np.clip(
        region + alpha[..., None] * (colour - region.astype(np.float32)) + 0.5, 0, 255
    ).astype(np.uint8)


def _mouth_inside(u, below, above, gap, size, colours) -> np.ndarray:
    """[h, w, 3] float32: cavity, a hint of the upper teeth, the tongue, shade under the lips."""
    across = np.clip(1.0 - (2.0 * u - 1.0) ** 2, 0.0, 1.0)
    # The edge of the teeth runs flatter than the lip over them.
    teeth_height = min(0.045 * size, 0.5 * gap) * (0.45 + 0.55 * across)
    soft = 0.014 * size
    teeth = 1.0 - smoothstep(teeth_height - soft, teeth_height + soft, below)
    teeth *= smoothstep(0.1, 0.75, across) * smoothstep(0.03, 0.075, np.float32(gap / size))
    shade = 0.62 + 0.38 * smoothstep(0.0, 0.03 * size, below)
    tongue = 1.0 - smoothstep(0.0, 0.055 * size, above - 0.02 * size * across)
    tongue *= smoothstep(0.3, 1.0, across) * smoothstep(0.06, 0.14, np.float32(gap / size))
    colour = np.broadcast_to(colours.cavity, (*u.shape, 3))
    colour = colour + (0.75 * tongue)[..., None] * (colours.tongue - colour)
    bright = (0.35 + 0.5 * across)[..., None] * shade[..., None] * colours.teeth
    return colour + (0.8 * teeth)[..., None] * (bright - colour)
