"""The skeleton preview: what the person will do, without the picture work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import UsageError
from ..keypoints.poses import Poses
from .stages import Renderer


class SkeletonRenderer:
    """A renderer that draws the skeletons on black, in the photo's size."""

    name = "skeleton"

    def __init__(self, takes_apart: bool = False) -> None:
        """takes_apart: judge the photo's arms as for a renderer that moves its layers, whose
        motion this one is to show beforehand."""
        self.takes_apart = takes_apart

    def prepare(self, photo: np.ndarray, photo_pose: Poses) -> SkeletonPhoto:
        """As `Renderer.prepare`; of the photo only the size is used."""
        from ..warping.renderer import check_poses

        size = (photo.shape[1], photo.shape[0])
        check_poses(photo_pose, size, "photo's pose belongs")
        return SkeletonPhoto(size)


def renderer_for(preview: str | None, renderer: Renderer) -> Renderer:
    """What renders: the skeletons for a preview, else the renderer itself.

    Raises: UsageError for an unknown preview.
    """
    if preview not in (None, "skeleton"):
        raise UsageError(f"There is no preview {preview!r}. Expected 'skeleton'.")
    return SkeletonRenderer() if preview else renderer


@dataclass(frozen=True)
class SkeletonPhoto:
    """size: (width, height) of the photo."""

    size: tuple[int, int]

    def render(self, poses: Poses) -> Iterator[np.ndarray]:
        """As `PreparedPhoto.render`."""
        from ..keypoints.drawing import draw_frames
        from ..warping.renderer import check_poses

        check_poses(poses, self.size)
        yield from draw_frames(poses)
