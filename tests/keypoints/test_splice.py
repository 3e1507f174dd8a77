"""Parts of one motion on the rest of another."""

import numpy as np
import pytest

from gesticulate.keypoints import layout
from gesticulate.keypoints.face import CANONICAL_FACE, NeutralFace, lip_gap
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import CANONICAL, REST, Person, from_motion
from gesticulate.keypoints.poses import Poses
from gesticulate.keypoints.splice import PARTS, splice

FRAMES, SIZE = 12, (300, 300)
HANDS = slice(layout.LEFT_HAND.start, layout.RIGHT_HAND.stop)
JOINTS = slice(layout.LEFT_ELBOW, layout.RIGHT_WRIST + 1)


def posed(arms=0.0, nod=0.0, lips=0.0, fingers=0.0) -> Poses:
    """A person whose parts are moved by so many shoulder widths, all frames alike."""
    points = np.tile(REST, (FRAMES, 1, 1))
    points[:, 70:74, 0] += arms
    points[:, layout.FACE_NOSE_TIP, 1] += nod
    points[:, [65, 66, 67], 1] += lips
    points[:, 74:116, 1] *= 1 + fingers
    motion = Motion(points, np.ones((FRAMES, 116)))
    face = NeutralFace(
        100 * CANONICAL_FACE.shape, 100 * CANONICAL_FACE.scale, 100 * CANONICAL_FACE.eye_opening
    )
    person = Person(
        100.0, np.array([150.0, 120.0]), CANONICAL.shoulders, CANONICAL.nose, CANONICAL.bones,
        CANONICAL.hands, face,
    )  # fmt: skip
    return from_motion(motion, person, SIZE)


OWN, NEW = posed(), posed(arms=0.2, nod=0.1, lips=0.1, fingers=0.3)
PERSON = Person.measure(OWN)
ALL = np.ones(FRAMES)


def moved(parts, share=ALL, own=OWN, new=NEW):
    return splice(own, new, parts, share, PERSON).xy - own.xy


def test_without_a_share_nothing_changes():
    same = splice(OWN, NEW, PARTS, np.zeros(FRAMES), PERSON)
    np.testing.assert_allclose(same.points, OWN.points, atol=1e-3)


@pytest.mark.parametrize("parts", [["hands"], ["arms"], ["head"], ["face"], ["hands", "arms"]])
def test_only_the_asked_parts_move(parts):
    change = np.abs(moved(parts)).max(axis=(0, 2))
    assert (change[[layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]] == 0).all()
    assert (change[layout.FACE].max() > 1) == bool({"head", "face"} & set(parts))
    assert (change[JOINTS].max() > 1) == ("arms" in parts)
    assert (change[HANDS].max() > 1) == bool({"hands", "arms"} & set(parts))


LIMBS = (
    (layout.LEFT_ELBOW, layout.LEFT_WRIST, layout.LEFT_HAND),
    (layout.RIGHT_ELBOW, layout.RIGHT_WRIST, layout.RIGHT_HAND),
)


def about_forearm(poses: Poses, elbow: int, wrist: int, hand: slice) -> np.ndarray:
    """[T, 21] complex: a hand's points from the wrist, in the direction of its forearm."""
    xy = poses.xy.astype(np.float64) @ [1, 1j]
    forearm = xy[:, wrist, None] - xy[:, elbow, None]
    return (xy[:, hand] - xy[:, wrist, None]) / (forearm / np.abs(forearm))


def raised() -> Poses:
    """The person with the forearms turned by a right angle, hands and all, fingers spread."""
    points = posed(fingers=0.3).points
    for elbow, wrist, hand in LIMBS:
        moved = [wrist, *range(hand.start, hand.stop)]
        about = points[:, moved, :2] - points[:, elbow, None, :2]
        points[:, moved, :2] = about[..., ::-1] * [1, -1] + points[:, elbow, None, :2]
    return Poses(points, SIZE)


@pytest.mark.parametrize("parts", [["arms"], ["hands"], ["hands", "arms"]])
@pytest.mark.parametrize("share", [1.0, 0.999])
def test_a_hand_turns_with_the_forearm_it_is_put_on(parts, share):
    new = raised()
    result = splice(OWN, new, parts, share * ALL, PERSON)
    for elbow, wrist, hand in LIMBS:
        arm = new if "arms" in parts else OWN
        np.testing.assert_allclose(result.xy[:, wrist], arm.xy[:, wrist], atol=0.3)
        pose = about_forearm(new if "hands" in parts else OWN, elbow, wrist, hand)
        np.testing.assert_allclose(about_forearm(result, elbow, wrist, hand), pose, atol=0.1)


def test_a_forearm_that_points_at_the_camera_turns_no_hand():
    new = raised()
    points = OWN.points.copy()
    elbow, wrist, hand = LIMBS[0]
    shift = points[:, elbow, None, :2] - points[:, wrist, None, :2]
    points[:, [wrist, *range(hand.start, hand.stop)], :2] += 0.95 * shift
    own = Poses(points, SIZE)
    result = splice(own, new, ["arms"], ALL, PERSON)
    before, after = (p.xy[:, hand] - p.xy[:, wrist, None] for p in (own, result))
    np.testing.assert_allclose(after, before, atol=1e-3)


def test_head_and_face_are_told_apart():
    gaps = [
        lip_gap(splice(OWN, NEW, parts, ALL, PERSON).xy[:, layout.FACE])[0]
        for parts in ([], ["head"], ["face"])
    ]
    assert gaps[1] == pytest.approx(gaps[0], abs=0.2)
    assert gaps[2] > gaps[0] + 3
    nose = layout.FACE.start + layout.FACE_NOSE_TIP
    assert np.abs(moved(["face"])[:, nose]).max() < 0.2
    assert moved(["head"])[:, nose, 1].min() > 5


def test_what_the_own_motion_does_not_see_is_the_new_ones():
    points = OWN.points.copy()
    points[:, layout.LEFT_WRIST] = 0
    points[:, layout.LEFT_HAND] = 0
    result = splice(Poses(points, SIZE), NEW, ["hands", "arms"], ALL, PERSON)
    np.testing.assert_allclose(
        result.points[:, layout.LEFT_HAND], NEW.points[:, layout.LEFT_HAND], atol=1e-3
    )
