import numpy as np
import pytest

from gesticulate.evaluation.regions import REGIONS, regions
from gesticulate.keypoints import layout

SIZE = (200, 240)


def person() -> np.ndarray:
    """A plain front view in a 200 x 240 picture, the right hand raised, the left unseen."""
    pose = np.zeros((layout.NUM_POINTS, 3), np.float32)
    pose[[layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]] = [[140, 120, 1], [60, 120, 1]]
    pose[[layout.RIGHT_ELBOW, layout.RIGHT_WRIST]] = [[40, 170, 1], [30, 120, 1]]
    angle = np.linspace(0, np.pi, 17)
    face = np.zeros((68, 3))
    face[layout.FACE_JAW] = np.c_[100 - 25 * np.cos(angle), 60 + 35 * np.sin(angle), np.ones(17)]
    circle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    lips = np.c_[100 + 10 * np.cos(circle), 80 + 4 * np.sin(circle), np.ones(12)]
    face[layout.FACE_OUTER_LIPS] = lips
    pose[layout.FACE] = face
    grid = np.stack(np.meshgrid(np.arange(3), np.arange(7)), axis=-1).reshape(21, 2)
    pose[layout.RIGHT_HAND] = np.c_[20 + 10 * grid[:, 0], 80 + 6 * grid[:, 1], np.ones(21)]
    return pose


@pytest.fixture
def masks():
    return regions(person(), SIZE)


def test_every_region_has_the_frame_size(masks):
    assert tuple(masks) == REGIONS
    assert all(mask.shape == (240, 200) and mask.dtype == bool for mask in masks.values())


def test_regions_lie_where_the_points_are(masks):
    assert masks["face"][70, 100]
    assert not masks["face"][120, 100]
    assert masks["mouth"][80, 100]
    assert not masks["mouth"][65, 100]
    assert masks["hands"][100, 30]
    assert not masks["hands"][100, 60]
    for x, y in ((100, 70), (100, 200), (35, 145), (30, 100)):  # head, belly, forearm, hand
        assert masks["person"][y, x]
    assert not masks["person"][20, 20]


def test_the_parts_lie_inside_the_person(masks):
    assert not (masks["mouth"] & ~masks["face"]).any()
    assert not ((masks["face"] | masks["hands"]) & ~masks["person"]).any()


def test_the_hand_region_covers_all_points_and_little_more(masks):
    box = np.zeros((240, 200), bool)
    box[80:117, 20:41] = True
    assert masks["hands"][box].all()
    assert masks["hands"].sum() < 2 * box.sum()


def test_a_forehead_is_added_above_the_brows():
    pose = person()
    tall = regions(pose, SIZE)["face"]
    assert tall[50, 100]
    assert not tall[20, 100]


def test_what_is_not_seen_is_empty():
    pose = person()
    pose[layout.FACE, 2] = 0.1
    masks = regions(pose, SIZE)
    assert not masks["face"].any()
    assert not masks["mouth"].any()
    assert masks["person"].any()
    nobody = np.zeros((layout.NUM_POINTS, 3), np.float32)
    assert not any(mask.any() for mask in regions(nobody, SIZE).values())
