"""The 478 -> 68 index map: order, mirror image, closed rings, on the mesh of a real face."""

import numpy as np
import pytest
import skimage.data

from gesticulate.keypoints import layout
from gesticulate.keypoints.face_map import MESH_PAIRS, head_from_face, mesh_to_68
from gesticulate.keypoints.mediapipe_graphs import HolisticGraph


@pytest.fixture(scope="module")
def mesh() -> np.ndarray:
    """[478, 2] in pixels: a face from the front, in a public-domain photo."""
    photo = skimage.data.astronaut()
    found = HolisticGraph(still=True)(photo).face
    assert found is not None
    return found * (photo.shape[1], photo.shape[0])


@pytest.fixture(scope="module")
def upright(mesh: np.ndarray) -> np.ndarray:
    """[68, 2]: the face turned so that its eyes are level, in eye distances from between them."""
    face = mesh_to_68(mesh)
    right, left = face[layout.FACE_RIGHT_EYE].mean(0), face[layout.FACE_LEFT_EYE].mean(0)
    across = left - right
    down = np.array([-across[1], across[0]])
    return (face - (left + right) / 2) @ np.stack([across, down], 1) / (across @ across)


def test_every_point_is_a_vertex_of_the_mesh():
    assert MESH_PAIRS.shape == (68, 2)
    assert MESH_PAIRS.min() >= 0
    assert MESH_PAIRS.max() < 468  # the last ten are irises
    assert len({tuple(sorted(pair)) for pair in MESH_PAIRS.tolist()}) == 68


def test_jaw_runs_from_the_right_ear_over_the_chin_to_the_left(upright: np.ndarray):
    jaw = upright[layout.FACE_JAW]
    assert (np.diff(jaw[:, 0]) > 0).all()
    assert (np.diff(jaw[:9, 1]) > 0).all()
    assert (np.diff(jaw[8:, 1]) < 0).all()
    assert jaw[:, 1].argmax() == layout.FACE_CHIN
    steps = np.linalg.norm(np.diff(jaw, axis=0), axis=1)
    assert steps.max() < 2.2 * steps.min()


def test_brows_eyes_and_nose_run_in_order(upright: np.ndarray):
    brows = upright[layout.FACE_RIGHT_BROW.start : layout.FACE_LEFT_BROW.stop]
    assert (np.diff(brows[:, 0]) > 0).all()
    assert brows[:, 1].max() < upright[layout.FACE_RIGHT_EYE.start : 48, 1].min()
    assert (np.diff(upright[layout.FACE_NOSE_BRIDGE, 1]) > 0).all()
    assert (np.diff(upright[layout.FACE_NOSTRILS, 0]) > 0).all()
    assert upright[layout.FACE_NOSE_TIP, 1] < upright[layout.FACE_NOSTRILS, 1].max()


@pytest.mark.parametrize(
    ("ring", "top"),
    [
        (layout.FACE_RIGHT_EYE, [1, 2]),
        (layout.FACE_LEFT_EYE, [1, 2]),
        (layout.FACE_OUTER_LIPS, [1, 2, 3, 4, 5]),
        (layout.FACE_INNER_LIPS, [1, 2, 3]),
    ],
)
def test_rings_close_without_crossing(upright: np.ndarray, ring: slice, top: list[int]):
    points = upright[ring] - upright[ring].mean(axis=0)
    turn = np.unwrap(np.arctan2(points[:, 1], points[:, 0]))
    # From the person's right corner over the top: clockwise in a picture, once around.
    assert (np.diff(turn) > 0).all()
    assert turn[-1] - turn[0] < 2 * np.pi
    corner = len(points) // 2
    bottom = list(range(corner + 1, len(points)))
    assert points[top, 1].max() < points[bottom, 1].min()
    assert points[0, 0] == points[:, 0].min()
    assert points[corner, 0] == points[:, 0].max()


def test_inner_lips_lie_within_outer_lips(upright: np.ndarray):
    outer, inner = upright[layout.FACE_OUTER_LIPS], upright[layout.FACE_INNER_LIPS]
    assert (inner.min(axis=0) > outer.min(axis=0)).all()
    assert (inner.max(axis=0) < outer.max(axis=0)).all()


def test_left_and_right_are_mirror_images(upright: np.ndarray):
    mirror = layout.MIRROR[layout.FACE] - layout.FACE.start
    flipped = upright[mirror] * (-1, 1)
    # A real head is turned a little, so that its halves differ; a wrong index is further off.
    assert np.linalg.norm(flipped - upright, axis=1).max() < 0.25


def test_mirror_holds_for_the_indices_themselves():
    """The mirror of a pair must be the pair of the mirror, by the mesh's own left and right."""
    mirror = layout.MIRROR[layout.FACE] - layout.FACE.start
    photo = skimage.data.astronaut()
    graph = HolisticGraph(still=True)
    straight, flipped = graph(photo).face, graph(photo[:, ::-1]).face
    assert straight is not None
    assert flipped is not None
    back = mesh_to_68(flipped * (-1, 1) + (1, 0))[mirror]
    apart = np.linalg.norm(back - mesh_to_68(straight), axis=1) * photo.shape[0]
    width = np.ptp(mesh_to_68(straight)[:, 0]) * photo.shape[1]
    assert np.median(apart) < 0.02 * width
    assert apart.max() < 0.06 * width


def test_head_points_are_nose_tip_and_eye_middles(mesh: np.ndarray):
    face = mesh_to_68(mesh)
    nose, left, right = head_from_face(face)
    assert np.array_equal(nose, face[layout.FACE_NOSE_TIP])
    # The irises (the last ten vertices: the person's right, then left) lie near the eyes' middles.
    width = np.linalg.norm(left - right)
    assert np.linalg.norm(mesh[468] - right) < 0.15 * width
    assert np.linalg.norm(mesh[473] - left) < 0.15 * width
