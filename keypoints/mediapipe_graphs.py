"""MediaPipe's graphs behind plain arrays, and without its log on stderr.

The legacy solutions are used because their models lie in the wheel; the newer tasks fetch theirs.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..process_wide import no_stderr


@dataclass(frozen=True)
class Landmarks:
    """What MediaPipe found of one person: x, y as shares of the picture, None where not seen.

    pose: [33, 4] x, y, z, visibility. face: [478, 2]. left, right: [21, 2], the person's own hands.
    """

    pose: np.ndarray | None = None
    face: np.ndarray | None = None
    left: np.ndarray | None = None
    right: np.ndarray | None = None


class HolisticGraph:
    """Body, face and hands of the most prominent person of a picture."""

    def __init__(self, *, still: bool) -> None:
        """still: each picture for itself; else frames of one video, tracked."""
        self._graph = _Graph(
            "holistic",
            "Holistic",
            shows_all="face_landmarks",
            static_image_mode=still,
            model_complexity=1,
            smooth_landmarks=False,
            refine_face_landmarks=True,
        )

    def __call__(self, picture: np.ndarray) -> Landmarks:
        """picture: [H, W, 3] uint8 RGB."""
        found = self._graph(picture)
        return Landmarks(
            _array(found.pose_landmarks, visibility=True),
            _array(found.face_landmarks),
            _array(found.left_hand_landmarks),
            _array(found.right_hand_landmarks),
        )

    def reset(self) -> None:
        """Forget the person that was tracked."""
        self._graph.reset()


class FaceFinder:
    """The heads of all persons whose face is seen, near and far."""

    def __init__(self) -> None:
        self._graph = _Graph(
            "face_detection",
            "FaceDetection",
            shows_all="detections",
            model_selection=1,
            min_detection_confidence=0.5,
        )

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """[H, W, 3] uint8 RGB -> [F, 3] middle x, y and width of faces in pixels, largest first."""
        heads = []
        height, width = picture.shape[:2]
        for face in self._graph(picture).detections or []:
            box = face.location_data.relative_bounding_box
            middle = (box.xmin + box.width / 2) * width, (box.ymin + box.height / 2) * height
            heads.append((*middle, box.width * width))
        heads.sort(key=lambda head: -head[2])
        return np.array(heads, np.float32).reshape(-1, 3)


class FaceMesh:
    """The 478 points of one face, followed from frame to frame."""

    def __init__(self) -> None:
        self._graph = _Graph(
            "face_mesh",
            "FaceMesh",
            shows_all="multi_face_landmarks",
            static_image_mode=False,
            max_num_faces=1,
            refine_landmarks=True,
            min_tracking_confidence=0.6,
        )

    def __call__(self, picture: np.ndarray) -> np.ndarray | None:
        """[H, W, 3] uint8 RGB -> [478, 2] as shares of the picture, None where no face is seen."""
        faces = self._graph(picture).multi_face_landmarks
        return _array(faces[0]) if faces else None

    def reset(self) -> None:
        """Forget the face that was tracked."""
        self._graph.reset()


class HandFinder:
    """Hands in a close crop, left and right alike."""

    def __init__(self) -> None:
        self._graph = _Graph(
            "hands",
            "Hands",
            shows_all="multi_hand_landmarks",
            static_image_mode=True,
            max_num_hands=2,
            model_complexity=1,
            min_detection_confidence=0.4,
        )

    def __call__(self, picture: np.ndarray) -> list[np.ndarray]:
        """[H, W, 3] uint8 RGB -> hands, each [21, 2] as shares of the picture."""
        hands = (_array(hand) for hand in self._graph(picture).multi_hand_landmarks or [])
        return [hand for hand in hands if hand is not None]


class _Graph:
    """One of MediaPipe's solutions, built at its first picture.

    A graph writes to the log when it starts and when each of its networks first runs, so it is
    kept quiet until it has found the thing of ``shows_all``.
    """

    def __init__(self, module: str, solution: str, shows_all: str, **options: Any) -> None:
        self._module, self._solution, self._options = module, solution, options
        self._shows_all, self._quiet = shows_all, True
        self._graph: Any = None

    def __call__(self, picture: np.ndarray) -> Any:
        picture = np.ascontiguousarray(picture)
        if not self._quiet:
            return self._graph.process(picture)
        with no_stderr.held():
            if self._graph is None:
                self._build()
            found = self._graph.process(picture)
        self._quiet = not getattr(found, self._shows_all)
        return found

    def reset(self) -> None:
        if self._graph is not None:
            self._quiet = True
            with no_stderr.held():
                self._graph.reset()

    def _build(self) -> None:
        import mediapipe

        warnings.filterwarnings(
            "ignore", message="SymbolDatabase.GetPrototype", category=UserWarning
        )
        module = getattr(mediapipe.solutions, self._module)
        self._graph = getattr(module, self._solution)(**self._options)


def _array(landmarks: Any, visibility: bool = False) -> np.ndarray | None:
    """A MediaPipe landmark list -> [n, 2] x, y or [n, 4] x, y, z, visibility."""
    if landmarks is None:
        return None
    if visibility:
        rows = [[p.x, p.y, p.z, p.visibility] for p in landmarks.landmark]
    else:
        rows = [[p.x, p.y] for p in landmarks.landmark]
    return np.array(rows, np.float32)
