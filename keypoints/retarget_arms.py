"""The photo's arms and hands under a motion.

What a photo shows of an arm is one posture, often with the forearm pointing at the camera. So the
motion is taken apart in time: its slow part, the posture, moves the photo's posture a little; its
fast part, the strokes, is done about it. A hand moves as a whole, by shift and turn, with a small
bounded bend of the fingers: it never shows a side that the photo does not show.
"""

from __future__ import annotations

import numpy as np

from . import layout
from .limits import ease_out, limit, limit_angle, limit_length, local_mean, smooth_step
from .person import Person
from .poses import Poses

_SIDES = (
    (layout.LEFT_SHOULDER, layout.LEFT_ELBOW, layout.LEFT_WRIST, layout.LEFT_HAND),
    (layout.RIGHT_SHOULDER, layout.RIGHT_ELBOW, layout.RIGHT_WRIST, layout.RIGHT_HAND),
)
# Posture and strokes part at this time constant, in seconds.
_POSTURE = 1.2
# How far a posture may drift from the photo's, in shoulder widths.
_WRIST_DRIFT, _ELBOW_DRIFT = 0.10, 0.04
# How far strokes carry the wrist: so much, and more by the length of forearm that is seen, which
# can swing. In shoulder widths. The elbow's is for a hanging upper arm.
_WRIST_STROKE, _WRIST_SWING, _ELBOW_STROKE = 0.24, 0.45, 0.10
# Bones in the picture: shortest and longest as multiples of the photo's, and what a foreshortened
# one may gain, in shoulder widths, up to its true length.
_SHORTEST, _LONGEST, _GAIN = 0.65, 1.18, 0.22
# How far a bone's end swings aside: as far as the bone is long in the picture, and so much more.
_ASIDE = 0.1
# An arm whose hand or wrist the photo does not show, or that is folded with the other one.
_BOUND_FREEDOM, _FOLDED_FREEDOM = 0.2, 0.4
# Hands nearer than this, in sizes of a hand, are folded.
_FOLDED, _APART = 0.15, 0.6
# How far a hand turns by itself, and how much of it can be posture; radians.
_HAND_TURN, _HAND_DRIFT = np.radians([28.0, 10.0])
# How far finger points move against the palm, by their joint from knuckle to tip, in sizes of a
# hand; the palm itself stays rigid.
_BEND = 0.08
_KNUCKLE = 9
_BEND_BY_POINT = _BEND * np.array([1e-6, *[1e-6, 0.4, 0.7, 1.0] * 5])
# How far a hand turns with its forearm.
_SWING = np.radians(60.0)
_EASE = 0.9


def retarget_arms(target: Poses, photo: np.ndarray, person: Person, sway: np.ndarray) -> np.ndarray:
    """[T, 133, 2] shifts of elbows, wrists and hands from the photo's, in pixels; elsewhere 0.

    target: the motion with the photo's proportions, not limited. photo: [133, 3]. sway: [T, 2, 2]
    shift of the left and right shoulder in pixels.
    """
    folded = _folded(photo)
    free = [_freedom(photo, side) for side in range(2)]
    elbows, wrists = [], []
    for side, (shoulder, _, _, _) in enumerate(_SIDES):
        freedom = free[side] * (1 - folded * (1 - _FOLDED_FREEDOM))
        at_shoulder = photo[shoulder, :2] + sway[:, side]
        at_elbow = _joint_path(target, photo, person, side, 0, at_shoulder, sway, freedom)
        elbows.append(at_elbow)
        wrists.append(_joint_path(target, photo, person, side, 1, at_elbow, sway, freedom))

    shifts = np.zeros((len(target), layout.NUM_POINTS, 2))
    shift = [wrists[side] - photo[_SIDES[side][2], :2] for side in range(2)]
    for side, (_, elbow, wrist, hand) in enumerate(_SIDES):
        shifts[:, elbow] = elbows[side] - photo[elbow, :2]
        shifts[:, wrist] = shift[side] + folded * (shift[1 - side] - shift[side]) / 2
        forearm = photo[wrist, :2] + shifts[:, wrist] - elbows[side]
        shape = _hand_shape(target, photo, person, forearm, side, free[side], 1 - folded)
        shifts[:, hand] = shape + (photo[wrist, :2] + shifts[:, wrist])[:, None] - photo[hand, :2]
    return shifts


def _freedom(photo: np.ndarray, side: int) -> float:
    """1 for an arm the photo shows to the finger tips, little for others."""
    _, elbow, wrist, hand = _SIDES[side]
    if photo[elbow, 2] == 0:
        return 0.0
    whole = (photo[hand, 2] > 0).mean() * (photo[wrist, 2] > 0)
    return float(_BOUND_FREEDOM + (1 - _BOUND_FREEDOM) * smooth_step((whole - 0.5) * 2))


