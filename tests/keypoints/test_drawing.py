import numpy as np
import pytest

from gesticulate.keypoints import layout
from gesticulate.keypoints.drawing import draw, draw_frames
from gesticulate.keypoints.poses import Poses


def test_a_skeleton_stands_on_black_in_its_size(talking):
    picture = draw(talking[:1])
    assert (picture.shape, picture.dtype) == ((256, 256, 3), np.uint8)
    assert (picture[0] == 0).all()
    x, y = talking.xy[0, layout.LEFT_ELBOW].round().astype(int)
    assert picture[y, x].max() > 200


def test_face_dots_are_white_and_limbs_are_darkened_colours(talking):
    points = talking.points[0].copy()
    points[[*range(17), *range(91, 133)], 2] = 0
    face = draw(points, (256, 256))
    assert (face[face.sum(axis=-1) > 0].std(axis=-1) == 0).all()
    points = np.zeros((133, 3), np.float32)
    points[[layout.RIGHT_SHOULDER, layout.LEFT_SHOULDER]] = [[40, 100, 1], [200, 100, 1]]
    limbs = draw(points, (256, 256))
    assert tuple(limbs[100, 80]) == (153, 0, 0)
    assert tuple(limbs[100, 160]) == (153, 51, 0)


def test_dots_are_as_large_as_dwpose_draws_them():
    points = np.zeros((133, 3), np.float32)
    points[layout.FACE.start] = points[layout.LEFT_HAND.start] = [100, 100, 1]
    for index, radius in ((layout.FACE.start, 3), (layout.LEFT_HAND.start, 4)):
        alone = np.zeros_like(points)
        alone[index] = points[index]
        row = draw(alone, (512, 640), full_dots=True)[100].max(axis=-1)
        assert np.flatnonzero(row > 127).tolist() == list(range(100 - radius, 101 + radius))


def test_unseen_points_are_left_out(talking):
    points = talking.points[0].copy()
    points[:, 2] = 0
    assert not draw(points, (256, 256)).any()
    points[layout.LEFT_HAND, 2] = 0.2
    assert not draw(points, (256, 256)).any()
    assert draw(points, (256, 256), threshold=0.1).any()


def test_over_a_picture_the_rest_of_it_stays(talking):
    photo = np.full((256, 256, 3), 77, np.uint8)
    picture = draw(talking.points[0], background=photo)
    assert (photo == 77).all()
    assert (picture[0] == 77).all()
    assert 0.01 < (picture != 77).any(axis=-1).mean() < 0.3


def test_frames_are_a_stream_in_any_size(talking):
    frames = draw_frames(talking, size=(512, 384))
    first = next(frames)
    assert first.shape == (384, 512, 3)
    assert len(list(frames)) == len(talking) - 1
    x, y = talking.scaled((512, 384)).xy[0, layout.RIGHT_ELBOW].round().astype(int)
    assert first[y, x].max() > 200


def test_points_far_outside_the_picture_do_no_harm(talking):
    points = talking.points[0].copy()
    points[layout.LEFT_WRIST, :2] = 1e7
    points[layout.LEFT_HAND, :2] = -1e7
    assert draw(points, (256, 256)).any()


def test_several_frames_at_once_are_refused(talking):
    with pytest.raises(ValueError, match="one frame at a time"):
        draw(talking)
    with pytest.raises(ValueError, match="needs a size"):
        draw(talking.points[0])
    assert isinstance(talking, Poses)
