"""From MediaPipe's body, face mesh and hands to the 133 COCO-WholeBody points of one person."""

from __future__ import annotations

import numpy as np

from . import layout
from .detections import hide_outside, inside
from .face_map import head_from_face, mesh_to_68

# MediaPipe's 33 body points in the order of COCO-WholeBody's 17 body and 6 feet points. Left is
# the person's own in both. MediaPipe has one point for a foot's toes: it is the big toe, and the
# small toes stay unseen.
_BODY_AND_FEET = np.array(
    [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28, 31, -1, 29, 32, -1, 30]
)
_SHOULDERS, _WRISTS = [11, 12], {"left_hand": 15, "right_hand": 16}
_MESH_TOP, _MESH_CHIN = 10, 152
_BODY_WRIST = {"left_hand": layout.LEFT_WRIST, "right_hand": layout.RIGHT_WRIST}
_OTHER = {"left_hand": "right_hand", "right_hand": "left_hand"}

# Shoulders' width over the face mesh's height, in front view: 1.7 is the median of 60 clips of
# talking people. It stands in for the shoulders where the person is turned or they are not seen.
_SHOULDERS_PER_FACE = 1.7
# All in shoulder widths. On those clips 99 % of the hand roots lie within 0.23 of the body's
# wrist, and hands reach 0.21 (1 %) to 0.66 (99.5 %) from end to end.
_ROOT_SURE, _ROOT_LIMIT = 0.15, 0.5
_SMALLEST_HAND, _LARGEST_HAND = 0.1, 1.0
# Two hands that were fitted to the same pixels agree point by point: the mean distance of equal
# points over the hand's size has two clusters, below 0.2 and above 0.3, hardly anything between.
_SAME_HAND = 0.25
# A hand cut by the picture's edge: MediaPipe invents what is outside, and the rest gets unsure.
_INSIDE_LOST, _INSIDE_SURE = 0.3, 0.8


def from_holistic(
    pose: np.ndarray | None,
    face: np.ndarray | None,
    left: np.ndarray | None,
    right: np.ndarray | None,
    size: tuple[int, int],
) -> np.ndarray:
    """One person's MediaPipe landmarks as COCO-WholeBody points.

    pose: [33, >=4] x, y, z, visibility. face: [468 or 478, >=2]. left, right: [21, >=2], the
    person's own. x, y as shares of the picture's width and height, in 0..1; None or a NaN row
    where a thing was not seen. size: (width, height) of the picture in pixels.

    Returns [133, 3] float32: x, y in pixels (pixel centres at whole numbers), confidence in 0..1.
    Body and feet carry MediaPipe's visibility. Face and hands have no graded score: they carry 1
    where they were tracked, hands less the further their root is from the body's wrist and the
    more of them is cut off by the picture's edge. A point outside the picture has confidence 0.
    Nose, eyes and wrists of the body are those of face and hand where these are seen.
    """
    pose_px, face_px = _pixels(pose, size), _pixels(face, size)
    hands = _sort_hands(
        {"left_hand": _pixels(left, size), "right_hand": _pixels(right, size)},
        pose_px,
        _shoulder_width(pose_px, face_px),
    )
    points = np.zeros((layout.NUM_POINTS, 3), np.float32)
    if pose_px is not None and pose is not None:
        known = _BODY_AND_FEET >= 0
        points[: layout.FEET.stop][known, :2] = pose_px[_BODY_AND_FEET[known]]
        points[: layout.FEET.stop][known, 2] = pose[_BODY_AND_FEET[known], 3].clip(0, 1)
    if face_px is not None:
        points[layout.FACE, :2] = mesh_to_68(face_px)
        points[layout.NOSE : layout.RIGHT_EYE + 1, :2] = head_from_face(points[layout.FACE, :2])
        points[layout.FACE, 2] = points[layout.NOSE : layout.RIGHT_EYE + 1, 2] = 1
    for part, (hand, nearness) in hands.items():
        confidence = nearness * _inside_confidence(hand, size)
        points[layout.PARTS[part], :2] = hand
        points[layout.PARTS[part], 2] = confidence
        wrist = _BODY_WRIST[part]
        points[wrist] = (*hand[0], max(confidence, points[wrist, 2]))
    return hide_outside(points, size)


