"""Looking at one person of a picture with MediaPipe's graphs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import layout
from .crops import Box, picture_size
from .holistic_map import from_holistic, front_shoulder_width, same_place
from .mediapipe_graphs import FaceFinder, HandFinder, HolisticGraph, Landmarks

# What a person takes about a head, in face widths from the face's middle: aside, up, down.
# The narrow one is for a person among others.
WIDE, NARROW = (4.0, 1.5, 7.0), (2.2, 1.2, 6.0)
# A wide region that covers this share of the picture is the whole picture.
_NEARLY_ALL = 0.7
# How many parts the longer side has where a far face is searched, and their least side in pixels.
_PARTS, _SMALLEST_PART = 5, 192
# The least width of a face mesh (a profile is narrow) and of shoulders, over the head's face width.
_FACE_AT_LEAST, _SHOULDERS_AT_LEAST = 0.3, 0.5
# A wrist is searched for a missing hand where the body is this sure of it.
_WRIST_SEEN = 0.5
# In front-view shoulder widths: side of the crop about a wrist; how far a hand's root may be.
_WRIST_CROP, _ROOT_NEAR = 1.0, 0.35
# The hand lies beyond the wrist, by this share of the forearm.
_BEYOND_WRIST = 0.3

_SIDES = (
    ("left", "left_hand", layout.LEFT_WRIST, layout.LEFT_ELBOW),
    ("right", "right_hand", layout.RIGHT_WRIST, layout.RIGHT_ELBOW),
)


def find_heads(faces: FaceFinder, frame: np.ndarray) -> np.ndarray:
    """[F, 3] middle x, y and width of the faces, in pixels of the frame, largest first."""
    small = Box.whole(picture_size(frame)).cut(frame)
    return faces(small) * (frame.shape[1] / small.shape[1])


def search_heads(faces: FaceFinder, frame: np.ndarray) -> np.ndarray:
    """As `find_heads`, and where that finds none, in overlapping parts of the frame.

    The face detector shrinks what it is given to 192 pixels: a face below a tenth of the frame's
    longer side is easily lost in it.
    """
    heads = find_heads(faces, frame)
    if len(heads):
        return heads
    found = []
    for box in _parts(picture_size(frame)):
        near = find_heads(faces, frame[box.top : box.bottom, box.left : box.right])
        found += list(near + np.array([box.left, box.top, 0], np.float32))
    found.sort(key=lambda head: -head[2])
    kept: list[np.ndarray] = []
    for head in found:
        if all(np.linalg.norm(head[:2] - other[:2]) > other[2] / 2 for other in kept):
            kept.append(head)
    return np.array(kept, np.float32).reshape(-1, 3)


def _parts(size: tuple[int, int]) -> list[Box]:
    """Squares of a fifth of the longer side, overlapping by half, over (width, height)."""
    side = max(max(size) / _PARTS, _SMALLEST_PART)
    steps = [int(np.ceil(max(length - side, 0) / side * 2)) for length in size]
    corners = [
        np.linspace(0, max(length - side, 0), n + 1) for length, n in zip(size, steps, strict=True)
    ]
    return [
        Box.within(np.array([left, top, left + side, top + side]), size)
        for top in corners[1]
        for left in corners[0]
    ]


def region(head: np.ndarray, size: tuple[int, int], reach: tuple[float, float, float]) -> Box:
    """The box of a person about a head [3]; the whole picture where it is nearly that."""
    aside, up, down = reach
    edges = np.array([-aside, -up, aside, down]) * head[2] + np.tile(head[:2], 2)
    box, whole = Box.within(edges, size), Box.whole(size)
    return whole if reach == WIDE and box.area >= _NEARLY_ALL * whole.area else box


def look(graph: HolisticGraph, frame: np.ndarray, box: Box) -> Landmarks:
    """Run a graph on a box of the frame; landmarks as shares of the whole frame."""
    found, size = graph(box.cut(frame)), picture_size(frame)
    parts = {"pose": found.pose, "face": found.face, "left": found.left, "right": found.right}
    return Landmarks(
        **{part: None if a is None else box.to_picture(a, size) for part, a in parts.items()}
    )


def to_points(landmarks: Landmarks, size: tuple[int, int]) -> np.ndarray:
    """[133, 3]; zero everywhere where nobody was seen."""
    return from_holistic(landmarks.pose, landmarks.face, landmarks.left, landmarks.right, size)


def belongs(points: np.ndarray, head: np.ndarray) -> bool:
    """Whether a person, [133, 3], has the head [3].

    The nose is at most a face width from it, and the face's or the shoulders' width goes with it:
    a face that was found where there is none gets a body of any size.
    """
    nose, face = points[layout.NOSE], points[layout.FACE]
    if nose[2] == 0 or np.linalg.norm(nose[:2] - head[:2]) > head[2]:
        return False
    if face[:, 2].any():
        return bool(np.ptp(face[face[:, 2] > 0, 0]) > _FACE_AT_LEAST * head[2])
    shoulders = points[[layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]]
    apart = np.linalg.norm(shoulders[0, :2] - shoulders[1, :2])
    return bool((shoulders[:, 2] > 0).all() and apart > _SHOULDERS_AT_LEAST * head[2])


def with_missing_hands(hands: HandFinder, frame: np.ndarray, landmarks: Landmarks) -> Landmarks:
    """Add the hands that only a close look at the wrists shows."""
    size = picture_size(frame)
    width = front_shoulder_width(landmarks.pose, landmarks.face, size)
    if width is None:
        return landmarks
    for side, part, wrist, elbow in _SIDES:
        points = to_points(landmarks, size)
        if points[layout.PARTS[part], 2].any() or points[wrist, 2] < _WRIST_SEEN:
            continue
        hand = _hand_at(hands, frame, points, (wrist, elbow), width)
        landmarks = replace(landmarks, **{side: hand})
    return landmarks


def _hand_at(
    hands: HandFinder, frame: np.ndarray, points: np.ndarray, arm: tuple[int, int], width: float
) -> np.ndarray | None:
    """[21, 2] shares of the picture: the hand nearest to a wrist that is not already known.

    points: [133, 3] of the person. arm: the indices of its wrist and elbow. width: shoulder width
    in pixels.
    """
    size, wrist, elbow = picture_size(frame), points[arm[0]], points[arm[1]]
    middle = wrist[:2] + (_BEYOND_WRIST * (wrist - elbow)[:2] if elbow[2] > 0 else 0)
    half = _WRIST_CROP * width / 2
    box = Box.within(np.concatenate([middle - half, middle + half]), size)
    known = [points[p, :2] for p in (layout.LEFT_HAND, layout.RIGHT_HAND) if points[p, 2].any()]
    best, nearest = None, _ROOT_NEAR * width
    for found in hands(box.cut(frame)):
        hand = box.to_picture(found, size)
        pixels = hand * size - 0.5
        distance = float(np.linalg.norm(pixels[0] - wrist[:2]))
        if distance < nearest and not any(same_place(pixels, other) for other in known):
            best, nearest = hand, distance
    return best
