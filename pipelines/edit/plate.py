"""Clean plates: what a video shows where, in some other frame, nothing is in the way.

The background is seen in frames in which the person is elsewhere; the clothes, in frames in which
the arms are elsewhere. Both are put together from frames around a span, so that what moves away in
an edit leaves behind what was there, and nothing made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ...keypoints import layout
from ...keypoints.poses import Poses
from ...warping.fill import fill_smooth, fill_textured
from ...warping.inpainting import default_inpainting, fill_behind
from ...warping.matte import quick_matting
from .limbs import limbs

# A pixel is seen from so many frames on, where they differ by less than this (grey levels): a
# moving camera or lights leave none.
_ENOUGH, _ENOUGH_BODY, _STEADY = 3, 4, 10.0
# The camera stands still where so much of the background is steady.
_STILL = 0.7
# How far texture is carried into what no frame shows, in shoulder widths: farther, and the rim of
# the hole would show in it as an outline.
_TEXTURE = 0.06
# Clear of a person or a limb by this much, in shoulder widths.
_CLEAR = 0.07
# Light that changes: the plate takes on what differs around a hole; more than this (grey levels)
# is something else than light.
_LIGHT = 25.0
_SHOULDERS = [layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]


@dataclass(frozen=True)
class Plates:
    """background: [H, W, 3] float32 in grey levels; what no frame shows is filled in from around
    it. seen: [H, W] bool, what some frames show. known: whether there is a background at all.
    body: [H, W, 3] float32, the person's clothes without the arms, where the shoulders are at
    ``shoulders`` [2, 2] (pixels). body_seen: [H, W] bool.
    """

    background: np.ndarray
    seen: np.ndarray
    known: bool
    body: np.ndarray
    body_seen: np.ndarray
    shoulders: np.ndarray

    def behind(self, real: np.ndarray, hole: np.ndarray) -> np.ndarray:
        """[H, W, 3] float32, the background in a frame's light.

        real: [H, W, 3] uint8, the frame. hole: [H, W] float32 in 0..1, where it shows other things.
        """
        return _in_light(self.background, self.seen, real, hole)

    def clothes(
        self, real: np.ndarray, points: np.ndarray, hole: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The clothes of a frame, in its light, [H, W, 3] float32, and where they are [H, W] bool.

        real, hole: see `behind`. points: [133, 3], the pose in the frame.
        """
        if not self.body_seen.any() or (points[_SHOULDERS, 2] <= 0).any():
            return self.body, np.zeros_like(self.body_seen)
        move = _similarity(self.shoulders, points[_SHOULDERS, :2])
        size = (real.shape[1], real.shape[0])
        body = cv2.warpAffine(self.body, move, size, flags=cv2.INTER_LINEAR)
        seen = cv2.warpAffine(np.float32(self.body_seen), move, size) > 0.99
        return _in_light(body, seen, real, hole), seen


def no_plates(shape: tuple[int, ...]) -> Plates:
    """Nothing is known. shape: of the frames."""
    empty, nowhere = np.zeros((*shape[:2], 3), np.float32), np.zeros(shape[:2], bool)
    return Plates(empty, nowhere, False, empty, nowhere, np.zeros((2, 2)))


def clean_plates(frames: Sequence[np.ndarray], poses: Poses, width: float) -> Plates:
    """Plates from some frames of one shot.

    frames: N of [H, W, 3] uint8. poses: the N poses in them. width: of the shoulders in pixels.
    """
    if len(frames) < _ENOUGH:
        return no_plates((poses.size[1], poses.size[0]))
    mattes = [person_at(frame) for frame in frames]
    arms = [limbs(frame.shape, p, width) for frame, p in zip(frames, poses.points, strict=True)]
    plates = _with_background(no_plates(frames[0].shape), frames, mattes, arms, width)
    shoulders = poses.points[:, _SHOULDERS]
    usable = np.flatnonzero((shoulders[..., 2] > 0).all(axis=1))
    if len(usable) < _ENOUGH:
        return plates
    middle = np.median(shoulders[usable, :, :2], axis=0)
    layers, inside, reachable = [], [], []
    for at in usable:
        move = _similarity(shoulders[at, :, :2], middle)
        pose = poses.points[at]
        away = head_place(arms[at].shape, pose) | (
            limbs(arms[at].shape, pose, width, upper=True) > 0
        )
        free = (mattes[at] > 0.8) & ~away & ~_wider(arms[at] > 0, width)
        packed = np.dstack([frames[at], free, ~away & (mattes[at] > 0.8)]).astype(np.float32)
        moved = cv2.warpAffine(packed, move, poses.size, flags=cv2.INTER_LINEAR)
        layers.append(np.clip(np.rint(moved[..., :3]), 0, 255).astype(np.uint8))
        inside.append(moved[..., 3] > 0.99)
        reachable.append(moved[..., 4] > 0.99)
    body, seen = _median(layers, np.array(inside), steady=2 * _STEADY, enough=_ENOUGH_BODY)
    if not seen.any():
        return plates
    # Where hands rest on the clothes all the time there are clothes too; beside them, who knows.
    hull = np.zeros(seen.shape, np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(cv2.findNonZero(seen.astype(np.uint8))), 1)
    hidden = (hull > 0) & (np.mean(reachable, axis=0) > 0.9)
    body = _filled(body, seen, width)
    return replace(plates, body=body, body_seen=seen | hidden, shoulders=middle)


