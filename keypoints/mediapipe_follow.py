"""Following one person through a video with MediaPipe's graphs."""

from __future__ import annotations

import numpy as np

from . import layout
from .crops import Box, picture_size
from .mediapipe_graphs import FaceFinder, HandFinder, HolisticGraph
from .mediapipe_look import (
    NARROW,
    WIDE,
    belongs,
    find_heads,
    look,
    region,
    to_points,
    with_missing_hands,
)

# A lost head is taken up again within this many face widths; else the largest face counts.
_SAME_PERSON = 2.0
# The crop is laid anew when the head is this many face widths from where it was laid for, or the
# face grew or shrank by this factor: seldom, because tracking starts afresh in a new crop.
_DRIFT, _GROWTH = 1.2, 1.5
# Shoulder width over face width, where a head is known by its shoulders alone.
_SHOULDERS_PER_FACE = 2.2


class Follower:
    """Finds the person with the largest face and stays with it, frame by frame.

    A head that moves by more than a face width from one frame to the next is another person or
    another shot: then it is looked for in the whole frame.
    """

    def __init__(self, graph: HolisticGraph, faces: FaceFinder, hands: HandFinder) -> None:
        """graph: one for videos; what it tracked before is forgotten."""
        self._graph = graph
        self._faces = faces
        self._hands = hands
        graph.reset()
        self._box: Box | None = None
        self._laid_for: np.ndarray | None = None
        self._head: np.ndarray | None = None
        self._following = False

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """The person in the next frame, [H, W, 3] uint8 RGB, as [133, 3]; zero where not seen."""
        points = self._follow(frame) if self._following else None
        points = self._find(frame) if points is None else points
        self._following = points is not None
        if points is None:
            return np.zeros((layout.NUM_POINTS, 3), np.float32)
        self._head = _head_of(points, self._head)
        return points

    def _follow(self, frame: np.ndarray) -> np.ndarray | None:
        """The person where it was in the last frame; None if it is not there."""
        size, head = picture_size(frame), self._head
        if self._box is None or head is None:
            return None
        if self._laid_for is not None and _moved_on(head, self._laid_for):
            self._lay(region(head, size, WIDE), head)
        points = self._look(frame, self._box)
        return points if belongs(points, head) else None

    def _find(self, frame: np.ndarray) -> np.ndarray | None:
        """The person looked for in the whole frame."""
        size, head = picture_size(frame), self._choose(find_heads(self._faces, frame))
        if head is None:
            self._lay(Box.whole(size), None)
            points = self._look(frame, Box.whole(size))
            return points if points[layout.NOSE, 2] > 0 else None
        for reach in (WIDE, NARROW):
            box = region(head, size, reach)
            self._lay(box, head)
            points = self._look(frame, box)
            if belongs(points, head):
                return points
        return None

    def _look(self, frame: np.ndarray, box: Box) -> np.ndarray:
        """[133, 3] of the person in a box.

        The close look at wrists costs little: on clips of talking and signing people it ran in one
        frame of seven, found two hands in five tries, and took 6 % of the time.
        """
        landmarks = with_missing_hands(self._hands, frame, look(self._graph, frame, box))
        return to_points(landmarks, picture_size(frame))

    def _choose(self, heads: np.ndarray) -> np.ndarray | None:
        """[F, 3], largest first -> the head that was followed, else the largest."""
        if not len(heads):
            return None
        if self._head is None:
            return heads[0]
        away = np.linalg.norm(heads[:, :2] - self._head[:2], axis=-1)
        nearest = int(away.argmin())
        return heads[nearest if away[nearest] < _SAME_PERSON * self._head[2] else 0]

    def _lay(self, box: Box, head: np.ndarray | None) -> None:
        """Look at another box from now on; what is tracked is forgotten with the old one."""
        if self._box is not None:
            self._graph.reset()
        self._box, self._laid_for = box, head


def _moved_on(head: np.ndarray, laid_for: np.ndarray) -> bool:
    far = np.linalg.norm(head[:2] - laid_for[:2]) > _DRIFT * laid_for[2]
    return bool(far or abs(np.log(head[2] / laid_for[2])) > np.log(_GROWTH))


def _head_of(points: np.ndarray, last: np.ndarray | None) -> np.ndarray:
    """[133, 3] -> nose x, y and face width in pixels; the last width where no face is seen."""
    face = points[layout.FACE]
    shoulders = points[[layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]]
    if (face[:, 2] > 0).all():
        width = np.ptp(face[:, 0])
    elif last is not None:
        width = last[2]
    else:
        width = np.linalg.norm(np.subtract(*shoulders[:, :2])) / _SHOULDERS_PER_FACE
    return np.array([*points[layout.NOSE, :2], max(float(width), 1.0)], np.float32)