def _folded(photo: np.ndarray) -> float:
    """1 where the photo's hands touch, 0 where they are apart."""
    left, right = photo[layout.LEFT_HAND], photo[layout.RIGHT_HAND]
    if not ((left[:, 2] > 0).any() and (right[:, 2] > 0).any()):
        return 0.0
    left, right = left[left[:, 2] > 0, :2], right[right[:, 2] > 0, :2]
    gap = np.linalg.norm(left[:, None] - right[None], axis=-1).min()
    size = max(_size(left), _size(right))
    return float(1 - smooth_step((gap / size - _FOLDED) / (_APART - _FOLDED)))


def _size(hand: np.ndarray) -> float:
    return float(np.linalg.norm(hand.max(axis=0) - hand.min(axis=0))) + 1e-6


def _parted(values: np.ndarray, seen: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """[T, 2] values and [T] bool -> posture and stroke, the stroke fading where nothing is seen."""
    posture = local_mean(values, seen, _POSTURE * fps)
    gate = local_mean(seen[:, None].astype(np.float64), np.ones(len(seen)), 0.12 * fps)
    held = values.copy()
    held[~seen] = posture[~seen]
    return posture, (held - posture) * smooth_step(gate)


def _joint_path(
    target: Poses,
    photo: np.ndarray,
    person: Person,
    side: int,
    bone: int,
    start: np.ndarray,
    sway: np.ndarray,
    freedom: float,
) -> np.ndarray:
    """[T, 2] where the elbow (bone 0) or wrist (bone 1) goes, in pixels.

    start: [T, 2] the bone's other end. sway: [T, 2, 2]. freedom: 0..1, of the whole arm.
    """
    before, joint = _SIDES[side][bone : bone + 2]
    moved = np.zeros((len(target), 2))
    seen = target.confidence[:, joint] > 0
    if photo[joint, 2] > 0 and seen.any():
        drift, reach = _ELBOW_DRIFT, _ELBOW_STROKE
        if bone == 1:
            forearm = float(np.linalg.norm(photo[joint, :2] - photo[before, :2])) / person.width
            drift, reach = _WRIST_DRIFT, _WRIST_STROKE + _WRIST_SWING * forearm
        posture, stroke = _parted(target.xy[:, joint].astype(np.float64), seen, target.fps)
        posture = limit_length(posture - photo[joint, :2], drift * person.width)
        moved = freedom * (posture + limit_length(stroke, reach * person.width))
        moved = moved - moved[:1] * ease_out(len(target), target.fps, _EASE)[:, None]
    end = photo[joint, :2] + sway[:, side] + moved
    return _bounded_bone(start, end, photo, person, side, bone)


def _bounded_bone(
    start: np.ndarray, end: np.ndarray, photo: np.ndarray, person: Person, side: int, bone: int
) -> np.ndarray:
    """[T, 2] the bone's end, with the bone's length and swing kept plausible.

    Bounded along and across the photo's bone, so that a bone never turns through its own root.
    """
    own = photo[_SIDES[side][bone + 1], :2] - photo[_SIDES[side][bone], :2]
    length = max(float(np.linalg.norm(own)), 1e-6)
    true_length = person.bones[side, bone] * person.width
    room = max(_LONGEST * length, min(length + _GAIN * person.width, true_length)) - length
    along = own / length
    across = np.array([-along[1], along[0]])
    more = (end - start) @ along - length
    more = np.where(more > 0, limit(more, room), limit(more, (1 - _SHORTEST) * length))
    aside = limit((end - start) @ across, length + _ASIDE * person.width)
    asked = np.hypot(length + more, aside)
    kept = length + np.where(asked > length, limit(asked - length, room), asked - length)
    bone_now = (length + more)[:, None] * along + aside[:, None] * across
    return start + bone_now * (kept / asked)[:, None]


def _hand_shape(
    target: Poses,
    photo: np.ndarray,
    person: Person,
    forearm: np.ndarray,
    side: int,
    freedom: float,
    loose: float,
) -> np.ndarray:
    """[T, 21, 2] the photo's hand about its wrist, turned and a little bent, in pixels.

    forearm: [T, 2]. freedom: of the arm. loose: 1 for a hand that does not hold the other one.
    """
    _, elbow, wrist, hand = _SIDES[side]
    own = photo[hand, :2] - photo[wrist, :2]
    motion = target.xy[:, hand].astype(np.float64) - target.xy[:, wrist, None]
    seen = (target.confidence[:, hand] > 0).all(axis=1)
    length = person.bones[side, 1] * person.width
    swing = loose * _forearm_swing(forearm, photo[wrist, :2] - photo[elbow, :2], length)
    turn, bend = swing, np.zeros_like(motion)
    if seen.any() and freedom * loose > 0:
        asked = _hand_turn(motion, seen, own, target.fps)
        turn = swing + freedom * loose * limit_angle(asked - swing, _HAND_TURN)
        bend = freedom * loose * _finger_bend(motion, seen, own, target.fps)
    later = ease_out(len(target), target.fps, _EASE)
    return _rotated(own + bend - bend[:1] * later[:, None, None], turn - turn[:1] * later)


def _forearm_swing(forearm: np.ndarray, own: np.ndarray, length: float) -> np.ndarray:
    """[T] radians the forearm has turned, as far as it is long enough in the picture to tell.

    forearm: [T, 2] pixels now; own: [2] in the photo; length: un-foreshortened, pixels.
    """
    angle = np.arctan2(own[0] * forearm[:, 1] - own[1] * forearm[:, 0], forearm @ own)
    shortest = np.minimum(np.linalg.norm(forearm, axis=-1), np.linalg.norm(own))
    return limit_angle(angle, _SWING) * smooth_step((shortest / length - 0.2) / 0.4)


def _hand_turn(motion: np.ndarray, seen: np.ndarray, own: np.ndarray, fps: float) -> np.ndarray:
    """[T] radians the motion would have the hand turned in the picture, from the photo's.

    Worked on as complex numbers, wrist to knuckle, whose length says how sure the angle is.
    """
    axis = motion[:, _KNUCKLE] @ [1, 1j]
    mean = local_mean(np.stack([axis.real, axis.imag], axis=-1), seen, _POSTURE * fps) @ [1, 1j]
    size = np.abs(own[_KNUCKLE] @ [1, 1j]) + 1e-6
    # Limited first: an angle must be small where it changes its sign at half a turn.
    stroke = limit_angle(np.angle(axis * mean.conj()), 2 * _HAND_TURN)
    stroke = stroke * smooth_step(np.minimum(abs(axis), abs(mean)) / size)
    drift = np.angle(mean * (own[_KNUCKLE] @ [1, -1j]))
    gate = local_mean(seen[:, None].astype(np.float64), np.ones(len(seen)), 0.12 * fps)[:, 0]
    return limit_angle(drift, _HAND_DRIFT) + np.where(seen, stroke, 0) * smooth_step(gate)


def _finger_bend(motion: np.ndarray, seen: np.ndarray, own: np.ndarray, fps: float) -> np.ndarray:
    """[T, 21, 2] how the fingers leave their mean shape against the palm, on the photo's palm.

    In the frame of the palm: along wrist to knuckle, and across towards the thumb's side. Where
    motion and photo show different sides of a hand, across is mirrored; where the motion's hand
    is edge on, nothing is known across.
    """
    upright = _across_and_along(motion)
    palm = _signed_area(motion) / (_size(own) ** 2)
    upright[..., 0] *= np.tanh(palm / 0.05)[:, None] * np.sign(_signed_area(own[None]))
    bend = upright - local_mean(upright, seen, _POSTURE * fps)
    gate = local_mean(seen[:, None].astype(np.float64), np.ones(len(seen)), 0.12 * fps)
    bend = np.where(seen[:, None, None], bend, 0) * smooth_step(gate)[..., None]
    bend = limit_length(bend, _BEND_BY_POINT[:, None] * _size(own))
    along = own[_KNUCKLE] / max(np.linalg.norm(own[_KNUCKLE]), 1e-6)
    across = np.array([along[1], -along[0]])
    return bend[..., :1] * across + bend[..., 1:] * along


def _across_and_along(hand: np.ndarray) -> np.ndarray:
    """[T, 21, 2] about the wrist -> the same with the knuckle of the middle finger at +y."""
    along = (
        hand[:, _KNUCKLE] / np.maximum(np.linalg.norm(hand[:, _KNUCKLE], axis=-1), 1e-6)[:, None]
    )
    across = np.stack([along[:, 1], -along[:, 0]], axis=-1)
    return np.einsum("tpi,tji->tpj", hand, np.stack([across, along], axis=1))


def _signed_area(hand: np.ndarray) -> np.ndarray:
    """[T, 21, 2] -> [T] area of wrist, index and little knuckle; its sign tells palm from back."""
    a, b = hand[:, 5] - hand[:, 0], hand[:, 17] - hand[:, 0]
    return (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2


def _rotated(points: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """[T or 1, 21, 2] turned by [T] radians."""
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    x, y = points[..., 0], points[..., 1]
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)
