"""Backward motion of each part: where in the photo a pixel of the frame comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..keypoints import layout
from .parts import UPPER_ARM_RADIUS, along_bone, palm_length, smoothstep
from .rig import (
    HAND_WEIGHTS,
    SKULL,
    PhotoRig,
    Rig,
    Similarity,
    fit_similarity,
)

# How far a finger may leave the place that the hand's similarity gives it, in palm lengths.
FINGER_FREEDOM = 0.22
# A limb that turns towards the camera may get this much shorter than in the photo.
SHORTEST = 0.3


def bone_map(rest: np.ndarray, driven: np.ndarray) -> Similarity:
    """Photo -> frame for a bone: turn and stretch along it, width kept.

    rest, driven: [2, 2], the ends of the bone in the photo and in the frame, pixels.
    """
    (u, length), (w, driven_length) = _direction(rest), _direction(driven)
    along = driven_length / length * np.outer(w, u)
    across = np.outer([-w[1], w[0]], [-u[1], u[0]])
    matrix = (along + across).astype(np.float32)
    return Similarity(matrix, (driven[0] - matrix @ rest[0]).astype(np.float32))


@dataclass(frozen=True)
class Limb:
    """Photo -> frame for an arm's bone: a turn, and a stretch between the two ends of the bone;
    what lies past an end only goes along with it.

    p -> driven + turn (p - rest) + stretch * clip(t), t in 0..1 where p is on the bone.
    rest, driven: [2], the start of the bone, pixels. turn: [2, 2]. stretch: [2], pixels.
    along: [2], t = along . (p - rest).
    """

    rest: np.ndarray
    driven: np.ndarray
    turn: np.ndarray
    stretch: np.ndarray
    along: np.ndarray

    @classmethod
    def between(cls, rest: np.ndarray, driven: np.ndarray, width: float) -> Limb:
        """rest, driven: [2, 2], the bone's ends in the photo and in the frame. width: the limb's.

        A forearm that points at the camera is as long as it is wide in the picture; turning it by
        its few pixels of length would spin the arm. It turns less, and shears for the rest.
        """
        (u, length), (w, _) = _direction(rest), _direction(driven)
        angle = float(np.arctan2(u[0] * w[1] - u[1] * w[0], u @ w))
        tame = float(smoothstep(0.6 * width, 2.2 * width, np.float32(length)))
        for share in (tame, 1.0):
            c, s = np.cos(share * angle), np.sin(share * angle)
            turn = np.array([[c, -s], [s, c]])
            stretch = driven[1] - driven[0] - turn @ (rest[1] - rest[0])
            # Along the bone the picture may shrink, but never fold over.
            grow = 1.0 + float((turn.T @ stretch) @ u) / length
            if grow >= SHORTEST:
                break
        else:
            stretch = stretch + (SHORTEST - grow) * length * (turn @ u)
        return cls(*(x.astype(np.float32) for x in (rest[0], driven[0], turn, stretch, u / length)))

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """points: [..., 2], photo to frame."""
        offset = points - self.rest
        t = np.clip(offset @ self.along, 0.0, 1.0)
        return self.driven + offset @ self.turn.T + t[..., None] * self.stretch

    def back(self, points: np.ndarray) -> np.ndarray:
        """points: [..., 2], frame to photo."""
        offset = (points - self.driven) @ self.turn
        stretch = self.turn.T @ self.stretch
        # On the bone offset = o + t stretch and t = along . o, so t = along . offset / (1 + ..).
        t = np.clip((offset @ self.along) / (1.0 + self.along @ stretch), 0.0, 1.0)
        return self.rest + offset - t[..., None] * stretch


def _direction(bone: np.ndarray) -> tuple[np.ndarray, float]:
    """Unit vector and length of a bone [2, 2]."""
    vector = (bone[1] - bone[0]).astype(np.float64)
    length = max(float(np.linalg.norm(vector)), 1e-3)
    return vector / length, length


def _mix(low: np.ndarray, high: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return low + weight[..., None] * (high - low)


def _along(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Signed pixels past ``start`` in the direction of ``end``."""
    bone = end - start
    return (points - start) @ (bone / max(float(np.linalg.norm(bone)), 1e-3))


