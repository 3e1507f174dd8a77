"""Synthetic people who talk and gesture, for tests of everything that works on skeletons."""

from dataclasses import replace

import numpy as np
import pytest

from gesticulate.keypoints import canonical, layout
from gesticulate.keypoints.face import CANONICAL_FACE, LOWER_INNER_LIP, NeutralFace
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import CANONICAL, REST, Person, from_motion
from gesticulate.keypoints.poses import Poses

CHIN_AND_LOWER_LIP = [6, 7, 8, 9, 10, 55, 56, 57, 58, 59]


def talking_motion(frames: int = 60, size: float = 1.0, fps: float = 25.0) -> Motion:
    """Speech-like motion: nodding, sway, an opening mouth, blinks, strokes of both arms."""
    t = np.arange(frames) / fps
    points = np.tile(REST, (frames, 1, 1))
    turn = np.tile(np.eye(2, 3), (frames, 1, 1))
    turn[:, 0, 2] = 0.10 * size * np.sin(2 * np.pi * 0.5 * t)
    turn[:, 1, 2] = 0.08 * size * np.sin(2 * np.pi * 0.8 * t)
    expression = np.zeros((frames, 68, 2))
    opening = 0.10 * size * np.sin(2 * np.pi * 2.0 * t) ** 2
    expression[:, CHIN_AND_LOWER_LIP, 1] = opening[:, None]
    expression[:, LOWER_INNER_LIP, 1] = opening[:, None]
    face = CANONICAL_FACE.join(turn, expression)
    face[:, layout.FACE_NOSE_TIP] = canonical.NOSE + 0.03 * size * np.stack(
        [np.sin(2 * np.pi * 0.4 * t), np.sin(2 * np.pi * 0.7 * t)], axis=-1
    )
    points[:, layout.MOTION_FACE] = face
    stroke = size * np.stack([np.sin(2 * np.pi * 0.6 * t), np.cos(2 * np.pi * 0.6 * t) - 1], -1)
    arms = points[:, layout.MOTION_ARMS]
    arms[:, 2:4] += 0.04 * stroke[:, None]
    arms[:, 4] += 0.15 * stroke
    arms[:, 5] += 0.15 * stroke * [-1, 1]
    return Motion(points, np.ones(points.shape[:2]), fps)


def somebody(seed: int, width: float = 90.0, neck: tuple[float, float] = (128, 120)) -> Person:
    """A person of random build who faces the camera."""
    rng = np.random.default_rng(seed)
    face_width, face_height = rng.uniform(0.92, 1.08, 2)
    shape = CANONICAL_FACE.shape * np.array([face_width, face_height, 1.0]) * width
    opening = CANONICAL_FACE.eye_opening * face_height * width
    scale = CANONICAL_FACE.scale * width
    return Person(
        width=width,
        neck=np.array(neck, np.float64),
        shoulders=CANONICAL.shoulders + np.array([[0, 0.02], [0, -0.02]]),
        nose=CANONICAL.nose * rng.uniform(0.9, 1.1),
        bones=CANONICAL.bones * rng.uniform(0.95, 1.15),
        hands=np.full(2, rng.uniform(0.9, 1.1)),
        face=NeutralFace(shape, scale, opening),
    )


def mirrored(poses: Poses) -> Poses:
    """The poses in the picture flipped left to right."""
    points = poses.points[:, layout.MIRROR].copy()
    points[..., 0] = poses.size[0] - 1 - points[..., 0]
    points[poses.points[:, layout.MIRROR, 2] == 0] = 0
    return replace(poses, points=points)


@pytest.fixture
def make_motion():
    return talking_motion


@pytest.fixture
def make_person():
    return somebody


@pytest.fixture
def mirror():
    return mirrored


@pytest.fixture
def talking() -> Poses:
    """60 frames of a person at 256 x 256."""
    return from_motion(talking_motion(), somebody(0), (256, 256))
