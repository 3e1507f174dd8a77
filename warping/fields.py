"""Backward motion of each part: where in the photo a pixel of the frame comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..keypoints import layout
from .parts import UPPER_ARM_RADIUS, smoothstep
from .rig import (
    HAND_MIDDLE,
    HAND_ROOT,
    HAND_WEIGHTS,
    SKULL,
    PhotoRig,
    Rig,
    Similarity,
    fit_similarity,
)

# How far a finger may leave the place that the hand's similarity gives it, in palm lengths.
FINGER_FREEDOM = 0.22


def bone_map(rest: np.ndarray, driven: np.ndarray) -> Similarity:
    """Photo -> frame for a limb: turn and stretch along the bone, width kept.

    rest, driven: [2, 2], the ends of the bone in the photo and in the frame, pixels.
    """
    a, b = rest[1] - rest[0], driven[1] - driven[0]
    length_a, length_b = max(np.linalg.norm(a), 1e-3), max(np.linalg.norm(b), 1e-3)
    u, w = a / length_a, b / length_b
    stretch = length_b / length_a
    along = stretch * np.outer(w, u)
    across = np.outer([-w[1], w[0]], [-u[1], u[0]])
    matrix = (along + across).astype(np.float32)
    return Similarity(matrix, (driven[0] - matrix @ rest[0]).astype(np.float32))


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
    arms: dict[str, tuple[Similarity, Similarity]]
    hands: dict[str, Similarity]

    @classmethod
    def between(cls, rest: PhotoRig, driven: Rig) -> PoseFields:
        arms, hands = {}, {}
        for side, arm in rest.arms.items():
            moved = driven.arms[side]
            arms[side] = (bone_map(arm[:2], moved[:2]), bone_map(arm[1:], moved[1:]))
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
        chin = self.head(self.rest.face[layout.FACE_CHIN])
        neck = self.driven.neck
        length = max(float(np.linalg.norm(chin - neck)), 1.0)
        weight = smoothstep(0.2, 0.85, _along(points, neck, chin) / length)
        return _mix(self.torso_back(points), self.head.inverse()(points), weight)

    def upper_back(self, side: str, points: np.ndarray) -> np.ndarray:
        shoulder, elbow, wrist = self.driven.arms[side]
        upper, fore = self.arms[side]
        joint = UPPER_ARM_RADIUS * self.rest.unit
        length = float(np.linalg.norm(elbow - shoulder))
        past_shoulder = _along(points, shoulder, elbow)
        result = upper.inverse()(points)
        bend = smoothstep(-joint, joint, past_shoulder - length)
        result = _mix(result, fore.inverse()(points), bend)
        root = smoothstep(-0.3 * joint, 1.5 * joint, past_shoulder)
        return _mix(self.torso_back(points), result, root)

    def forearm_back(self, side: str, points: np.ndarray) -> np.ndarray:
        _, elbow, wrist = self.driven.arms[side]
        upper, fore = self.arms[side]
        joint = UPPER_ARM_RADIUS * self.rest.unit
        bend = smoothstep(-joint, joint, _along(points, elbow, wrist))
        result = _mix(upper.inverse()(points), fore.inverse()(points), bend)
        if side not in self.hands:
            return result
        joint *= 0.5
        tip = smoothstep(-joint, joint, -_along(points, wrist, elbow))
        return _mix(result, self.hands[side].inverse()(points), tip)

    def hand_back(self, side: str, points: np.ndarray) -> np.ndarray:
        """A similarity; fingers may leave it a little, all points near by together."""
        rest, driven = self.rest.hands[side], self.driven.hands[side]
        back = self.hands[side].inverse()
        palm = max(float(np.linalg.norm(rest[HAND_MIDDLE] - rest[HAND_ROOT])), 1.0)
        palm = max(palm, 0.45 * float(np.ptp(rest, axis=0).max()))
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
        field = {"upper": self.upper_back, "forearm": self.forearm_back, "hand": self.hand_back}
        return field[part](side, points)

    def forward(self, part: str, side: str, points: np.ndarray) -> np.ndarray:
        """Where photo points [N, 2] of a layer may land, by each map that has a say: [M, 2]."""
        maps = [self.torso, self.head, Similarity.identity()]
        if part in ("upper", "forearm"):
            maps = [*self.arms[side]] + ([self.torso] if part == "upper" else [])
            if part == "forearm" and side in self.hands:
                maps.append(self.hands[side])
        elif part == "hand":
            maps = [self.hands[side]]
        return np.concatenate([m(points) for m in maps])
