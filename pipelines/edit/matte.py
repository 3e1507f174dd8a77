"""Where a drawn frame replaces the real one: only where the edit changes anything.

The renderer draws each frame twice from the same photo, with the person's own pose and with the
edited one. Where the two agree, the real frame stays; so faces and backgrounds that an edit does
not touch stay real, and at the span's borders, where both poses are equal, the frame is the real
one by itself. Where something moves away, clean plates show what is behind it.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...keypoints import layout
from .limbs import limbs
from .plate import Plates, head_place, person_at

# Grey levels by which the two drawings differ where the drawn one begins to show, and where it
# covers the real one.
_LEAST, _FULL = 3.0, 14.0
# Shoulder widths: how far the drawn one reaches beyond the difference, and how far a limb has moved
# when the place it left must be covered wholly.
_REACH, _MOVED = 0.04, 0.06
# How far a drawn limb reaches beyond its core, in shoulder widths.
_RIM = 0.025
# What neither the drawing of the own pose nor the plate explains is replaced too, so far around; in
# shoulder widths, and from so many grey levels on.
_NEAR, _UNLIKE = 0.3, 15.0


def composed(
    real: np.ndarray,
    as_was: np.ndarray,
    as_edited: np.ndarray,
    own: np.ndarray,
    edited: np.ndarray,
    width: float,
    plates: Plates,
    share: float = 1.0,
) -> np.ndarray:
    """[H, W, 3] uint8: the real frame with what the edit changes.

    real, as_was, as_edited: [H, W, 3] uint8, the video's frame and the two drawings. own, edited:
    [133, 3] their poses in pixels. width: of the shoulders in pixels. plates: what is behind.
    share: 0..1, how much of the drawing shows: it fades in and out at a span's borders, where a
    hand that the real frame lacks would else appear at once.
    """
    alpha = matte(as_was, as_edited, own, edited, width)
    if share <= 0 or not alpha.any():
        return real
    near = _around(alpha, _NEAR * width)
    picture = as_edited.astype(np.float32)
    unexplained = near * _unlike(real, as_was, width)
    if plates.known:
        behind = plates.behind(real, near)
        shown = np.maximum(person_at(as_edited), limbs(real.shape, edited, width, sure=True))
        # About the head even a filled-in background is better than hair that was left there.
        usable = plates.seen | _head_moves(own, edited, real.shape, width)
        clear = usable * (1 - shown)
        picture += clear[..., None] * (behind - picture)
        unexplained = np.where(clear > 0.5, near * _unlike(real, behind, width), unexplained)
    left = left_places(own, edited, real.shape, width)
    if left.any():
        clothes, seen = plates.clothes(real, own, near)
        clear = left * seen
        picture += clear[..., None] * (clothes - picture)
        # Next to where the limb was the clothes are the real ones.
        unexplained = np.where(seen & (left > 0.5), 0, unexplained)
    alpha = share * np.maximum(alpha, unexplained)[..., None]
    mixed = real + alpha * (picture - real)
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def matte(
    as_was: np.ndarray, as_edited: np.ndarray, own: np.ndarray, edited: np.ndarray, width: float
) -> np.ndarray:
    """[H, W] float32 in 0..1, where an edit changes anything; see `composed`."""
    difference = cv2.absdiff(as_was, as_edited).max(axis=-1).astype(np.float32)
    reach = max(1, round(_REACH * width))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    difference = cv2.dilate(cv2.GaussianBlur(difference, (0, 0), 1.0), kernel)
    alpha = np.clip((difference - _LEAST) / (_FULL - _LEAST), 0, 1)
    # A drawing of the own pose is never quite where the real limb is.
    alpha = np.maximum(alpha, limbs(alpha.shape, own, width, _moved(own, edited, width)))
    return cv2.GaussianBlur(alpha, (0, 0), max(0.8, reach / 2))


def left_places(
    own: np.ndarray, edited: np.ndarray, shape: tuple[int, ...], width: float
) -> np.ndarray:
    """[H, W] float32 in 0..1, what is nearer to where moved limbs were than to where they are."""
    moved = _moved(own, edited, width)
    before = limbs(shape, own, width, moved)
    if not before.any():
        return before
    # Between new fingers the old hand must not show: their core counts, and a rim.
    after = limbs(shape, edited, width, moved, sure=True)
    away, there = (
        cv2.distanceTransform((place <= 0).astype(np.uint8), cv2.DIST_L2, 3)
        for place in (before, after)
    )
    left = (away + _RIM * width < there) & (away < _NEAR * width)
    return cv2.GaussianBlur(left.astype(np.float32), (0, 0), max(0.8, _REACH * width / 2))


def _head_moves(
    own: np.ndarray, edited: np.ndarray, shape: tuple[int, ...], width: float
) -> np.ndarray:
    """[H, W] bool, about the head before and after, where it is moved."""
    if _moved(own, edited, width)[layout.FACE].max() < 0.1:
        return np.zeros(shape[:2], bool)
    return head_place(shape[:2], own) | head_place(shape[:2], edited)


def _moved(own: np.ndarray, edited: np.ndarray, width: float) -> np.ndarray:
    """[133] in 0..1, whether points have moved."""
    way = np.linalg.norm(own[:, :2] - edited[:, :2], axis=-1)
    return np.clip(way / (_MOVED * width), 0, 1)


def _unlike(one: np.ndarray, other: np.ndarray, width: float) -> np.ndarray:
    """[H, W] float32 in 0..1, where two pictures differ: hair and fingers that would stay behind
    as a ghost."""
    difference = np.abs(np.subtract(one, other, dtype=np.float32)).max(axis=-1)
    grow = max(1, round(2 * _REACH * width))
    difference = cv2.dilate(
        cv2.GaussianBlur(difference, (0, 0), 1.5), np.ones((2 * grow + 1, 2 * grow + 1), np.uint8)
    )
    other = np.clip((difference - _UNLIKE) / _UNLIKE, 0, 1)
    return cv2.GaussianBlur(other, (0, 0), max(0.8, grow / 4))


def _around(alpha: np.ndarray, reach: float) -> np.ndarray:
    side = 2 * max(1, round(reach)) + 1
    return cv2.dilate(alpha, np.ones((side, side), np.uint8))
