"""The skeleton preview: what the person will do, without the picture work."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..errors import InputError
from ..keypoints.poses import Poses


class SkeletonRenderer:
    """A renderer that draws the skeletons on black, in the photo's size."""

    name = "skeleton"

    def render(self, photo: np.ndarray, photo_pose: Poses, poses: Poses) -> Iterator[np.ndarray]:
        """As `Renderer.render`; of the photo only the size is used."""
        from ..keypoints.drawing import draw_frames

        size = (photo.shape[1], photo.shape[0])
        if poses.size != size:
            raise InputError(
                f"The poses are in pixels of a picture of {poses.size[0]} x {poses.size[1]}, "
                f"the photo has {size[0]} x {size[1]}. Scale them with Poses.scaled."
            )
        yield from draw_frames(poses)
