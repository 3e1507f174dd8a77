"""Which arms can be moved and still be drawn well."""

import numpy as np
import pytest

from gesticulate.keypoints import layout
from gesticulate.warping.cut import cut_parts
from gesticulate.warping.freedom import (
    ArmFreedom,
    arm_freedoms,
    calmed,
    hands_clasped,
    held_area,
    resting,
    trial,
)
from gesticulate.warping.rig import photo_rig
from gesticulate.warping.textures import stack_parts


class Known:
    """A matting that knows the person."""

    def __init__(self, matte: np.ndarray) -> None:
        self.known = matte

    def matte(self, photo: np.ndarray) -> np.ndarray:
        return self.known


@pytest.fixture(scope="module")
def person(drawing):
    return drawing(240, 260)


def test_arms_that_are_seen_move(person):
    freedoms = arm_freedoms(person.photo, person.pose.points[0], Known(person.matte))
    assert [one.side for one in freedoms] == ["left", "right"]
    assert all(one.share > 0 for one in freedoms)


def test_an_arm_out_of_the_picture_rests(person):
    points = person.pose.points[0].copy()
    points[layout.LEFT_WRIST, 2] = 0.0
    left, right = arm_freedoms(person.photo, points, Known(person.matte))
    assert left == ArmFreedom("left", 0.0, "it is not all in the picture")
    assert right.share > 0


def test_an_arm_behind_something_rests(person):
    """A laptop's lid before the forearm: the matte knows nobody there."""
    points, matte = person.pose.points[0], person.matte.copy()
    elbow, wrist = points[[layout.LEFT_ELBOW, layout.LEFT_WRIST], :2]
    x, y = np.round((elbow + wrist) / 2).astype(int)
    matte[y - 22 : y + 22, x - 22 : x + 22] = 0.0
    left, right = arm_freedoms(person.photo, points, Known(matte))
    assert left.share == 0
    assert "stands before it" in left.reason
    assert right.share > 0


def test_hands_in_each_other_rest(person):
    points = person.pose.points[0].copy()
    shift = points[layout.RIGHT_WRIST, :2] - points[layout.LEFT_WRIST, :2]
    points[layout.LEFT_HAND, :2] += shift
    points[layout.LEFT_WRIST, :2] += shift
    rig = photo_rig(points, person.pose.size)
    assert hands_clasped(rig)
    assert not hands_clasped(photo_rig(person.pose.points[0], person.pose.size))


def test_what_a_hand_holds_is_seen(person):
    points = person.pose.points[0]
    rig = photo_rig(points, person.pose.size)
    assert held_area(person.photo, person.matte, rig, "left") < 0.1
    photo, matte = person.photo.copy(), person.matte.copy()
    hand = points[layout.LEFT_HAND, :2]
    palm = np.linalg.norm(hand[9] - hand[0])
    out = np.sign(hand[0, 0] - rig.neck[0])
    x, y = np.round(hand[9] + [out * palm, 0]).astype(int)
    half = round(0.6 * palm)
    window = np.s_[y - half : y + half, x - half : x + half]
    photo[window], matte[window] = (20, 60, 220), 1.0
    assert held_area(photo, matte, rig, "left") > 0.3


def test_what_the_photo_does_not_show_of_an_arm_counts(person):
    """A hand that hides most of its forearm: there is nothing to draw the forearm with."""
    points = person.pose.points[0]
    rig = photo_rig(points, person.pose.size)
    parts = stack_parts(cut_parts(person.photo, person.matte, rig))
    shown = trial(rig, parts, "left")
    hidden = [
        type(part)(part.name, part.side, part.seen * 0.0, part.alpha)
        if (part.name, part.side) == ("forearm", "left")
        else part
        for part in parts
    ]
    assert trial(rig, hidden, "left").unseen > shown.unseen
    assert trial(rig, parts, "left", share=0.0).loose == 0


def test_a_calmed_arm_goes_a_share_of_its_way_with_the_shoulder():
    rest = np.zeros((133, 3), np.float32)
    rest[..., 2] = 1.0
    poses = np.tile(rest, (2, 1, 1))
    poses[1, :, :2] += (4.0, 0.0)
    poses[1, layout.LEFT_WRIST, :2] += (10.0, -20.0)
    free = (ArmFreedom("left", 0.5), ArmFreedom("right"))
    calm = calmed(poses, rest, free)
    np.testing.assert_allclose(calm[1, layout.LEFT_WRIST, :2], [9.0, -10.0])
    np.testing.assert_allclose(calm[1, layout.RIGHT_WRIST], poses[1, layout.RIGHT_WRIST])
    np.testing.assert_allclose(calm[0], rest)


def test_a_resting_arm_counts_as_unseen(person):
    points = person.pose.points[0]
    still = resting(points, (ArmFreedom("left", 0.0, "so"), ArmFreedom("right", 0.4, "so")))
    assert (still[layout.LEFT_HAND, 2] == 0).all()
    assert still[layout.LEFT_SHOULDER, 2] > 0
    np.testing.assert_array_equal(still[layout.RIGHT_HAND], points[layout.RIGHT_HAND])
    assert "left" not in photo_rig(still, person.pose.size).arms
