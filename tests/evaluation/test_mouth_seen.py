"""The mouth's opening, read from pictures."""

import cv2
import numpy as np
import pytest

from gesticulate.errors import InputError
from gesticulate.evaluation.mouth_seen import LEFT_EYE, LOWER, RIGHT_EYE, UPPER, gap, watch_mouth
from gesticulate.examples import demo_photo


def test_gap_of_a_mesh_however_the_head_is_held():
    mesh = np.zeros((478, 2))
    mesh[RIGHT_EYE], mesh[LEFT_EYE] = (0.3, 0.4), (0.7, 0.4)
    mesh[list(UPPER)] = [(0.45, 0.60), (0.5, 0.59), (0.55, 0.60)]
    mesh[list(LOWER)] = [(0.45, 0.64), (0.5, 0.66), (0.55, 0.64)]
    assert gap(mesh) == pytest.approx(0.05 / 0.4)
    angle = np.deg2rad(30)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    assert gap(0.5 * mesh @ turn + 0.2) == pytest.approx(0.05 / 0.4)


def test_the_lips_of_a_photo_read_the_same_at_another_size():
    photo = demo_photo()
    half = cv2.copyMakeBorder(cv2.resize(photo, None, fx=0.6, fy=0.6), 60, 60, 90, 10, 1)
    large, small = watch_mouth([photo] * 2), watch_mouth([half] * 2)
    assert large.seen.all()
    assert small.seen.all()
    assert abs(large.opening[-1] - small.opening[-1]) < 0.03


def test_a_painted_gap_is_seen():
    """The lower half of the face moved down, the gap filled dark: the mouth stands open."""
    from mediapipe.python.solutions.face_mesh import FaceMesh

    photo = demo_photo()
    height, width = photo.shape[:2]
    with FaceMesh(static_image_mode=True, refine_landmarks=True) as mesh:
        points = mesh.process(photo).multi_face_landmarks[0].landmark
    at = {i: np.array([points[i].x * width, points[i].y * height]) for i in (13, 61, 291, 33, 263)}
    eyes = np.linalg.norm(at[263] - at[33])
    shift = round(0.2 * eyes)
    line = round(at[13][1])
    opened = photo.copy()
    opened[line + shift :] = photo[line : height - shift]
    opened[line : line + shift] = photo[line]
    middle = tuple(int(v) for v in (at[61] + at[291]) / 2 + [0, shift / 2])
    size = (int(np.linalg.norm(at[291] - at[61]) * 0.42), shift // 2)
    cv2.ellipse(opened, middle, size, 0, 0, 360, (40, 15, 15), -1)
    closed, wide = (watch_mouth([picture] * 3).opening[-1] for picture in (photo, opened))
    assert wide > closed + 0.08


def test_nobody():
    with pytest.raises(InputError, match="No face is seen"):
        watch_mouth([np.full((128, 128, 3), 127, np.uint8)])
