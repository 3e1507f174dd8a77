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
from ...warping.matte import person_matte
from .limbs import limbs

# The person is found at this size (pixels on the longer side) at most.
_MATTE_SIZE = 512
# A pixel is known from so many frames on, where they differ by less than this (grey levels): a
# moving camera or lights leave none.
_ENOUGH, _STEADY = 2, 10.0
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
    """background: [H, W, 3] float32 in grey levels, known: [H, W] bool. body: [H, W, 3], the
    person without arms and head, where the shoulders are at ``shoulders`` [2, 2] (pixels);
    body_known: [H, W] bool; body_alpha: [H, W] float32 in 0..1, how much of it is the person.
    What no frame shows is filled in from around it, as long as there is enough around it.
    """

    background: np.ndarray
    known: np.ndarray
    body: np.ndarray
    body_known: np.ndarray
    body_alpha: np.ndarray
    shoulders: np.ndarray

    def behind(
        self, real: np.ndarray, points: np.ndarray, hole: np.ndarray, *, with_body: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """What is behind the things that a frame shows in a hole.

        real: [H, W, 3] uint8. points: [133, 3], the pose in it. hole: [H, W] float32 in 0..1.
        with_body: whether the body is to be seen, or the background alone. Returns the picture
        [H, W, 3] float32, in the frame's light, and where it is known [H, W] bool.
        """
        picture, known = self.background, self.known
        if with_body and self.body_known.any() and (points[_SHOULDERS, 2] > 0).all():
            size = (real.shape[1], real.shape[0])
            move = _similarity(self.shoulders, points[_SHOULDERS, :2])
            body, alpha, seen = (
                cv2.warpAffine(np.float32(layer), move, size, flags=cv2.INTER_LINEAR)
                for layer in (self.body, self.body_alpha, self.body_known)
            )
            seen = seen > 0.99
            alpha = np.where(seen, alpha, 0.0)[..., None]
            picture = picture + alpha * (body - picture)
            known = seen & (known | (alpha[..., 0] > 0.99))
        difference = real - picture
        clear = known & (hole < 0.01) & (np.abs(difference).max(axis=-1) < _LIGHT)
        return picture + _light(difference, clear), known


def no_plates(shape: tuple[int, ...]) -> Plates:
    """Nothing is known. shape: of the frames."""
    empty, nowhere = np.zeros((*shape[:2], 3), np.float32), np.zeros(shape[:2], bool)
    return Plates(empty, nowhere, empty, nowhere, empty[..., 0], np.zeros((2, 2)))


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
    layers, alphas, free = [], [], []
    for at in usable:
        move = _similarity(shoulders[at, :, :2], middle)
        covered = np.maximum(_wider(arms[at] > 0, width), _head(arms[at].shape, poses.points[at]))
        packed = np.dstack([np.float32(frames[at]), 255 * mattes[at], 1 - np.float32(covered)])
        moved = cv2.warpAffine(packed, move, poses.size, flags=cv2.INTER_LINEAR)
        layers.append(np.clip(np.rint(moved[..., :3]), 0, 255).astype(np.uint8))
        alphas.append(np.clip(np.rint(moved[..., 3:4]), 0, 255).astype(np.uint8))
        free.append(moved[..., 4] > 0.99)
    return _with_body(plates, layers, alphas, np.array(free), middle, width)


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
    filled = _filled(background, known, width)
    return replace(plates, background=filled, known=np.ones_like(known))


def _with_body(
    plates: Plates,
    layers: Sequence[np.ndarray],
    alphas: Sequence[np.ndarray],
    free: np.ndarray,
    shoulders: np.ndarray,
    width: float,
) -> Plates:
    """layers [H, W, 3], alphas [H, W, 1]: uint8 each, with the shoulders at one place. free:
    [N, H, W] bool, where neither arm nor head is."""
    alpha, seen = _median(alphas, free, steady=256.0)
    alpha = alpha[..., 0] / 255
    inside = free & (np.array(alphas)[..., 0] > 200)
    body, steady = _median(layers, inside, steady=2 * _STEADY)
    cloth = seen & steady & (alpha > 0.9)
    if not cloth.any():
        return plates
    # Where hands rest on the clothes all the time there are clothes too; beside them, who knows.
    hull = np.zeros(cloth.shape, np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(cv2.findNonZero(cloth.astype(np.uint8))), 1)
    hidden = (hull > 0) & ~seen
    body = _filled(body, cloth, width)
    return replace(
        plates,
        body=body,
        body_alpha=np.where(hidden, 1.0, alpha),
        body_known=cloth | hidden | (seen & (alpha < 0.5)),
        shoulders=shoulders,
    )


def person_at(frame: np.ndarray) -> np.ndarray:
    """[H, W] float32 in 0..1, how much of each pixel is a person. frame: [H, W, 3] uint8."""
    height, width = frame.shape[:2]
    scale = min(1.0, _MATTE_SIZE / max(height, width))
    small = frame
    if scale < 1:
        size = (round(width * scale), round(height * scale))
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    matte = person_matte(small)
    return matte if scale == 1 else cv2.resize(matte, (width, height))


def _median(
    frames: Sequence[np.ndarray], free: np.ndarray, steady: float = _STEADY
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
        known[rows] = (count[rows] >= _ENOUGH) & (apart.max(axis=-1) < steady)
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


def _light(difference: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """[H, W, 3] the difference of a frame to its plate, carried from where it is clear [H, W] into
    the hole; smooth, and small."""
    height, width = clear.shape
    small = (max(2, width // 4), max(2, height // 4))
    weight = cv2.resize(np.float32(clear), small, interpolation=cv2.INTER_AREA)
    if not weight.any():
        return np.zeros_like(difference)
    within = np.float32(difference * clear[..., None])
    mean = cv2.resize(within, small, interpolation=cv2.INTER_AREA)
    mean = mean / np.maximum(weight, 1e-3)[..., None]
    return cv2.resize(fill_smooth(np.float32(mean), weight), (width, height))


def _similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """[2, 3] the map that takes two points [2, 2] to two others, without distortion."""
    a, b = (np.float64(points) @ [1, 1j] for points in (source, target))
    turn = (b[1] - b[0]) / (a[1] - a[0] if abs(a[1] - a[0]) > 1e-6 else 1e-6)
    shift = b[0] - turn * a[0]
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def _wider(mask: np.ndarray, width: float) -> np.ndarray:
    reach = 2 * max(1, round(_CLEAR * width)) + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0


def _head(shape: tuple[int, ...], points: np.ndarray) -> np.ndarray:
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
