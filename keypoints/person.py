"""The person-independent frame: poses -> motion without the person, and back on a person.

Little training data cannot teach a generator both how people move and how they are built, so a
motion carries no proportions: every bone has the canonical person's length (its direction and
foreshortening are kept), every face is the canonical face plus what this face does about its own
neutral state, and every shoulder and head moves about where the canonical person has it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from . import canonical, layout
from .face import CANONICAL_FACE, NeutralFace
from .motion import Motion
from .poses import Poses

# Below this confidence a point is not measured from.
_SEEN = 0.3
# Share of the face's points that a frame needs.
_WHOLE_FACE = 0.8
# A person is measured from so many frames, evenly over a longer clip.
_ENOUGH_FRAMES = 1500
# Bounds of a person's own proportions, as multiples of the canonical person's. They hold off
# foreshortened bones, bodies turned aside and false detections; nine in ten of the training clips'
# people lie within.
_WIDTH_RANGE = (0.75, 1.45)
_BONE_RANGE = (0.85, 1.3)
_HAND_RANGE = (0.75, 1.35)

_SHOULDERS = [layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]
_ELBOWS = [layout.LEFT_ELBOW, layout.RIGHT_ELBOW]
_WRISTS = [layout.LEFT_WRIST, layout.RIGHT_WRIST]
_HANDS = np.array([np.r_[layout.LEFT_HAND], np.r_[layout.RIGHT_HAND]])
_BONES = np.array([canonical.UPPER_ARM, canonical.FOREARM])


@dataclass(frozen=True)
class Person:
    """One person's proportions and neutral state in one camera, measured from poses.

    width: shoulder width in pixels, as in front view.
    neck: [2] the middle of the shoulders in pixels.
    shoulders: [2, 2] left and right shoulder relative to the neck, in shoulder widths.
    nose: [2] the nose tip relative to the neck, in shoulder widths.
    bones: [2, 2] un-foreshortened upper arm and forearm of the left and the right arm, in
        shoulder widths.
    hands: [2] left and right hand's size as multiples of the canonical person's.
    face: the neutral face, in pixels.
    shoulders_seen: False where the shoulders are outside the picture and were guessed from the
        face.
    """

    width: float
    neck: np.ndarray
    shoulders: np.ndarray
    nose: np.ndarray
    bones: np.ndarray
    hands: np.ndarray
    face: NeutralFace
    shoulders_seen: bool = True

    @classmethod
    def measure(cls, poses: Poses) -> Person:
        """From a clip of one person, or one photo (one frame).

        Raises: InputError where no frame shows a face.
        """
        poses = poses[:: max(1, len(poses) // _ENOUGH_FRAMES)]
        face_seen = whole_faces(poses)
        if not face_seen.any():
            share = float((poses.confidence[:, layout.FACE] > 0).mean()) if len(poses) else 0.0
            raise InputError(
                f"No face to measure the person by: {share:.0%} of the face points were seen in "
                f"{len(poses)} frame(s), {_WHOLE_FACE:.0%} of one face are needed. Use a picture "
                "that shows the whole face."
            )
        faces = complete_faces(poses[face_seen])
        face = NeutralFace.measure(faces)
        front_width = face.scale / canonical.EYE_DISTANCE
        nose = np.median(faces[:, layout.FACE_NOSE_TIP], axis=0)

        shoulders = poses.xy[:, _SHOULDERS].astype(np.float64)
        both = (poses.confidence[:, _SHOULDERS] > _SEEN).all(axis=1)
        if both.any():
            pair = np.median(shoulders[both], axis=0)
            seen_width = float(np.median(np.linalg.norm(np.diff(shoulders[both], axis=1), axis=-1)))
            width = float(np.clip(seen_width, *(np.array(_WIDTH_RANGE) * front_width)))
        else:
            width = front_width
            pair = nose + (canonical.SHOULDERS - canonical.NOSE) * width
        neck = pair.mean(axis=0)
        return cls(
            width=width,
            neck=neck,
            shoulders=(pair - neck) / width,
            nose=(nose - neck) / width,
            bones=_measure_bones(poses, width),
            hands=_measure_hands(poses, width),
            face=face,
            shoulders_seen=bool(both.any()),
        )


CANONICAL = Person(
    width=1.0,
    neck=np.zeros(2),
    shoulders=canonical.SHOULDERS,
    nose=canonical.NOSE,
    bones=np.tile(_BONES, (2, 1)),
    hands=np.ones(2),
    face=CANONICAL_FACE,
)
REST: np.ndarray = canonical.rest(CANONICAL_FACE.shape[:, :2])


def to_motion(poses: Poses, person: Person | None = None) -> Motion:
    """The poses of one person in the person-independent frame.

    person: who it is; measured from the poses themselves where None. One frame of a photo with
    the person measured from it gives the canonical person's neutral head, with the photo's arms
    and expression. Points that were not seen lie where the canonical person's rest pose has them,
    with confidence 0.

    Raises: InputError where no frame shows a face and no person is given.
    """
    person = person or Person.measure(poses)
    confidence = poses.confidence[:, layout.MOTION_POINTS].copy()
    face_seen = whole_faces(poses)
    confidence[~face_seen, layout.MOTION_FACE] = 0
    relative = poses.points.astype(np.float64)
    relative[..., :2] = (relative[..., :2] - person.neck) / person.width
    points = np.tile(REST, (len(poses), 1, 1))

    if face_seen.any():
        faces = (complete_faces(poses[face_seen]) - person.neck) / person.width
        nose = faces[:, layout.FACE_NOSE_TIP]
        face = CANONICAL_FACE.join(*person.face.split((faces - nose[:, None]) * person.width))
        face[:, layout.FACE_NOSE_TIP] = nose - person.nose + CANONICAL.nose
        points[face_seen, layout.MOTION_FACE] = face
    arms = _exchange_arms(relative, person, CANONICAL)
    points[:, layout.MOTION_ARMS] = np.moveaxis(arms, 2, 1).reshape(len(poses), 6, 2)
    for side, part in enumerate((layout.MOTION_LEFT_HAND, layout.MOTION_RIGHT_HAND)):
        from_wrist = relative[:, _HANDS[side], :2] - relative[:, _WRISTS[side], None, :2]
        seen = confidence[:, part] * (poses.confidence[:, _WRISTS[side], None] > 0) > 0
        confidence[:, part] *= seen
        points[:, part] = np.where(
            seen[..., None], from_wrist / person.hands[side], points[:, part]
        )
    return Motion(points, confidence, poses.fps)


def from_motion(motion: Motion, person: Person, size: tuple[int, int]) -> Poses:
    """The inverse of `to_motion`: the motion as this person would do it, in their picture.

    Nothing is limited and nothing eased; `retarget.retarget` does that for a photo. The body's
    nose and eyes follow the face; ears, legs and feet are not seen.
    """
    values = motion.points.astype(np.float64)
    points = np.zeros((len(motion), layout.NUM_POINTS, 3))
    points[:, layout.MOTION_POINTS, 2] = motion.confidence
    xy = points[..., :2]

    face = values[:, layout.MOTION_FACE].copy()
    nose = face[:, layout.FACE_NOSE_TIP] - CANONICAL.nose + person.nose
    face[:, layout.FACE_NOSE_TIP] = 0
    own = person.face.join(*CANONICAL_FACE.split(face)) / person.width
    xy[:, layout.FACE] = own + nose[:, None]

    arms = np.concatenate(
        [values[:, layout.MOTION_ARMS], motion.confidence[:, layout.MOTION_ARMS, None]], axis=-1
    )
    joints = np.zeros_like(points)
    joints[:, layout.ARMS] = arms
    placed = _exchange_arms(joints, CANONICAL, person)
    xy[:, layout.ARMS] = np.moveaxis(placed, 2, 1).reshape(len(motion), 6, 2)
    for side, part in enumerate((layout.MOTION_LEFT_HAND, layout.MOTION_RIGHT_HAND)):
        xy[:, _HANDS[side]] = values[:, part] * person.hands[side] + xy[:, _WRISTS[side], None]
    xy *= person.width
    xy += person.neck
    points[:, layout.NOSE : layout.LEFT_EAR] = head_points(points[:, layout.FACE])
    return Poses(points, size, motion.fps)


def head_points(faces: np.ndarray) -> np.ndarray:
    """[T, 68, 3] faces -> [T, 3, 3] the body's nose, left and right eye, with confidence."""
    return np.stack(
        [
            faces[:, layout.FACE_NOSE_TIP],
            faces[:, layout.FACE_LEFT_EYE].mean(axis=1),
            faces[:, layout.FACE_RIGHT_EYE].mean(axis=1),
        ],
        axis=1,
    )


