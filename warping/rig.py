"""The joints that carry the layers, read from a skeleton; what it lacks follows its parent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..keypoints import layout

SIDES = ("left", "right")
ARM_POINTS = {
    "left": (layout.LEFT_SHOULDER, layout.LEFT_ELBOW, layout.LEFT_WRIST),
    "right": (layout.RIGHT_SHOULDER, layout.RIGHT_ELBOW, layout.RIGHT_WRIST),
}
HAND_POINTS = {"left": layout.LEFT_HAND, "right": layout.RIGHT_HAND}
HAND_ROOT, HAND_MIDDLE = 0, 9
# Face points that the skull carries: ends of the jaw line, eye corners, bridge and sides of the
# nose. Brows, lids, lips and chin move on their own.
SKULL = np.array([0, 1, 2, 14, 15, 16, 27, 28, 29, 30, 31, 35, 36, 39, 42, 45])
# Palm and knuckles tell where the hand is; the fingers have a say as well.
HAND_WEIGHTS = np.full(21, 0.3, np.float32)
HAND_WEIGHTS[[0, 1, 5, 9, 13, 17]] = 1.0

# A point under this confidence in the photo is too unsure to cut a layer out along it.
SURE = 0.3


@dataclass(frozen=True)
class Similarity:
    """A turn, a scale and a shift: p -> matrix @ p + shift, in pixels.

    matrix: [2, 2] float32. shift: [2] float32.
    """

    matrix: np.ndarray
    shift: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """points: [..., 2]."""
        return points @ self.matrix.T + self.shift

    def inverse(self) -> Similarity:
        matrix = np.linalg.inv(self.matrix).astype(np.float32)
        return Similarity(matrix, (-matrix @ self.shift).astype(np.float32))

    @classmethod
    def identity(cls) -> Similarity:
        return cls(np.eye(2, dtype=np.float32), np.zeros(2, np.float32))


def fit_similarity(
    source: np.ndarray,
    target: np.ndarray,
    weights: np.ndarray | None = None,
    scale_limit: float = 1.25,
) -> Similarity:
    """The similarity that takes source [N, 2] nearest to target [N, 2] (least squares).

    No reflection; the scale stays within 1 / scale_limit .. scale_limit.
    """
    weights = np.ones(len(source), np.float32) if weights is None else weights
    share = (weights / weights.sum())[:, None]
    middle, aim = (source * share).sum(0), (target * share).sum(0)
    a = (source - middle) @ np.array([1, 1j])
    b = (target - aim) @ np.array([1, 1j])
    turn = (np.conj(a) * b * weights).sum() / max((np.abs(a) ** 2 * weights).sum(), 1e-9)
    size = abs(turn)
    if size < 1e-9:
        turn, size = 1.0, 1.0
    turn *= np.clip(size, 1 / scale_limit, scale_limit) / size
    matrix = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]], np.float32)
    return Similarity(matrix, (aim - matrix @ middle).astype(np.float32))


@dataclass(frozen=True)
class Rig:
    """The joints of one frame, in pixels.

    shoulders: [2, 2], the person's left and right. arms: side -> [3, 2] shoulder, elbow, wrist.
    hands: side -> [21, 2]. face: [68, 2]. A side without arm or hand has no entry.
    """

    shoulders: np.ndarray
    arms: dict[str, np.ndarray]
    hands: dict[str, np.ndarray]
    face: np.ndarray

    @property
    def neck(self) -> np.ndarray:
        """[2], the middle of the shoulders."""
        return self.shoulders.mean(0)


@dataclass(frozen=True)
class PhotoRig(Rig):
    """The photo's joints and what stays fixed in the photo.

    unit: pixels, about the width of the shoulders seen from the front.
    anchor: y in pixels, from which down the body stands still.
    hips: [2, 2], the person's left and right.
    """

    unit: float
    anchor: float
    hips: np.ndarray


def _face_size(face: np.ndarray) -> float:
    return float(np.linalg.norm(np.ptp(face, axis=0)) / np.sqrt(2))


def photo_rig(points: np.ndarray, size: tuple[int, int]) -> PhotoRig:
    """Read the photo's joints.

    points: [133, 3], the photo's skeleton, in its pixels. size: (width, height) of the photo.
    """
    xy, sure = points[:, :2], points[:, 2] >= SURE
    width, height = size
    face = xy[layout.FACE]
    face_size = _face_size(face)
    chin, brow = face[layout.FACE_CHIN], face[layout.FACE_NOSE_BRIDGE.start]
    if sure[layout.LEFT_SHOULDER] and sure[layout.RIGHT_SHOULDER]:
        shoulders = xy[[layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]]
    else:
        # No shoulders in the picture: put them where people have them.
        neck = chin + 0.9 * (chin - brow)
        across = 1.1 * face_size * np.array([1.0, 0.0])
        shoulders = np.stack([neck + across, neck - across])
    unit = max(float(np.linalg.norm(shoulders[0] - shoulders[1])), 1.6 * face_size)
    neck = shoulders.mean(0)
    if sure[layout.LEFT_HIP] and sure[layout.RIGHT_HIP]:
        hips = xy[[layout.LEFT_HIP, layout.RIGHT_HIP]]
    else:
        hips = shoulders * 0.7 + neck * 0.3 + np.array([0.0, 1.45 * unit])
    hip_line = float(hips[:, 1].mean())
    anchor = np.clip(hip_line, neck[1] + 0.5 * unit, max(height - 1.0, neck[1] + 0.5 * unit))
    arms, hands = {}, {}
    for side in SIDES:
        joints = list(ARM_POINTS[side])
        inside = np.all((xy[joints[1:]] > 0) & (xy[joints[1:]] < [width, height]))
        if sure[joints].all() and inside:
            arms[side] = xy[joints]
            if sure[HAND_POINTS[side]].all():
                hands[side] = xy[HAND_POINTS[side]]
    return PhotoRig(shoulders.astype(np.float32), arms, hands, face, unit, float(anchor), hips)


def driven_rig(rest: PhotoRig, points: np.ndarray) -> Rig:
    """The joints of a driving frame. A joint that was not seen keeps its place on its parent.

    points: [133, 3], in the photo's pixels.
    """
    xy, seen = points[:, :2], points[:, 2] > 0
    shoulders = rest.shoulders
    pair = [layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]
    if seen[pair].all() and not _guessed(rest, xy[pair]):
        shoulders = xy[pair]
    face = rest.face
    if seen[layout.FACE].any():
        face = _complete(rest.face, xy[layout.FACE], seen[layout.FACE])
    torso = fit_similarity(rest.shoulders, shoulders)
    arms: dict[str, np.ndarray] = {}
    hands: dict[str, np.ndarray] = {}
    for side, arm in rest.arms.items():
        joints = list(ARM_POINTS[side])
        if seen[joints].all():
            arms[side] = xy[joints]
        else:
            moved = torso(arm)
            moved[0] = shoulders[SIDES.index(side)]
            arms[side] = moved
        if side in rest.hands:
            hand = HAND_POINTS[side]
            if seen[hand].all():
                hands[side] = xy[hand]
            else:
                forearm = fit_similarity(arm[1:], arms[side][1:], scale_limit=1.0)
                moved = forearm(rest.hands[side])
                hands[side] = moved + arms[side][2] - forearm(arm[2])
    return Rig(shoulders, arms, hands, face)


def _guessed(rest: PhotoRig, shoulders: np.ndarray) -> bool:
    """Whether the photo's shoulders were put there by us, so that the driving ones differ."""
    return bool(np.abs(shoulders - rest.shoulders).max() > 1.5 * rest.unit)


def _complete(rest: np.ndarray, face: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Unseen face points go with the seen ones."""
    if seen.all():
        return face
    moved = fit_similarity(rest[seen], face[seen])(rest)
    moved[seen] = face[seen]
    return moved
