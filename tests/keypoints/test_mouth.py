"""What a mouth does, measured on faces made for it."""

import numpy as np
import pytest

from gesticulate.keypoints.mouth import measure_mouth


def face(opening: float = 0.0, width: float = 50.0, chin: float = 190.0) -> np.ndarray:
    """[68, 2]: eyes 100 apart, upper lip at 150, lower lip 10 thick."""
    points = np.zeros((68, 2))
    points[36], points[45], points[27], points[8] = (50, 80), (150, 80), (100, 80), (100, chin)
    for i, x in enumerate((90, 100, 110)):
        points[61 + i] = x, 150
        points[67 - i] = x, 150 + opening
        points[58 - i] = x, 160 + opening
    points[48], points[54] = (100 - width / 2, 152), (100 + width / 2, 152)
    return points


def turned(points: np.ndarray, degrees: float, scale: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return scale * points @ turn + 7


@pytest.mark.parametrize(("degrees", "scale"), [(0, 1), (25, 0.3), (-40, 2.5)])
def test_a_mouth_is_measured_in_eye_distances_however_the_head_is_held(degrees, scale):
    faces = [face(), face(opening=20, chin=200), face(width=40), face(opening=-3)]
    shape = measure_mouth(np.stack([turned(f, degrees, scale) for f in faces]))
    np.testing.assert_allclose(shape.opening, [0, 0.2, 0, -0.03], atol=1e-9)
    np.testing.assert_allclose(shape.width, [0.5, 0.5, 0.4, 0.5], atol=1e-9)
    np.testing.assert_allclose(shape.jaw, [1.1, 1.2, 1.1, 1.1], atol=1e-9)
    np.testing.assert_allclose(shape.lower_lip, 0.1, atol=1e-9)
