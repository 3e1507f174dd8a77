"""Which frame of a video is the photo that a span is drawn from."""

from __future__ import annotations

import numpy as np

from ...errors import InputError
from ...keypoints import layout
from ...keypoints.person import whole_faces
from ...keypoints.poses import Poses

# The score of a frame is the sum of these. A hand that is not seen cannot be drawn, so it counts
# most; then nearness, a face from the front with open eyes, hands that are apart (folded ones are
# moved together and little) and that rest (they are sharp).
HANDS, NEAR, FRONTAL, APART, EYES, STILL = 3.0, 3.0, 1.5, 1.0, 0.5, 0.5
# Seconds from the span's border until a frame counts no more as near.
NEAR_SECONDS = 2.0
# A hand that goes farther than this in a frame, in shoulder widths, is blurred.
_FAST = 0.06
# Hands farther from each other than this, in shoulder widths, move each on its own.
_APART = 0.25
_SIDES = (
    (layout.LEFT_ELBOW, layout.LEFT_WRIST, layout.LEFT_HAND),
    (layout.RIGHT_ELBOW, layout.RIGHT_WRIST, layout.RIGHT_HAND),
)


def choose_photo(poses: Poses, span: tuple[int, int], width: float, needs_hands: bool) -> int:
    """The best frame outside the span, or at its borders.

    poses: of one shot. span: its frames. width: of the shoulders in pixels. needs_hands: whether
    hands or arms are to be moved.
    Raises: InputError where no frame shows the whole face, or no hand where one is needed.
    """
    values = scores(poses, span, width)
    start, stop = span
    usable = whole_faces(poses) & (poses.confidence[:, layout.FACE] > 0).all(axis=1)
    usable[start + 1 : max(start + 1, stop - 1)] = False
    if not usable.any():
        raise InputError(
            "No frame near the span shows the whole face, so there is none to draw it from. "
            "Choose a span near frames that show the person from the front."
        )
    if needs_hands:
        shown = usable & (_arms_seen(poses).max(axis=1) > 0.9)
        if not shown.any():
            raise InputError(
                "No frame near the span shows an arm with its hand, so there is none to draw it "
                "from. Choose another span, or other parts than hands and arms."
            )
        usable = shown
    return int(np.argmax(np.where(usable, values, -np.inf)))


def scores(poses: Poses, span: tuple[int, int], width: float) -> np.ndarray:
    """[T] how good each frame is as the photo; see the weights at the top."""
    face = poses.xy[:, layout.FACE].astype(np.float64)
    right, left = (
        face[:, eye].mean(axis=1) for eye in (layout.FACE_RIGHT_EYE, layout.FACE_LEFT_EYE)
    )
    line = left - right
    off = ((face[:, layout.FACE_NOSE_TIP] - (left + right) / 2) * line).sum(axis=1)
    frontal = 1 - np.clip(np.abs(off) / np.maximum((line**2).sum(axis=1), 1e-6), 0, 1)
    lids = np.linalg.norm(face[:, [37, 38, 43, 44]] - face[:, [41, 40, 47, 46]], axis=-1)
    opening = lids.mean(axis=1)
    open_eyes = np.clip(opening / max(float(np.median(opening)), 1e-6), 0, 1)
    wrists = poses.xy[:, [layout.LEFT_WRIST, layout.RIGHT_WRIST]].astype(np.float64)
    speed = np.linalg.norm(np.gradient(wrists, axis=0), axis=-1).max(axis=1) / width
    still = np.exp(-((speed / _FAST) ** 2))
    at = np.arange(len(poses))
    away = np.maximum(np.maximum(span[0] - at, at - span[1] + 1), 0) / poses.fps
    near = np.clip(1 - away / NEAR_SECONDS, 0, 1)
    hands = _arms_seen(poses).mean(axis=1)
    apart = np.clip(_hands_gap(poses) / (_APART * width), 0, 1)
    return (
        HANDS * hands
        + NEAR * near
        + FRONTAL * frontal
        + APART * apart
        + EYES * open_eyes
        + STILL * still
    )


def _hands_gap(poses: Poses) -> np.ndarray:
    """[T] the least distance of the two hands' points in pixels; far where one is not seen."""
    left, right = (poses.points[:, hand].astype(np.float64) for *_, hand in _SIDES)
    gap = np.linalg.norm(left[:, :, None, :2] - right[:, None, :, :2], axis=-1)
    both = (left[:, :, None, 2] > 0) & (right[:, None, :, 2] > 0)
    return np.where(both, gap, 1e6).min(axis=(1, 2))


def _arms_seen(poses: Poses) -> np.ndarray:
    """[T, 2] share of each arm from elbow to finger tips that is seen."""
    seen = poses.confidence > 0
    return np.stack(
        [
            seen[:, elbow] * seen[:, wrist] * seen[:, hand].mean(axis=1)
            for elbow, wrist, hand in _SIDES
        ],
        axis=1,
    )