@dataclass(frozen=True)
class PoseFields:
    """The backward motion of one frame. Each method takes frame points [..., 2] in pixels to photo
    points [..., 2]; the maps kept are photo -> frame."""

    rest: PhotoRig
    driven: Rig
    torso: Similarity
    head: Similarity
    arms: dict[str, tuple[Limb, Limb]]
    hands: dict[str, Similarity]

    @classmethod
    def between(cls, rest: PhotoRig, driven: Rig) -> PoseFields:
        arms, hands = {}, {}
        for side, arm in rest.arms.items():
            moved = driven.arms[side]
            width = 2 * UPPER_ARM_RADIUS * rest.unit
            upper = Limb.between(arm[:2], moved[:2], width)
            arms[side] = (upper, Limb.between(arm[1:], moved[1:], width))
            if side in rest.hands:
                hands[side] = fit_similarity(rest.hands[side], driven.hands[side], HAND_WEIGHTS)
        return cls(
            rest,
            driven,
            bone_map(rest.shoulders, driven.shoulders),
            fit_similarity(rest.face[SKULL], driven.face[SKULL]),
            arms,
            hands,
        )

    def torso_back(self, points: np.ndarray) -> np.ndarray:
        """Follows the shoulders, less and less down to the anchor, below which all stands."""
        neck = float(self.driven.neck[1])
        reach = max(self.rest.anchor - neck, 1.0)
        weight = np.clip((self.rest.anchor - points[..., 1]) / reach, 0.0, 1.0)
        return _mix(points, self.torso.inverse()(points), weight)

    def body_back(self, points: np.ndarray) -> np.ndarray:
        """Torso and head, blended along the neck."""
        neck, chin = self.driven.neck, self.head(self.rest.face[layout.FACE_CHIN])
        left, right = self.driven.shoulders
        # Straight up from the shoulders, not towards the chin: else a head that leans over takes
        # a shoulder along.
        up = np.array([left[1] - right[1], right[0] - left[0]], np.float32)
        up = up / max(float(np.linalg.norm(up)), 1e-3)
        if up @ (chin - neck) < 0:
            up = -up
        length = max(float((chin - neck) @ up), 0.15 * self.rest.unit)
        weight = smoothstep(0.2, 0.85, ((points - neck) @ up) / length)
        return _mix(self.torso_back(points), self.head.inverse()(points), weight)

    def arm_back(self, side: str, points: np.ndarray, forearm: bool) -> np.ndarray:
        """Torso, upper arm, forearm, hand, one into the next.

        Near the elbow both halves of the arm have one field, so that their seam stays closed; away
        from it each keeps to its own bone, for in the photo one may lie over the other.
        """
        shoulder, elbow, wrist = self.driven.arms[side]
        upper, fore = self.arms[side]
        joint = UPPER_ARM_RADIUS * self.rest.unit
        _, to_upper = along_bone(points, shoulder, elbow)
        _, to_fore = along_bone(points, elbow, wrist)
        bend = smoothstep(-joint, joint, to_upper - to_fore)
        near = 1.0 - smoothstep(joint, 2.2 * joint, np.linalg.norm(points - elbow, axis=-1))
        bend = 1.0 - (1.0 - bend) * near if forearm else bend * near
        result = _mix(upper.back(points), fore.back(points), bend)
        root = smoothstep(-0.3 * joint, 2.2 * joint, _along(points, shoulder, elbow))
        result = _mix(self.torso_back(points), result, np.maximum(root, bend))
        if side not in self.hands:
            return result
        tip = smoothstep(-0.5 * joint, 0.5 * joint, -_along(points, wrist, elbow)) * bend
        return _mix(result, self.hands[side].inverse()(points), tip)

    def hand_back(self, side: str, points: np.ndarray) -> np.ndarray:
        """A similarity; fingers may leave it a little, all points near by together."""
        rest, driven = self.rest.hands[side], self.driven.hands[side]
        back = self.hands[side].inverse()
        palm = palm_length(rest)
        residual = rest - back(driven)
        size = np.linalg.norm(residual, axis=-1, keepdims=True) / (FINGER_FREEDOM * palm)
        residual = residual * (np.tanh(size) / np.maximum(size, 1e-6))
        result = back(points)
        offset = result[..., None, :] - (rest - residual)
        near = np.exp(-(offset**2).sum(-1) / (2 * (0.3 * palm) ** 2))
        return result + (near @ residual) / (near.sum(-1, keepdims=True) + 0.05)

    def back(self, part: str, side: str, points: np.ndarray) -> np.ndarray:
        """The field of a layer (`layers.Layer.part`, ``side``)."""
        if part == "body":
            return self.body_back(points)
        if part == "hand":
            return self.hand_back(side, points)
        return self.arm_back(side, points, part == "forearm")

    def forward(self, part: str, side: str, points: np.ndarray) -> np.ndarray:
        """Where photo points [N, 2] of a layer may land, by each map that has a say: [M, 2]."""
        maps: list[Similarity | Limb] = [self.torso, self.head, Similarity.identity()]
        if part in ("upper", "forearm"):
            hand = [self.hands[side]] if side in self.hands else []
            maps = [self.torso, *self.arms[side], *hand]
        elif part == "hand":
            maps = [self.hands[side]]
        return np.concatenate([m(points) for m in maps])
