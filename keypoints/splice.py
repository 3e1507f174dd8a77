"""Parts of one motion put on the rest of another: only what is asked for moves otherwise.

Hands hang on wrists, arms on shoulders, the face on the head and the head on the neck, so what is
kept goes along with what it hangs on and keeps its own motion about it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from . import layout
from .limits import limit_length, smooth_step
from .person import Person, complete_faces, head_points, whole_faces
from .poses import Poses

PARTS = ("hands", "arms", "head", "face")

_SIDES = (
    (layout.LEFT_SHOULDER, layout.LEFT_ELBOW, layout.LEFT_WRIST, layout.LEFT_HAND),
    (layout.RIGHT_SHOULDER, layout.RIGHT_ELBOW, layout.RIGHT_WRIST, layout.RIGHT_HAND),
)
# Shares of a forearm's length between which its direction begins to count.
_STUMP = 0.15, 0.4
# Shoulder widths: the shoulders stay, and a neck leans no farther from where it leant with them.
_LEAN = 0.25
_SHOULDERS = [layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]


def splice(
    own: Poses, new: Poses, parts: Iterable[str], share: np.ndarray, person: Person
) -> Poses:
    """``own`` with parts moved as in ``new``.

    own, new: T frames each, of one person in one picture. parts: of `PARTS`; shoulders and all
    below them stay. share: [T] in 0..1, how far a frame has gone over to the new motion.
    person: whose head pose and expression are told apart. What one of the two does not see is
    taken from the other. A hand, kept or new, keeps its pose about the wrist and turns with the
    forearm that it is put on.
    """
    parts = set(parts)
    points = own.points.astype(np.float64)
    share = np.asarray(share, np.float64)[:, None]
    for side, (shoulder, elbow, wrist, hand) in enumerate(_SIDES):
        if "arms" in parts:
            unmoved = own.confidence[:, shoulder, None] > 0
            shift = np.where(unmoved, own.xy[:, shoulder] - new.xy[:, shoulder], 0)
            for joint in (elbow, wrist):
                seen = own.confidence[:, joint] > 0
                points[:, joint, :2] = _faded(
                    points[:, joint, :2], new.xy[:, joint] + shift, share, seen
                )
            joints = slice(elbow, wrist + 1, wrist - elbow)
            points[:, joints, 2] = _confidence(own, new, joints, share)
        forearm, reach = points[:, [elbow, wrist]], person.bones[side, 1] * person.width
        carried = _turned(own, elbow, wrist, hand, forearm, reach)
        if "hands" in parts:
            about = _turned(new, elbow, wrist, hand, forearm, reach)
            seen = (own.confidence[:, hand] > 0) & (own.confidence[:, wrist, None] > 0)
            carried = _faded(carried, about, share[..., None], seen)
            points[:, hand, 2] = _confidence(own, new, hand, share)
        points[:, hand, :2] = carried + points[:, wrist, None, :2]
    if parts & {"head", "face"}:
        _splice_head(points, own, new, parts, share[:, 0], person)
    return Poses(points, own.size, own.fps)


def _turned(
    poses: Poses, elbow: int, wrist: int, hand: slice, forearm: np.ndarray, reach: float
) -> np.ndarray:
    """[T, 21, 2] a hand from its wrist in pixels, turned with its forearm.

    forearm: [T, 2, 3] elbow and wrist that the hand is put on. reach: length of the forearm in
    pixels as seen from the side.
    """
    about = (poses.xy[:, hand] - poses.xy[:, wrist, None]).astype(np.float64)
    before = poses.points[:, [elbow, wrist]].astype(np.float64)
    seen = (before[..., 2] > 0).all(axis=1) & (forearm[..., 2] > 0).all(axis=1)
    if not seen.any():
        return about
    (x, y), (to_x, to_y) = (np.diff(bone[..., :2], axis=1)[:, 0].T for bone in (before, forearm))
    # The direction of a forearm that points at the camera says nothing of how the hand turns.
    length = np.minimum(np.hypot(x, y), np.hypot(to_x, to_y))
    weight = smooth_step((length / reach - _STUMP[0]) / (_STUMP[1] - _STUMP[0])) * seen
    scale = weight / np.maximum(np.hypot(x, y) * np.hypot(to_x, to_y), 1e-6)
    cos, sin = 1 - weight + scale * (x * to_x + y * to_y), scale * (x * to_y - y * to_x)
    norm = np.maximum(np.hypot(cos, sin), 1e-6)
    turn = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], axis=1)
    return about @ (turn / norm[:, None, None])


def _faded(own: np.ndarray, new: np.ndarray, share: np.ndarray, seen: np.ndarray) -> np.ndarray:
    return np.where(seen[..., None] | (share == 0), own + share * (new - own), new)


def _confidence(own: Poses, new: Poses, part: slice, share: np.ndarray) -> np.ndarray:
    """What is seen in one of the two is seen, as soon as the new motion has a share."""
    both = np.maximum(own.confidence[:, part], new.confidence[:, part])
    return np.where(share > 0, both, own.confidence[:, part])


def _splice_head(
    points: np.ndarray, own: Poses, new: Poses, parts: set, share: np.ndarray, person: Person
) -> None:
    """Head pose and expression, written into points [T, 133, 3] where both show a face."""
    at = np.flatnonzero(whole_faces(own) & whole_faces(new) & (share > 0))
    if not len(at):
        return
    share = share[at, None, None]
    (nose, head, expression), (new_nose, new_head, new_expression) = (
        _taken_apart(poses, at, person) for poses in (own, new)
    )
    before = person.face.join(head, expression) + nose[:, None]
    if "head" in parts:
        necks = [poses.xy[at][:, _SHOULDERS].mean(axis=1) for poses in (own, new)]
        new_nose = new_nose + necks[0] - necks[1]
        nose = nose + share[:, 0] * limit_length(new_nose - nose, _LEAN * person.width)
        head = head + share * (new_head - head)
    if "face" in parts:
        expression = expression + share * (new_expression - expression)
    moved = person.face.join(head, expression) + nose[:, None] - before
    points[at, layout.FACE, :2] += moved
    points[at, layout.RIGHT_EAR, :2] += moved[:, layout.FACE_JAW.start]
    points[at, layout.LEFT_EAR, :2] += moved[:, layout.FACE_JAW.stop - 1]
    points[at, layout.NOSE : layout.LEFT_EAR, :2] = head_points(points[at, layout.FACE])[..., :2]


def _taken_apart(
    poses: Poses, at: np.ndarray, person: Person
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nose [T, 2] in pixels, head pose [T, 2, 3] and expression [T, 68, 2] of some frames."""
    faces = complete_faces(Poses(poses.points[at], poses.size, poses.fps))
    nose = faces[:, layout.FACE_NOSE_TIP]
    return nose, *person.face.split(faces - nose[:, None])
