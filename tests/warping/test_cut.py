"""Who owns which pixel, where the skeleton of the photo is not exact."""

import numpy as np

from gesticulate.keypoints import layout
from gesticulate.warping.arms import Bone, limb_shape
from gesticulate.warping.cut import _between, _without_rags, cut_parts
from gesticulate.warping.parts import along_bone, pixel_grid
from gesticulate.warping.rig import photo_rig
from gesticulate.warping.textures import stack_parts


def test_a_finger_beside_its_estimate_stays_on_its_hand(drawing):
    """Else its tip is left behind when the hand moves."""
    person = drawing(480, 520)
    points = person.pose.points[0].copy()
    size = (480, 520)
    thumb = points[layout.LEFT_HAND][1:5, :2].copy()
    wrist = points[layout.LEFT_WRIST, :2]
    angle = np.deg2rad(22)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points[layout.LEFT_HAND.start + 1 : layout.LEFT_HAND.start + 5, :2] = (
        thumb - wrist
    ) @ turn.T + wrist
    masks = cut_parts(person.photo, person.matte, photo_rig(points, size))
    for share in (0.6, 0.8, 0.95):
        x, y = np.round(thumb[0] + share * (thumb[3] - thumb[0])).astype(int)
        assert masks.hands["left"][y, x] > 0.5


def test_a_limb_beside_its_bone_is_completed_where_it_is():
    """The hidden half of a limb goes on as wide as its seen half, on each side of the bone."""
    grid = pixel_grid(120, 200)
    start, end = np.array([60.0, 20.0]), np.array([60.0, 180.0])
    x, y = grid[..., 0], grid[..., 1]
    bone = Bone(*along_bone(grid, start, end), 60.0 - x, 160.0, 40.0)
    limb = (x > 52) & (x < 90) & (y > 20) & (y < 180)
    hidden = (y > 110) & (x > 30)
    shape = limb_shape(limb & ~hidden, bone, hidden)
    first, last = np.flatnonzero(shape[140] > 0.5)[[0, -1]]
    np.testing.assert_allclose([first, last], [53, 89], atol=2)


def test_no_background_shines_through_a_shoulder(drawn):
    """Body and arm fade into each other there; together they must cover what is behind."""
    points = drawn.pose.points[0]
    rig = photo_rig(points, drawn.pose.size)
    masks = cut_parts(drawn.photo, drawn.matte, rig)
    through = np.ones_like(drawn.matte)
    for part in stack_parts(masks):
        through *= 1.0 - part.alpha
    grid = pixel_grid(*drawn.pose.size)
    for shoulder in rig.shoulders:
        near = np.linalg.norm(grid - shoulder, axis=-1) < 0.25 * rig.unit
        assert through[near & (masks.person > 0.98)].max() < 0.05


def test_haze_below_an_elbow_is_not_the_arms(drawn):
    """What the matte is unsure of there would swing about with the arm."""
    points = drawn.pose.points[0]
    rig = photo_rig(points, drawn.pose.size)
    elbow = rig.arms["left"][1]
    below = elbow + np.array([0.05, 0.22]) * rig.unit
    away = np.linalg.norm(pixel_grid(*drawn.pose.size) - below, axis=-1)
    hazy = np.where(away < 0.15 * rig.unit, np.maximum(drawn.matte, 0.8), drawn.matte)
    masks = cut_parts(drawn.photo, hazy.astype(np.float32), rig)
    x, y = np.round(below).astype(int)
    assert drawn.matte[y, x] < 0.02
    assert sum(part[y, x] for part in masks.arms["left"]) < 0.1
    x, y = np.round(elbow).astype(int)
    assert sum(part[y, x] for part in masks.arms["left"]) > 0.9


def test_small_pieces_apart_from_an_arm_do_not_go_with_it():
    """They would fly about as rags: they are the body's beside it, else nobody's."""
    owner, matte = np.zeros((40, 60), int), np.zeros((40, 60), np.float32)
    matte[:, :30] = 1.0
    owner[5:35, 20:30] = 1  # the arm, beside the body
    owner[30:38, 22:30] = 2  # its hand
    owner[10:14, 5:9] = 1  # a rag on the body
    owner[:, 34:] = 1
    matte[5:9, 50:54] = 1.0  # a rag beside the person
    cleaned, loose = _without_rags(owner, matte, ["left"], ["left"], rag=30)
    assert (cleaned[10:14, 5:9] == 0).all()
    assert loose[5:9, 50:54].all()
    assert loose.sum() == 16
    np.testing.assert_array_equal(cleaned[:, 20:30], owner[:, 20:30])


def test_a_hand_whose_arm_is_hidden_stays_a_hand():
    """A man behind his desk: of his arm there is the sleeve, and apart from it the hand."""
    owner, matte = np.zeros((40, 60), int), np.zeros((40, 60), np.float32)
    owner[2:20, 30:40], owner[28:38, 44:54] = 1, 2
    matte[(owner > 0)] = 1.0
    matte[:, :25] = 1.0
    cleaned, loose = _without_rags(owner, matte, ["left"], ["left"], rag=30)
    np.testing.assert_array_equal(cleaned, owner)
    assert not loose.any()


def test_clothes_go_on_behind_a_hand_that_lies_before_them():
    """A hand before a wide skirt: there is cloth above it and below it, so behind it, too."""
    body = np.ones((30, 20), bool)
    body[:, 12:] = False
    hand = np.zeros((30, 20), bool)
    hand[10:16, 6:18] = True
    behind = _between(body & ~hand, hand)
    assert behind[10:16, 6:12].all()
    assert behind.sum() == 36
