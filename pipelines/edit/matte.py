"""Where a drawn frame replaces the real one: only where the edit changes anything.

The renderer draws each frame twice from the same photo, with the person's own pose and with the
edited one. Where the two agree, the real frame stays; so faces and backgrounds that an edit does
not touch stay real, and at the span's borders, where both poses are equal, the frame is the real
one by itself.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from ...keypoints import layout

# Grey levels by which the two drawings differ where the drawn one begins to show, and where it
# covers the real one.
_LEAST, _FULL = 3.0, 14.0
# Shoulder widths: how far the drawn one reaches beyond the difference, how thick limbs are, and
# how far a limb has moved when the place it left must be covered wholly.
_REACH, _MOVED = 0.04, 0.06
# What the drawing of the own pose does not explain is replaced too, so far around; in shoulder
# widths, and from so many grey levels on.
_NEAR, _UNLIKE = 0.3, 15.0
_UPPER_ARM, _FOREARM, _FINGERS = 0.30, 0.24, 0.16
_SIDES = (
    (layout.LEFT_SHOULDER, layout.LEFT_ELBOW, layout.LEFT_WRIST, layout.LEFT_HAND),
    (layout.RIGHT_SHOULDER, layout.RIGHT_ELBOW, layout.RIGHT_WRIST, layout.RIGHT_HAND),
)


def composed(
    real: np.ndarray,
    as_was: np.ndarray,
    as_edited: np.ndarray,
    own: np.ndarray,
    edited: np.ndarray,
    width: float,
    share: float = 1.0,
) -> np.ndarray:
    """[H, W, 3] uint8: the real frame with what the edit changes.

    real, as_was, as_edited: [H, W, 3] uint8, the video's frame and the two drawings. own, edited:
    [133, 3] their poses in pixels. width: of the shoulders in pixels. share: 0..1, how much of
    the drawing shows: it fades in and out at a span's borders, where a hand that the real frame
    lacks would else appear at once.
    """
    alpha = matte(as_was, as_edited, own, edited, width)
    alpha = share * np.maximum(alpha, _unexplained(alpha, real, as_was, width))[..., None]
    if not alpha.any():
        return real
    mixed = real + alpha * (as_edited.astype(np.float32) - real)
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def matte(
    as_was: np.ndarray, as_edited: np.ndarray, own: np.ndarray, edited: np.ndarray, width: float
) -> np.ndarray:
    """[H, W] float32 in 0..1; see `composed`."""
    difference = cv2.absdiff(as_was, as_edited).max(axis=-1).astype(np.float32)
    reach = max(1, round(_REACH * width))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    difference = cv2.dilate(cv2.GaussianBlur(difference, (0, 0), 1.0), kernel)
    alpha = np.clip((difference - _LEAST) / (_FULL - _LEAST), 0, 1)
    alpha = np.maximum(alpha, _left_places(alpha.shape, own, edited, width))
    return cv2.GaussianBlur(alpha, (0, 0), max(0.8, reach / 2))


def _unexplained(
    alpha: np.ndarray, real: np.ndarray, as_was: np.ndarray, width: float
) -> np.ndarray:
    """[H, W] near what is drawn anew, where the real frame is not as the drawing of its own pose:
    hair and fingers that would else stay behind as a ghost."""
    reach = max(1, round(_NEAR * width))
    near = cv2.dilate(alpha, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    difference = cv2.absdiff(real, as_was).max(axis=-1).astype(np.float32)
    grow = max(1, round(2 * _REACH * width))
    difference = cv2.dilate(
        cv2.GaussianBlur(difference, (0, 0), 1.5), np.ones((2 * grow + 1, 2 * grow + 1), np.uint8)
    )
    other = np.clip((difference - _UNLIKE) / _UNLIKE, 0, 1)
    return cv2.GaussianBlur(near * other, (0, 0), max(0.8, grow / 4))


def _left_places(
    shape: tuple[int, ...], own: np.ndarray, edited: np.ndarray, width: float
) -> np.ndarray:
    """[H, W] where the real frame shows limbs that have moved away: a drawing of the own pose is
    never quite where the real limb is."""
    covered = np.zeros(shape, np.float32)
    moved = np.linalg.norm(own[:, :2] - edited[:, :2], axis=-1)
    for shoulder, elbow, wrist, hand in _SIDES:
        bones = [(shoulder, elbow, _UPPER_ARM), (elbow, wrist, _FOREARM)]
        root = hand.start
        for finger in range(5):
            chain = [root, *range(root + 1 + 4 * finger, root + 5 + 4 * finger)]
            bones += [(a, b, _FINGERS) for a, b in itertools.pairwise(chain)]
        for a, b, thick in bones:
            if own[a, 2] <= 0 or own[b, 2] <= 0:
                continue
            strength = float(np.clip(max(moved[a], moved[b]) / (_MOVED * width), 0, 1))
            if strength > 0:
                line = np.zeros(shape, np.uint8)
                ends = [tuple(int(v) for v in np.rint(own[i, :2])) for i in (a, b)]
                cv2.line(line, ends[0], ends[1], 1, max(1, round(thick * width)))
                np.maximum(covered, strength * line, out=covered)
    return covered
