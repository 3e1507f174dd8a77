"""Which frame of a video is the photo that a span is drawn from."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from ...errors import InputError
from ...keypoints import layout
from ...keypoints.person import Person, complete_faces, whole_faces
from ...keypoints.poses import Poses
from .limbs import SIDES

# The score of a frame is the sum of these. A hand that is not seen cannot be drawn, so it counts
# most; then nearness and, where the head is made anew, a head turned as it will be turned; a face
# from the front with open eyes; hands that are apart (folded ones are moved together and little),
# open, and that rest (they are sharp).
HANDS, NEAR, HEAD, FRONTAL, APART, SPREAD, EYES, STILL = 3.0, 3.0, 4.0, 1.5, 1.0, 1.0, 0.5, 0.5
# How much sharper pixels count, among the best by the poses.
SHARP = 1.5
# Seconds from the span's border until a frame counts no more as near.
NEAR_SECONDS = 2.0
# A hand that goes farther than this in a frame, in shoulder widths, is blurred.
_FAST = 0.06
# Hands farther from each other than this, in shoulder widths, move each on its own.
_APART = 0.25
# The face's points are so far off, in distances of the outer eye corners, where a head is turned
# too far to be turned back.
_TURNED = 0.3
# So many frames are looked at for sharpness, and so many of what the head will do.
_BEST, _WANTED = 8, 40


def best_photos(
    poses: Poses, span: tuple[int, int], person: Person, *, hands: bool, heads: Poses | None
) -> dict[int, float]:
    """The best frames outside the span, or at its borders, with their scores; the best one first.

    poses: of one shot. span: its frames. hands: whether hands or arms are to be moved. heads: the
    new poses, where the head or face is to be moved.
    Raises: InputError where no frame shows the whole face, or no hand where one is needed.
    """
    values = scores(poses, span, person.width)
    if heads is not None:
        values -= HEAD * np.clip(head_distance(poses, heads, person) / _TURNED, 0, 1)
    start, stop = span
    usable = whole_faces(poses) & (poses.confidence[:, layout.FACE] > 0).all(axis=1)
    usable[start + 1 : max(start + 1, stop - 1)] = False
    if not usable.any():
        raise InputError(
            "No frame near the span shows the whole face, so there is none to draw it from. "
            "Choose a span near frames that show the person from the front."
        )
    if hands:
        shown = usable & (_arms_seen(poses).max(axis=1) > 0.9)
        if not shown.any():
            raise InputError(
                "No frame near the span shows an arm with its hand, so there is none to draw it "
                "from. Choose another span, or other parts than hands and arms."
            )
        usable = shown
    order = sorted(np.flatnonzero(usable), key=lambda at: -float(values[at]))
    return {int(at): float(values[at]) for at in order[:_BEST]}


def sharpest(
    best: Mapping[int, float], frames: Mapping[int, np.ndarray], poses: Poses, *, hands: bool
) -> int:
    """Of the best frames the one whose hands, or face, are also sharp. frames: [H, W, 3] uint8."""
    parts = [hand for *_, hand in SIDES] if hands else [layout.FACE]
    sharpness = {
        at: float(np.mean([_sharpness(frames[at], poses.points[at, part]) for part in parts]))
        for at in best
    }
    most = max(max(sharpness.values()), 1e-6)
    return max(best, key=lambda at: best[at] + SHARP * sharpness[at] / most)


def _sharpness(frame: np.ndarray, points: np.ndarray) -> float:
    """Deviation of the Laplacian about some points [N, 3]; 0 where they are not in the picture."""
    seen = points[points[:, 2] > 0, :2]
    if not len(seen):
        return 0.0
    limit = [frame.shape[1], frame.shape[0]]
    x0, y0 = np.clip(np.floor(seen.min(axis=0)), 0, limit).astype(int)
    x1, y1 = np.clip(np.ceil(seen.max(axis=0)) + 1, 0, limit).astype(int)
    if x1 - x0 < 3 or y1 - y0 < 3:
        return 0.0
    grey = cv2.cvtColor(frame[y0:y1, x0:x1], cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).std())


def head_distance(poses: Poses, wanted: Poses, person: Person) -> np.ndarray:
    """[T] how far, on average over the wanted poses, a frame's head is turned from them: distance
    of the face's points from the nose, in distances of the outer eye corners. Where the head is in
    the picture and what the face does has no influence."""
    wanted = wanted[:: max(1, len(wanted) // _WANTED)]
    wanted = wanted[whole_faces(wanted)]
    if not len(wanted):
        return np.zeros(len(poses))
    own, new = (_skulls(each, person) for each in (poses, wanted))
    apart = np.linalg.norm(own[:, None] - new[None], axis=-1).mean(axis=(1, 2))
    return apart / person.face.scale


def _skulls(poses: Poses, person: Person) -> np.ndarray:
    """[T, 68, 2] the neutral face turned as the frames' heads, from the nose tip in pixels."""
    faces = complete_faces(poses)
    head, _ = person.face.split(faces - faces[:, layout.FACE_NOSE_TIP, None])
    return np.einsum("tij,pj->tpi", head, person.face.shape)


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
    spread = _spread(poses)
    return (
        HANDS * hands
        + NEAR * near
        + FRONTAL * frontal
        + APART * apart
        + SPREAD * spread / max(float(spread.max()), 1e-6)
        + EYES * open_eyes
        + STILL * still
    )


def _hands_gap(poses: Poses) -> np.ndarray:
    """[T] the least distance of the two hands' points in pixels; far where one is not seen."""
    left, right = (poses.points[:, hand].astype(np.float64) for *_, hand in SIDES)
    gap = np.linalg.norm(left[:, :, None, :2] - right[:, None, :, :2], axis=-1)
    both = (left[:, :, None, 2] > 0) & (right[:, None, :, 2] > 0)
    return np.where(both, gap, 1e6).min(axis=(1, 2))


def _spread(poses: Poses) -> np.ndarray:
    """[T] how large the hands show: mean area in square pixels, 0 for one that is not seen."""
    areas = np.zeros((len(poses), len(SIDES)))
    for side, (*_, hand) in enumerate(SIDES):
        for at in np.flatnonzero((poses.confidence[:, hand] > 0).all(axis=1)):
            areas[at, side] = cv2.contourArea(cv2.convexHull(poses.xy[at, hand].astype(np.float32)))
    return areas.mean(axis=1)


def _arms_seen(poses: Poses) -> np.ndarray:
    """[T, 2] share of each arm from elbow to finger tips that is seen, within the picture."""
    inside = (poses.xy >= 0) & (poses.xy < np.array(poses.size))
    seen = (poses.confidence > 0) & inside.all(axis=-1)
    return np.stack(
        [
            (poses.confidence[:, elbow] > 0) * seen[:, wrist] * seen[:, hand].mean(axis=1)
            for _, elbow, wrist, hand in SIDES
        ],
        axis=1,
    )