def _with_background(
    plates: Plates,
    frames: Sequence[np.ndarray],
    mattes: Sequence[np.ndarray],
    arms: Sequence[np.ndarray],
    width: float,
) -> Plates:
    """mattes, arms: [H, W] float32 each, what is in the way."""
    taken = [_wider(np.maximum(m, a) > 0.15, width) for m, a in zip(mattes, arms, strict=True)]
    free = ~np.array(taken)
    background, known = _median(frames, free)
    often = free.sum(axis=0) >= _ENOUGH
    if not often.any() or known[often].mean() < _STILL:
        return plates  # the camera moves
    picture = np.clip(np.rint(background), 0, 255).astype(np.uint8)
    whole = fill_behind(picture, ~known, width, default_inpainting())
    return replace(plates, background=whole, seen=known, known=True)


def person_at(frame: np.ndarray) -> np.ndarray:
    """[H, W] float32 in 0..1, how much of each pixel is a person. frame: [H, W, 3] uint8."""
    return quick_matting().matte(frame)


def _median(
    frames: Sequence[np.ndarray],
    free: np.ndarray,
    steady: float = _STEADY,
    enough: int = _ENOUGH,
) -> tuple[np.ndarray, np.ndarray]:
    """The median of N frames [H, W, C] uint8 where they are ``free`` [N, H, W]: the picture
    [H, W, C] float32 and where there are enough that agree [H, W] bool."""
    count = free.sum(axis=0)
    shape = frames[0].shape
    picture, known = np.zeros(shape, np.float32), np.zeros(shape[:2], bool)
    for top in range(0, shape[0], 64):  # in strips, for the frames may be large
        rows = slice(top, top + 64)
        stack = np.stack([frame[rows] for frame in frames]).astype(np.int16)
        stack[~free[:, rows]] = 999
        stack.sort(axis=0)
        some = np.maximum(count[rows], 1)
        middle = np.take_along_axis(stack, ((some - 1) // 2)[None, ..., None], axis=0)[0]
        apart = np.where(stack == 999, 0, np.abs(stack - middle)).sum(axis=0) / some[..., None]
        picture[rows] = np.where(middle == 999, 0, middle)
        known[rows] = (count[rows] >= enough) & (apart.max(axis=-1) < steady)
    return picture, known


def _filled(picture: np.ndarray, known: np.ndarray, width: float) -> np.ndarray:
    """[H, W, 3] float32 with its unknown pixels filled in along the picture's own direction:
    curtains from above, shelves from the side."""
    both = known[1:, 1:] & known[:-1, 1:] & known[1:, :-1]
    here = picture[1:, 1:]
    across, down = (
        float(np.abs(here - there)[both].mean()) if both.any() else 1.0
        for there in (picture[1:, :-1], picture[:-1, 1:])
    )
    upright = np.clip((down / max(across, 1e-6)) ** 2, 0.1, 10.0)
    return fill_textured(picture, known, _TEXTURE * width, upright=float(upright))


def _in_light(
    picture: np.ndarray, seen: np.ndarray, real: np.ndarray, hole: np.ndarray
) -> np.ndarray:
    """[H, W, 3] float32, a plate made as bright as a frame is around a hole."""
    difference = real - picture
    clear = seen & (hole < 0.01) & (np.abs(difference).max(axis=-1) < _LIGHT)
    return picture + _light(difference, clear)


def _light(difference: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """[H, W, 3] the difference of a frame to its plate, carried from where it is clear [H, W] into
    the hole; smooth, and small."""
    height, width = clear.shape
    small = (max(2, width // 4), max(2, height // 4))
    weight = cv2.resize(clear.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    if not weight.any():
        return np.zeros_like(difference)
    within = (difference * clear[..., None]).astype(np.float32)
    mean = cv2.resize(within, small, interpolation=cv2.INTER_AREA)
    mean = mean / np.maximum(weight, 1e-3)[..., None]
    return cv2.resize(fill_smooth(mean.astype(np.float32), weight), (width, height))


def _similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """[2, 3] the map that takes two points [2, 2] to two others, without distortion."""
    a, b = (points.astype(np.float64) @ np.array([1, 1j]) for points in (source, target))
    turn = (b[1] - b[0]) / (a[1] - a[0] if abs(a[1] - a[0]) > 1e-6 else 1e-6)
    shift = b[0] - turn * a[0]
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def _wider(mask: np.ndarray, width: float) -> np.ndarray:
    reach = 2 * max(1, round(_CLEAR * width)) + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0


def head_place(shape: tuple[int, ...], points: np.ndarray) -> np.ndarray:
    """[H, W] bool: face, hair and neck, generously: an ellipse about the face."""
    mask = np.zeros(shape, np.uint8)
    face = points[layout.FACE, :2][points[layout.FACE, 2] > 0]
    if len(face) >= 3:
        low, high = face.min(axis=0), face.max(axis=0)
        side = float(max(high - low))
        centre = (low + high) / 2 - [0, 0.2 * side]
        axes = (round(0.95 * side), round(1.15 * side))
        cv2.ellipse(mask, np.rint(centre).astype(int).tolist(), axes, 0, 0, 360, 1, -1)
    return mask > 0
