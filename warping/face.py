"""The face: a thin-plate spline on its 68 points over the head's own motion; eyes; mouth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..keypoints import layout
from .parts import smoothstep
from .rig import Similarity
from .tps import ThinPlateSpline, solve_tps

# The spline may miss a point by a little: single points are noisier than the face is elastic.
STIFFNESS = 2e-3
# No point of the face may leave the head's own motion by more than this, in face heights. The
# sides of the face are the outline of a head that turns: there the skin slides, the head stays.
FREEDOM = np.full(68, 0.16, np.float32)
FREEDOM[layout.FACE_JAW] = np.interp(np.abs(np.arange(17) - 8), [3, 6], [0.16, 0.06])
FREEDOM[[17, 26, 36, 45]] = 0.10
# Lids and lips that meet are kept this far apart (face heights), or the spline would fold.
LID_GAP = 0.010
LIP_GAP = 0.006
# A mouth that is open by this much in the photo (face heights) shows its inside.
SHOWS_TEETH = 0.03
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

    def __init__(self, face: np.ndarray, teeth_stay: bool = True) -> None:
        """face: [68, 2], the photo's face points, pixels. teeth_stay: what a photo shows between
        the lips stays on the skull when they move; False where the mouth's inside is drawn."""
        self.size = face_height(face)
        self.down = self._down(face)
        self.face = _part(face, LIDS, LID_GAP * self.size, self.down)
        self.face = _part(self.face, LIPS, LIP_GAP * self.size, self.down)
        self.raw = face
        self.centre = face.mean(0)
        self.mouth = Opening.of(face, MOUTH)
        self.eyes = tuple(Opening.of(face, curves) for curves in EYES)
        # What shows a skull behind it: the eyes, and the mouth of a photo that shows teeth.
        self.windows: list[tuple[Opening, tuple]] = [*zip(self.eyes, EYES, strict=True)]
        self.mouth_open = self.mouth.height > SHOWS_TEETH * self.size
        if self.mouth_open and teeth_stay:
            self.windows.append((self.mouth, MOUTH))
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
        size = np.linalg.norm(offset, axis=-1, keepdims=True) / (FREEDOM[:, None] * self.size)
        own = self.raw + offset * np.tanh(size) / np.maximum(size, 1e-6)
        own = _part(own, LIDS, LID_GAP * self.size, self.down)
        return _part(own, LIPS, LIP_GAP * self.size, self.down)

    def warp(self, own: np.ndarray) -> FaceWarp:
        """What the face adds to the head's motion. own: [68, 2] from `targets`."""
        creases, crease_offset = self._creases(own)
        centres = np.concatenate([own, creases, self.ring])
        offset = np.concatenate([self.face - own, crease_offset, np.zeros_like(self.ring)])
        spline = solve_tps(
            torch.from_numpy((2.0 / self.size * (centres - self.centre)).astype(np.float32))[None],
            torch.from_numpy(offset.astype(np.float32))[None],
            STIFFNESS,
        )
        return FaceWarp(self, spline)

    def within(self, points: np.ndarray) -> np.ndarray:
        """How far points [..., 2] belong to the face: 1 within, 0 from the ring on. Photo pixels,
        head's motion taken out."""
        radius = np.sqrt((((points - self.middle) / self.half) ** 2).sum(-1))
        return 1.0 - smoothstep(0.8, 1.05, radius)

    def _creases(self, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points between upper lids and brows, which hold the brows when the lids come down."""
        lids, brows = list(UPPER_LIDS), list(BROWS_OVER_LIDS)
        lid, brow = own[lids] - self.face[lids], own[brows] - self.face[brows]
        rest = 0.6 * self.face[lids] + 0.4 * self.face[brows]
        shift = 0.2 * lid + 0.8 * brow
        return rest + shift, -shift

    def box(self, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(low, high) corners [2] of all that `residual` moves, photo pixels."""
        return self.middle - self.half * 1.06, self.middle + self.half * 1.06


@dataclass(frozen=True)
class FaceWarp:
    """The face's own backward motion in one frame. motion: the photo's face. spline: to offsets in
    pixels."""

    motion: FaceMotion
    spline: ThinPlateSpline

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """points: [..., 2], photo pixels, head's motion taken out. Returns what is added to them
        [..., 2], pixels; 0 outside the ring."""
        weight = self.motion.within(points)
        near = weight > 0
        offset = np.zeros(points.shape, np.float32)
        if near.any():
            scaled = 2.0 / self.motion.size * (points[near] - self.motion.centre)
            bent = self.spline(torch.from_numpy(scaled.astype(np.float32))[None])[0].numpy()
            offset[near] = bent * weight[near, None]
        return offset


def inside_both(rest: Opening, own: Opening, points: np.ndarray) -> np.ndarray:
    """How far a point lies between the lids or lips, now and in the photo: there the photo's own
    eyeball or teeth show, which do not move with them. points: [..., 2]. Returns [...] in 0..1."""
    _, below, above = own.depths(points)
    _, rest_below, rest_above = rest.depths(points)
    inside = np.minimum(np.minimum(below, above), np.minimum(rest_below, rest_above))
    return np.clip(inside + 0.5, 0.0, 1.0)
