"""Photos with motion made from speech, for benchmarks that need both and no video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from gesticulate.keypoints.poses import Poses
from gesticulate.pipelines.gesture_video import GestureVideoPipeline


@dataclass(frozen=True)
class DrivenPhoto:
    """photo: [H, W, 3] uint8 RGB. photo_pose: one frame. poses: the motion, in its pixels."""

    photo: np.ndarray
    photo_pose: Poses
    poses: Poses

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "photo.npy", self.photo)
        self.photo_pose.save(folder / "photo_pose.npz")
        self.poses.save(folder / "poses.npz")

    @classmethod
    def load(cls, folder: Path) -> DrivenPhoto:
        pose, poses = (Poses.load(folder / f"{name}.npz") for name in ("photo_pose", "poses"))
        return cls(np.load(folder / "photo.npy"), pose, poses)


def drive(
    pipeline: GestureVideoPipeline, photo: np.ndarray, speech: Path, longest: int, seed: int = 0
) -> DrivenPhoto:
    """Scale the photo and make the motion; nothing is rendered.

    pipeline: its renderer is not used. photo: [H, W, 3] uint8. longest: pixels of its longer side.
    Raises: InputError where the photo shows nobody who can be moved.
    """
    scale = longest / max(photo.shape[:2])
    size = (round(photo.shape[1] * scale), round(photo.shape[0] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(photo, size, interpolation=how)
    video = pipeline(scaled, speech, seed=seed, preview="skeleton")
    return DrivenPhoto(scaled, video.photo_pose, video.poses)