def whole_faces(poses: Poses) -> np.ndarray:
    """[T] bool: the frames that show enough of a face to be measured."""
    seen = poses.confidence[:, layout.FACE] > 0
    return (seen.mean(axis=1) >= _WHOLE_FACE) & seen[:, layout.FACE_NOSE_TIP]


def complete_faces(poses: Poses) -> np.ndarray:
    """[T, 68, 2] faces in pixels; points that were not seen are placed by the canonical face.

    The canonical face is fitted to the points that were seen by a weighted affine camera.
    """
    faces = poses.xy[:, layout.FACE].astype(np.float64)
    seen = poses.confidence[:, layout.FACE] > 0
    partial = np.flatnonzero(~seen.all(axis=1))
    if len(partial):
        model = np.column_stack([canonical.FACE, np.ones(68)])
        weight = seen[partial].astype(np.float64)
        normal = np.einsum("tp,pi,pj->tij", weight, model, model) + 1e-6 * np.eye(4)
        right = np.einsum("tp,pi,tpk->tik", weight, model, faces[partial])
        guess = model @ np.linalg.solve(normal, right)
        faces[partial] = np.where(seen[partial, :, None], faces[partial], guess)
    return faces


def _exchange_arms(points: np.ndarray, source: Person, target: Person) -> np.ndarray:
    """Arms of one person's build on another's.

    points: [T, 133, 3] relative to the source's neck in shoulder widths, with confidence. Returns
    [T, 2 (side), 3 (shoulder, elbow, wrist), 2] in the same frame of the target. Directions and
    foreshortening are kept. An arm whose elbow was not seen keeps the way from shoulder to wrist;
    unseen joints take the rest pose.
    """
    joints = points[:, [_SHOULDERS, _ELBOWS, _WRISTS]]  # [T, 3, 2 (side), 3]
    xy, seen = joints[..., :2], joints[..., 2, None] > 0
    ratio = (target.bones / source.bones).T[..., None]  # [2 (bone), 2 (side), 1]
    rest = np.stack([canonical.SHOULDERS, canonical.REST_ELBOWS, canonical.REST_WRISTS])
    rest = np.diff(rest, axis=0) * (target.bones / _BONES).T[..., None]

    moved = xy[:, 0] - source.shoulders
    shoulders = target.shoulders + np.where(seen[:, 0], moved, 0)
    whole = source.bones.sum(axis=1)[:, None], target.bones.sum(axis=1)[:, None]
    reach = shoulders + (xy[:, 2] - xy[:, 0]) * whole[1] / whole[0]
    upper = np.where(seen[:, 0] & seen[:, 1], (xy[:, 1] - xy[:, 0]) * ratio[0], rest[0])
    elbows = shoulders + upper
    wrists = elbows + np.where(seen[:, 1] & seen[:, 2], (xy[:, 2] - xy[:, 1]) * ratio[1], rest[1])
    lone = seen[:, 0] & ~seen[:, 1] & seen[:, 2]
    wrists = np.where(lone, reach, wrists)
    return np.moveaxis(np.stack([shoulders, elbows, wrists], axis=1), 2, 1)


