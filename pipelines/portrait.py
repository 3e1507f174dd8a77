"""The photo as the pipeline uses it: scaled, with its person found and found fit."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError, UsageError
from ..keypoints import layout
from ..keypoints.poses import Poses
from .stages import PoseEstimator

if TYPE_CHECKING:
    from ..warping.freedom import ArmFreedom

MIN_SIZE, MAX_SIZE = 64, 4096
DEFAULT_SIZE = 1280
# Estimators look at the photo at no more than this: beyond it they gain nothing but time.
_DETECTION_SIZE = 1280
# Below this share of confidence a point counts as not seen.
_SEEN = 0.3
# Pixels from one end of the jaw line to the other. Lips are about a third of that, and need some
# pixels to open.
_MIN_FACE = 16.0
# How far the nose tip may stand from the middle between the eyes, in distances between the eyes.
_MAX_TURN = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Portrait:
    """A photo ready to be moved.

    picture: [H, W, 3] uint8 RGB, in the size of the video.
    pose: the person in it, one frame.
    freedoms: how far the arms can move, where that was judged (`pipelines.check.judged`).
    """

    picture: np.ndarray
    pose: Poses
    freedoms: tuple[ArmFreedom, ...] = ()


def output_size(photo: tuple[int, int], longest: int | None) -> tuple[int, int]:
    """The video's (width, height) for a photo's.

    longest: pixels of the longer side; None keeps the photo's size up to 1280.
    Raises: InputError for a photo too small; UsageError for a size out of range.
    """
    if min(photo) < MIN_SIZE:
        raise InputError(
            f"The photo is {photo[0]} x {photo[1]} pixels; its shorter side needs at least "
            f"{MIN_SIZE}. Use a larger photo."
        )
    if longest is None:
        longest = min(max(photo), DEFAULT_SIZE)
    elif not MIN_SIZE <= longest <= MAX_SIZE:
        raise UsageError(
            f"The size {longest} is out of range. Expected {MIN_SIZE} to {MAX_SIZE} pixels for "
            "the longer side."
        )
    factor = longest / max(photo)
    return max(2, round(photo[0] * factor)), max(2, round(photo[1] * factor))


def prepare(photo: np.ndarray, estimator: PoseEstimator, size: int | None, fps: float) -> Portrait:
    """Scale a photo, find the person to move, and make sure that the person can be moved.

    photo: [H, W, 3] uint8 RGB. size: pixels of the longer side of the result, None for the
    photo's own up to 1280. Warns where more than one person is found.
    Raises: InputError where the photo or the person in it is too small, nobody is in it, or the
    person's face is not seen; UsageError for a size out of range.
    """
    return place(photo, estimator, output_size((photo.shape[1], photo.shape[0]), size), fps)


def place(
    photo: np.ndarray, estimator: PoseEstimator, goal: tuple[int, int], fps: float
) -> Portrait:
    """As `prepare`, with the result's (width, height) given."""
    own = (photo.shape[1], photo.shape[0])
    seen = _resized(photo, output_size(own, min(max(own), _DETECTION_SIZE)))
    persons = np.asarray(estimator.detect(seen), np.float32)
    if len(persons) == 0:
        raise InputError(
            f"No person found in the photo ({own[0]} x {own[1]} pixels, looked at by "
            f"{estimator.name}). Use a photo that shows one person's head and shoulders."
        )
    if len(persons) > 1:
        _log.warning(
            "%d persons found in the photo; the one with the largest face is moved. Crop the "
            "photo to choose another.",
            len(persons),
        )
    pose = Poses(persons[:1], (seen.shape[1], seen.shape[0]), fps).scaled(goal)
    check_person(pose)
    return Portrait(_resized(photo, goal), pose)


def check_person(pose: Poses) -> None:
    """Make sure that a photo's person can be moved.

    pose: one frame, in the video's pixels. Warns where the shoulders are not seen.
    Raises: InputError that says what is not seen.
    """
    points = pose.points[0]
    if points[layout.FACE, 2].mean() < _SEEN:
        raise InputError(
            "The person's face is not seen (turned away, covered or out of the picture). "
            "Use a photo that shows the face from the front."
        )
    _check_turn(points)
    jaw = points[layout.FACE, :2][layout.FACE_JAW]
    width = float(np.hypot(*(jaw[0] - jaw[-1])))
    if width < _MIN_FACE:
        raise InputError(
            f"The person is too small: the face is {width:.0f} pixels wide in the video, at least "
            f"{_MIN_FACE:.0f} are needed. Crop the photo to the person or use a larger size."
        )
    if points[[layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER], 2].min() < _SEEN:
        _log.warning("The shoulders are not both in the photo: mostly the head will move.")


def _check_turn(points: np.ndarray) -> None:
    """Refuse a face in profile. points: [133, 3] of one person.

    Eyes are about 64 mm apart and the nose tip stands about 45 mm before them, so that a head
    turned by a takes the tip 45 sin(a) / (64 cos(a)) eye distances off the middle: 0.7 at 45
    degrees, 1 at 55, where half of the mouth is hidden.
    """
    face = points[layout.FACE, :2]
    right, left = face[layout.FACE_RIGHT_EYE].mean(0), face[layout.FACE_LEFT_EYE].mean(0)
    line = left - right
    off = face[layout.FACE_NOSE_TIP] - (left + right) / 2
    if abs(float(off @ line)) > _MAX_TURN * max(float(line @ line), 1e-6):
        raise InputError(
            "The person's face is turned to the side by more than about 55 degrees. "
            "Use a photo that shows the face from the front."
        )
    if line[0] <= 0:
        raise InputError("The person is upside down. Turn the photo the right way up.")


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """[H, W, 3] uint8 in another (width, height)."""
    import cv2

    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    shrinks = size[0] < picture.shape[1]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
