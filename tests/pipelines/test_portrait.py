"""Which photos are taken, and how the others are refused."""

import logging

import numpy as np
import pytest

from gesticulate.errors import InputError
from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses
from gesticulate.pipelines.portrait import check_person, output_size, prepare


@pytest.fixture(scope="module")
def portrait(pipeline, photo):
    return prepare(photo, pipeline.estimator, 256, 25.0)


def changed(pose: Poses, change) -> Poses:
    points = pose.points.copy()
    change(points[0])
    return Poses(points, pose.size)


def test_the_person_is_found_in_the_videos_pixels(portrait, pipeline, photo):
    assert portrait.picture.shape == (256, 256, 3)
    assert portrait.pose.size == (256, 256)
    full = prepare(photo, pipeline.estimator, None, 25.0)
    assert np.array_equal(full.picture, photo)
    assert full.pose.scaled((256, 256)).xy == pytest.approx(portrait.pose.xy, abs=0.01)


@pytest.mark.parametrize(
    ("photo", "longest", "video"),
    [
        ((640, 480), None, (640, 480)),
        ((4000, 3000), None, (1280, 960)),
        ((481, 641), None, (481, 641)),
        ((640, 480), 1024, (1024, 768)),
        ((3000, 4000), 512, (384, 512)),
    ],
)
def test_sizes(photo, longest, video):
    assert output_size(photo, longest) == video


def test_a_photo_too_small_is_refused():
    with pytest.raises(InputError, match="60 x 400"):
        output_size((60, 400), None)


def test_nobody_is_refused(pipeline):
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    with pytest.raises(InputError, match="No person found"):
        prepare(noise, pipeline.estimator, None, 25.0)


def test_several_persons_are_counted(pipeline, photo, caplog):
    both = np.concatenate([photo, photo[:, ::-1]], axis=1)
    with caplog.at_level(logging.WARNING, logger="gesticulate"):
        prepare(both, pipeline.estimator, None, 25.0)
    assert "2 persons found" in caplog.text


def test_a_person_too_small_is_refused(pipeline, photo):
    with pytest.raises(InputError, match="too small"):
        prepare(photo, pipeline.estimator, 64, 25.0)


def test_a_hidden_face_is_refused(portrait):
    def hide(points):
        points[layout.FACE, 2] = 0

    with pytest.raises(InputError, match="face is not seen"):
        check_person(changed(portrait.pose, hide))


@pytest.mark.parametrize("side", [-1, 1])
def test_a_face_in_profile_is_refused(portrait, side):
    def turn(points):
        eyes = np.r_[layout.FACE_RIGHT_EYE, layout.FACE_LEFT_EYE] + layout.FACE.start
        left, right = points[eyes[6:], :2].mean(0), points[eyes[:6], :2].mean(0)
        points[layout.FACE.start + layout.FACE_NOSE_TIP, :2] += side * 1.2 * (left - right)

    with pytest.raises(InputError, match="turned to the side"):
        check_person(changed(portrait.pose, turn))


def test_a_photo_upside_down_is_refused(portrait):
    def overturn(points):
        points[:, :2] = 255 - points[:, :2]

    with pytest.raises(InputError, match="upside down"):
        check_person(changed(portrait.pose, overturn))


def test_missing_shoulders_are_told(portrait, caplog):
    def crop(points):
        points[[layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER], 2] = 0

    with caplog.at_level(logging.WARNING, logger="gesticulate"):
        check_person(changed(portrait.pose, crop))
    assert "shoulders" in caplog.text


def test_real_photos_are_taken(pipeline, data_dir):
    """Portraits from the front, of any shape, pass."""
    from gesticulate.video.photo import read_photo

    for path in sorted((data_dir / "photos").glob("halfbody-*.jpg"))[:4]:
        portrait = prepare(read_photo(path), pipeline.estimator, 384, 25.0)
        assert portrait.pose.confidence[0, layout.FACE].mean() > 0.5