def _measure_bones(poses: Poses, width: float) -> np.ndarray:
    """[2, 2] upper arm and forearm of each side in shoulder widths: the longest that is seen."""
    bones = np.tile(_BONES, (2, 1))
    for side in range(2):
        chain = [_SHOULDERS[side], _ELBOWS[side], _WRISTS[side]]
        for bone in range(2):
            ends = chain[bone : bone + 2]
            seen = (poses.confidence[:, ends] > _SEEN).all(axis=1)
            if seen.any():
                length = np.linalg.norm(np.diff(poses.xy[seen][:, ends], axis=1), axis=-1) / width
                low, high = np.array(_BONE_RANGE) * _BONES[bone]
                bones[side, bone] = np.clip(np.percentile(length, 95), low, high)
    return bones


def _measure_hands(poses: Poses, width: float) -> np.ndarray:
    """[2] hands' size as multiples of the canonical person's: the flattest palm that is seen."""
    sizes = np.ones(2)
    for side in range(2):
        seen = (poses.confidence[:, _HANDS[side]] > _SEEN).all(axis=1)
        if seen.any():
            hands = poses.xy[seen][:, _HANDS[side]]
            ratios = [
                np.linalg.norm(hands[:, a] - hands[:, b], axis=-1) / (length * canonical.HAND)
                for a, b, length in canonical.PALM_LENGTHS
            ]
            size = np.percentile(np.max(ratios, axis=0), 90) / width
            sizes[side] = np.clip(size, *_HAND_RANGE)
    return sizes
