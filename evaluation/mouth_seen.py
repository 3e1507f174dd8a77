"""How far a mouth is seen to open in a video, whatever the skeletons asked for.

MediaPipe's face mesh with its attention to lips (Grishchenko et al., "Attention mesh: high-fidelity
face mesh prediction in real-time", CVPR workshops 2020), from the pictures alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from ..errors import InputError

# The mesh's points: pairs of upper and lower inner lip, and the outer corners of the eyes.
UPPER, LOWER = (82, 13, 312), (87, 14, 317)
RIGHT_EYE, LEFT_EYE = 33, 263
# The picture that the mesh sees is so many face widths wide, and at least so many pixels.
_AROUND, _SIDE = 2.2, 384


@dataclass(frozen=True)
class MouthSeen:
    """opening: [T], the gap of the inner lips in distances of the outer eye corners; NaN in frames
    where no face is seen."""

    opening: np.ndarray

    @property
    def seen(self) -> np.ndarray:
        """[T] bool, frames in which the face is seen."""
        return np.isfinite(self.opening)


def watch_mouth(frames: Iterable[np.ndarray]) -> MouthSeen:
    """frames: [H, W, 3] uint8 RGB, one person whose head stays about where it is.

    Raises: InputError where no frame shows a face.
    """
    from mediapipe.python.solutions.face_mesh import FaceMesh

    found, box = [], None
    with FaceMesh(max_num_faces=1, refine_landmarks=True) as mesh:
        for frame in frames:
            box = _head(frame) if box is None else box
            if box is None:
                found.append(np.nan)
                continue
            faces = mesh.process(_cut(frame, box)).multi_face_landmarks
            if not faces:
                found.append(np.nan)
                continue
            points = np.array([[p.x, p.y] for p in faces[0].landmark])
            found.append(gap(points))
    seen = MouthSeen(np.array(found, dtype=np.float64))
    if not seen.seen.any():
        raise InputError("No face is seen in any frame of the video.")
    return seen


def gap(points: np.ndarray) -> float:
    """The inner lips' gap of a mesh, [478, 2] in a square picture, in eye distances."""
    across = points[LEFT_EYE] - points[RIGHT_EYE]
    eyes = float(np.linalg.norm(across))
    down = np.array([-across[1], across[0]]) / max(eyes, 1e-9)
    return float(((points[list(LOWER)] - points[list(UPPER)]) @ down).mean() / max(eyes, 1e-9))


def _head(frame: np.ndarray) -> tuple[float, float, float] | None:
    """Middle and side of a square about the largest face, in pixels."""
    from mediapipe.python.solutions.face_detection import FaceDetection

    height, width = frame.shape[:2]
    with FaceDetection(model_selection=1) as detector:
        faces = detector.process(frame).detections
    if not faces:
        return None
    boxes = [face.location_data.relative_bounding_box for face in faces]
    box = max(boxes, key=lambda b: b.width * b.height)
    middle = (box.xmin + box.width / 2) * width, (box.ymin + box.height / 2) * height
    return *middle, _AROUND * max(box.width * width, box.height * height)


def _cut(frame: np.ndarray, box: tuple[float, float, float]) -> np.ndarray:
    """A square picture of the head."""
    x, y, side = box
    scale = max(_SIDE, side) / side
    to = np.array([[scale, 0, scale * (side / 2 - x)], [0, scale, scale * (side / 2 - y)]])
    size = round(side * scale)
    return cv2.warpAffine(frame, to, (size, size), flags=cv2.INTER_CUBIC)
