"""MediaPipe as pose estimator: its wheel carries the models, so it works without a network."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from . import layout
from .crops import Box, picture_size
from .detections import largest_face_first
from .frames import check_frame, one_size
from .holistic_map import from_holistic
from .mediapipe_follow import Follower
from .mediapipe_graphs import FaceFinder, HandFinder, HolisticGraph
from .mediapipe_look import (
    NARROW,
    WIDE,
    belongs,
    look,
    region,
    search_heads,
    to_points,
    with_missing_hands,
)
from .poses import Poses

__all__ = ["MediaPipeEstimator", "from_holistic"]


class MediaPipeEstimator:
    """Pose, face mesh and hands of MediaPipe Holistic, one crop a person, on the CPU.

    It is a `PoseEstimator` (pipelines/stages.py has the contract). Not to be used by two threads
    at once.
    """

    name = "mediapipe"

    def __init__(self) -> None:
        self._faces = FaceFinder()
        # One graph for all videos: each graph keeps some 200 MB and two threads to the end.
        self._stills, self._videos = HolisticGraph(still=True), HolisticGraph(still=False)
        self._hands = HandFinder()

    def detect(self, frame: np.ndarray) -> np.ndarray:
        """[H, W, 3] uint8 RGB -> [P, 133, 3] x, y, confidence; largest face first."""
        check_frame(frame)
        heads = search_heads(self._faces, frame)
        persons = [self._person(frame, head) for head in heads]
        if not len(heads):
            # A head turned away shows no face; the body may still be there.
            persons = [self._in_box(frame, Box.whole(picture_size(frame)))]
        seen = [points for points in persons if points is not None]
        if not seen:
            return np.zeros((0, layout.NUM_POINTS, 3), np.float32)
        return largest_face_first(np.stack(seen))

    def track(self, frames: Iterable[np.ndarray], fps: float) -> Poses:
        """The person with the largest face, followed over [H, W, 3] uint8 RGB frames."""
        follower, points, size = Follower(self._videos, self._faces, self._hands), [], (0, 0)
        for frame in one_size(frames):
            size = picture_size(frame)
            points.append(follower(frame))
        return Poses(np.stack(points), size, fps)

    def _person(self, frame: np.ndarray, head: np.ndarray) -> np.ndarray | None:
        """[133, 3]: the person of one head, from crops that close in on it; None if not seen."""
        for reach in (WIDE, NARROW):
            points = self._in_box(frame, region(head, picture_size(frame), reach))
            if points is not None and belongs(points, head):
                return points
        return None

    def _in_box(self, frame: np.ndarray, box: Box) -> np.ndarray | None:
        """[133, 3]: the most prominent person in a box of the frame."""
        # Told that pictures are stills, the graph follows the last one's face all the same.
        self._stills.reset()
        landmarks = look(self._stills, frame, box)
        if landmarks.pose is None:
            return None
        return to_points(with_missing_hands(self._hands, frame, landmarks), picture_size(frame))
