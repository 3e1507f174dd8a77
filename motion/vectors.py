"""Motion <-> the vectors that the networks see: displacements from the canonical rest pose.

`Motion` already carries no proportions (keypoints/person.py), so that the zero vector is the same
quiet pose for everybody.
"""

from __future__ import annotations

import numpy as np

from ..keypoints.layout import MOTION_BODY, MOTION_FACE, NUM_MOTION_POINTS
from ..keypoints.motion import Motion
from ..keypoints.person import REST

FACE_DIMS = 2 * (MOTION_FACE.stop - MOTION_FACE.start)
BODY_DIMS = 2 * (MOTION_BODY.stop - MOTION_BODY.start)
# Numbers that describe a reference frame: 116 points and whether each is seen.
DESCRIPTION = FACE_DIMS + BODY_DIMS + NUM_MOTION_POINTS
# Confidence from which a point counts as seen.
SEEN = 0.3
# Share of its points that must be seen for a stream to be taken for a person's motion.
SHOWN = 0.5


def to_vectors(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[T, 116, 2] -> face [T, 136] and body [T, 96], float32 in shoulder widths."""
    moved = (points - REST).astype(np.float32)
    count = len(moved)
    return moved[:, MOTION_FACE].reshape(count, -1), moved[:, MOTION_BODY].reshape(count, -1)


def to_motion(face: np.ndarray, body: np.ndarray, reference: Motion) -> Motion:
    """Vectors [T, 136] and [T, 96] as motion with the confidence of a reference of one frame."""
    moved = np.concatenate([face, body], axis=1).reshape(len(face), -1, 2)
    confidence = np.repeat(reference.confidence[:1], len(face), axis=0)
    return Motion(moved + REST, confidence, reference.fps)


def describe(reference: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """What the generator knows of a reference frame: places and visibility of its points, [348].

    reference: [116, 2]; confidence: [116]. An unseen point is described at rest.
    """
    seen = confidence > SEEN
    places = np.where(seen[:, None], reference - REST, 0.0)
    return np.concatenate([places.reshape(-1), seen]).astype(np.float32)


def shows(confidence: np.ndarray, part: str) -> bool:
    """Whether motion with confidence [T, 116] shows a stream, "face" or "body"."""
    points = MOTION_FACE if part == "face" else MOTION_BODY
    return bool((confidence[:, points] > SEEN).mean() >= SHOWN)


def fill_gaps(points: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Interpolate each point over the frames where it was not seen, [T, 116, 2].

    points: [T, 116, 2]; confidence: [T, 116]. Before the first and after the last sighting a
    point stays; one that was never seen keeps what it has (zero if that is no number).
    """
    filled = np.nan_to_num(points).astype(np.float32)
    frames = np.arange(len(points))
    for point in range(points.shape[1]):
        seen = (confidence[:, point] > SEEN) & np.isfinite(points[:, point]).all(-1)
        if seen.any() and not seen.all():
            for axis in range(2):
                known = points[seen, point, axis]
                filled[:, point, axis] = np.interp(frames, frames[seen], known)
    return filled