def front_shoulder_width(
    pose: np.ndarray | None, face: np.ndarray | None, size: tuple[int, int]
) -> float | None:
    """A person's shoulder width in pixels as if seen from the front; arguments as above.

    None where neither body nor face was seen.
    """
    return _shoulder_width(_pixels(pose, size), _pixels(face, size))


def same_place(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two hands, [21, 2] each, were fitted to the same pixels."""
    apart = np.linalg.norm(one - other, axis=-1).mean()
    return bool(apart < _SAME_HAND * max(_extent(one), _extent(other)))


def _pixels(points: np.ndarray | None, size: tuple[int, int]) -> np.ndarray | None:
    """Shares of the picture -> [n, 2] pixels; None where the first point is NaN."""
    if points is None or not np.isfinite(points[0, :2]).all():
        return None
    return points[:, :2].astype(np.float32) * np.array(size, np.float32) - 0.5


def _shoulder_width(pose: np.ndarray | None, face: np.ndarray | None) -> float | None:
    widths = []
    if pose is not None:
        widths.append(np.linalg.norm(np.subtract(*pose[_SHOULDERS])))
    if face is not None:
        height = np.linalg.norm(face[_MESH_CHIN] - face[_MESH_TOP])
        widths.append(_SHOULDERS_PER_FACE * height)
    return max(float(max(widths)), 1.0) if widths else None


def _sort_hands(
    hands: dict[str, np.ndarray | None], pose: np.ndarray | None, width: float | None
) -> dict[str, tuple[np.ndarray, float]]:
    """Keep the hands that belong to the person's wrists: part -> ([21, 2] pixels, confidence).

    Without a body there is nothing to compare with, and the hands are taken as they are.
    """
    seen = {part: hand for part, hand in hands.items() if hand is not None}
    if pose is None or width is None:
        return {part: (hand, 1.0) for part, hand in seen.items()}
    seen = {p: h for p, h in seen.items() if _SMALLEST_HAND < _extent(h) / width < _LARGEST_HAND}
    distance = {part: _distance_to_wrists(hand[0], pose, width) for part, hand in seen.items()}
    if len(seen) == 2 and same_place(seen["left_hand"], seen["right_hand"]):
        ghost = max(seen, key=lambda part: distance[part][part])
        del seen[ghost]
    if len(seen) == 1:
        # A lone hand that sits on the other arm's wrist was tracked there across the body.
        (part,) = seen
        own, other = distance[part][part], distance[part][_OTHER[part]]
        if own > _ROOT_SURE and other < own / 2:
            seen[_OTHER[part]] = seen.pop(part)
            distance[_OTHER[part]] = distance[part]
    return {
        part: (hand, _root_confidence(distance[part][part]))
        for part, hand in seen.items()
        if distance[part][part] < _ROOT_LIMIT
    }


def _distance_to_wrists(root: np.ndarray, pose: np.ndarray, width: float) -> dict[str, float]:
    """Side -> how far that arm's wrist is from a hand's root, in shoulder widths."""
    return {side: float(np.linalg.norm(root - pose[w])) / width for side, w in _WRISTS.items()}


def _root_confidence(distance: float) -> float:
    """1 near the body's wrist, falling to 0.5 at the distance where a hand is dropped."""
    return float(np.interp(distance, [_ROOT_SURE, _ROOT_LIMIT], [1.0, 0.5]))


def _inside_confidence(hand: np.ndarray, size: tuple[int, int]) -> float:
    """1 for a hand within the picture, falling to 0 as it is cut off."""
    return float(np.interp(inside(hand, size).mean(), [_INSIDE_LOST, _INSIDE_SURE], [0.0, 1.0]))


def _extent(hand: np.ndarray) -> float:
    """[21, 2] -> the largest distance between two of its points."""
    return float(np.linalg.norm(hand[:, None] - hand[None], axis=-1).max())
