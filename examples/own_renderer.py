"""One stage replaced by an object of one's own: a renderer that lays the skeleton over the photo.

    python examples/own_renderer.py overlay.mp4

Any object with the methods of `gesticulate.pipelines.stages.Renderer` will do. A package adds one
by name, for presets and the command line, with an entry point in its pyproject.toml:

    [project.entry-points."gesticulate.renderers"]
    overlay = "my_package:OverlayRenderer"
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gesticulate.examples import demo_photo, demo_speech
from gesticulate.keypoints.poses import Poses
from gesticulate.pipelines.gesture_video import GestureVideoPipeline
from gesticulate.pipelines.skeleton import SkeletonPhoto, SkeletonRenderer


class OverlayRenderer:
    """The photo, darkened, with the moving skeleton on it."""

    name = "overlay"

    def prepare(self, photo: np.ndarray, photo_pose: Poses) -> "OverlaidPhoto":
        return OverlaidPhoto(photo // 2, SkeletonRenderer().prepare(photo, photo_pose))


@dataclass(frozen=True)
class OverlaidPhoto:
    """What is done once a photo: here, darkening it."""

    dark: np.ndarray
    skeletons: SkeletonPhoto

    def render(self, poses: Poses) -> Iterator[np.ndarray]:
        for skeleton in self.skeletons.render(poses):
            yield np.where(skeleton.any(-1, keepdims=True), skeleton, self.dark)


if __name__ == "__main__":
    out = sys.argv[1] if len(sys.argv) > 1 else "overlay.mp4"
    pipeline = GestureVideoPipeline.from_preset("contextual", renderer=OverlayRenderer())
    print(pipeline(demo_photo(), demo_speech(), out).path)
