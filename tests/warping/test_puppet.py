"""What the puppet renderer promises, on a drawn person."""

import numpy as np
import pytest

from gesticulate.errors import InputError
from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses
from gesticulate.pipelines.stages import Renderer
from gesticulate.warping.fields import PoseFields
from gesticulate.warping.inpainting import SmoothFill
from gesticulate.warping.layers import prepare_photo
from gesticulate.warping.renderer import Puppet, PuppetRenderer
from gesticulate.warping.rig import driven_rig, fit_similarity


def turned(xy: np.ndarray, centre: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (xy - centre) @ turn.T + centre


def raise_left_arm(points: np.ndarray, degrees: float) -> np.ndarray:
    moved = points.copy()
    arm = [layout.LEFT_ELBOW, layout.LEFT_WRIST, *range(91, 112)]
    moved[arm, :2] = turned(points[arm, :2], points[layout.LEFT_SHOULDER, :2], degrees)
    return moved


@pytest.fixture(scope="module")
def puppet(drawn):
    return Puppet(
        prepare_photo(drawn.photo, drawn.pose.points[0], drawn.matte, inpainting=SmoothFill())
    )


def test_is_a_renderer():
    assert isinstance(PuppetRenderer(), Renderer)


def test_the_photos_pose_gives_the_photo(drawn, puppet):
    np.testing.assert_array_equal(puppet.frame(drawn.pose.points[0]), drawn.photo)


def test_layers_put_together_give_the_photo(drawn, puppet):
    """Not by copying the photo where nothing moves, but by what the layers hold."""
    canvas = puppet.parts.background.astype(np.float32)
    for layer in puppet.parts.layers:
        x, y, w, h = layer.box
        left, top = max(-x, 0), max(-y, 0)
        region = canvas[max(y, 0) : y + h, max(x, 0) : x + w]
        texture = layer.texture[top:, left:][: region.shape[0], : region.shape[1]]
        alpha = texture[..., 3:].astype(np.float32) / 255
        region[...] = texture[..., :3] + (1 - alpha) * region
    error = np.abs(canvas - drawn.photo).max(-1)
    assert np.percentile(error[drawn.matte > 0.9], 99) < 4
    # About the person the background is filled in: alike, not the same.
    assert error.mean() < 2.0


def test_nothing_moves_where_nothing_moves(drawn, puppet):
    frame = puppet.frame(raise_left_arm(drawn.pose.points[0], -35))
    assert np.abs(frame.astype(int) - drawn.photo).max() > 50
    # The left third of the picture holds only the person's right arm and background.
    third = drawn.photo.shape[1] // 3
    np.testing.assert_array_equal(frame[:, :third], drawn.photo[:, :third])
    np.testing.assert_array_equal(frame[-12:], drawn.photo[-12:])
    corner = np.s_[:40, -40:]
    np.testing.assert_array_equal(frame[corner], drawn.photo[corner])


def test_a_raised_arm_leaves_no_arm_behind(drawn, puppet):
    points = drawn.pose.points[0]
    frame = puppet.frame(raise_left_arm(points, -60)).astype(int)
    skin = np.array([215, 175, 150])
    for share in (0.5, 0.7, 0.9):
        old = points[layout.LEFT_ELBOW, :2] * share + points[layout.LEFT_SHOULDER, :2] * (1 - share)
        x, y = np.round(old).astype(int)
        if share > 0.6:
            assert np.abs(frame[y, x] - skin).max() > 40, "the arm is still where it was"
        new = turned(old, points[layout.LEFT_SHOULDER, :2], -60)
        x, y = np.round(new).astype(int)
        assert np.abs(frame[y, x] - skin).max() < 30, "no arm where it moved to"


def test_no_hole_opens_in_a_moving_arm(drawn, puppet):
    """The person's alpha along shoulder, elbow and wrist stays closed however the arm turns."""
    points = drawn.pose.points[0]
    green = (puppet.parts.background * 0 + np.array([0, 255, 0])).astype(np.uint8)
    bare = Puppet(puppet.parts)
    bare.background[..., :3] = green
    for degrees in (-50, -20, 15, 40):
        moved = raise_left_arm(points, degrees)
        moved[[9, *range(91, 112)], :2] = turned(
            moved[[9, *range(91, 112)], :2], moved[7, :2], -degrees
        )
        frame = bare.frame(moved).astype(int)
        joints = moved[[layout.LEFT_SHOULDER, layout.LEFT_ELBOW, layout.LEFT_WRIST], :2]
        for a, b in ((0, 1), (1, 2)):
            for share in np.linspace(0.05, 0.95, 30):
                x, y = np.round(joints[a] * (1 - share) + joints[b] * share).astype(int)
                pixel = frame[y, x]
                assert pixel[1] - pixel[0] < 60, f"background shows at {share:.2f} of the bone"


def test_a_turned_hand_keeps_its_shape(drawn, puppet):
    """The hand's field is a similarity, whatever else the fingers do."""
    points = drawn.pose.points[0].copy()
    hand = layout.LEFT_HAND
    rng = np.random.default_rng(3)
    points[hand, :2] = turned(points[hand, :2], points[layout.LEFT_WRIST, :2], 50)
    points[hand, :2] += rng.normal(0, 2.0, (21, 2))
    fields = PoseFields.between(puppet.parts.rig, driven_rig(puppet.parts.rig, points))
    back = fields.hand_back("left", points[hand, :2])
    best = fit_similarity(points[hand, :2], back, scale_limit=2.0)
    palm = np.linalg.norm(puppet.parts.rig.hands["left"][9] - puppet.parts.rig.hands["left"][0])
    assert np.linalg.norm(best(points[hand, :2]) - back, axis=-1).max() < 0.25 * palm
    angle = np.degrees(np.arctan2(best.matrix[1, 0], best.matrix[0, 0]))
    assert angle == pytest.approx(-50, abs=8)


def test_the_mouth_opens_dark_and_closes(drawn, puppet):
    points = drawn.pose.points[0].copy()
    face = points[layout.FACE]
    size = face[8, 1] - face[27, 1]
    face[65:68, 1] += 0.35 * size
    face[55:60, 1] += 0.33 * size
    points[layout.FACE] = face
    middle = np.round(face[[62, 66], :2].mean(0)).astype(int)
    opened = puppet.frame(points)[middle[1], middle[0]].astype(int)
    assert opened.sum() < 0.6 * drawn.photo[middle[1], middle[0]].astype(int).sum()


@pytest.mark.parametrize("size", [(320, 180), (181, 333), (64, 64)])
def test_any_size_and_shape(drawing, size):
    person = drawing(*size)
    puppet = Puppet(
        prepare_photo(person.photo, person.pose.points[0], person.matte, inpainting=SmoothFill())
    )
    frame = puppet.frame(raise_left_arm(person.pose.points[0], -20))
    assert frame.shape == person.photo.shape
    assert frame.dtype == np.uint8


def test_large_photos_keep_their_detail(drawing):
    """Layers are cut at a working size; a photo beyond it must not get blurred."""
    person = drawing(900, 960)
    puppet = Puppet(
        prepare_photo(person.photo, person.pose.points[0], person.matte, inpainting=SmoothFill())
    )
    points = person.pose.points[0].copy()
    points[:, 0] += 1.0
    points[layout.LEFT_HIP : layout.RIGHT_HIP + 1, 0] -= 1.0
    frame = puppet.frame(points)
    chest = np.s_[470:560, 420:480]
    head = np.round(points[layout.FACE, :2].mean(0)).astype(int)
    face = np.s_[head[1] - 40 : head[1], head[0] - 40 : head[0] + 40]
    for part in (chest, face):
        assert np.abs(frame[part].astype(int) - np.roll(person.photo, 1, 1)[part]).mean() < 4


def test_hands_that_are_not_seen_get_no_layer(drawing):
    person = drawing(hands=False)
    layers = prepare_photo(
        person.photo, person.pose.points[0], person.matte, inpainting=SmoothFill()
    )
    assert {layer.part for layer in layers.layers} == {"body", "upper", "forearm"}
    Puppet(layers).frame(raise_left_arm(person.pose.points[0], -20))


def test_only_head_and_shoulders(drawn):
    points = drawn.pose.points[0].copy()
    points[layout.LEFT_ELBOW : layout.RIGHT_HIP + 1, 2] = 0
    points[layout.LEFT_HAND.start :, 2] = 0
    puppet = Puppet(prepare_photo(drawn.photo, points, drawn.matte, inpainting=SmoothFill()))
    assert [layer.part for layer in puppet.parts.layers] == ["body"]
    np.testing.assert_array_equal(puppet.frame(points), drawn.photo)
    moved = points.copy()
    moved[layout.FACE, 0] += 4
    assert (puppet.frame(moved) != drawn.photo).any()


def test_points_lost_on_the_way_follow_their_parents(drawn, puppet):
    points = raise_left_arm(drawn.pose.points[0], -25)
    whole = puppet.frame(points).astype(int)
    lost = points.copy()
    lost[layout.LEFT_HAND, :2] = 0
    lost[layout.LEFT_HAND, 2] = 0
    assert np.abs(puppet.frame(lost).astype(int) - whole).mean() < 1.0


def test_frames_do_not_depend_on_each_other_or_on_threads(drawn):
    points = drawn.pose.points[0]
    swing = np.stack([raise_left_arm(points, -4.0 * step) for step in range(6)])
    poses = Poses(swing, drawn.pose.size)
    alone = list(PuppetRenderer(workers=1).prepare(drawn.photo, drawn.pose).render(poses))
    pooled = list(PuppetRenderer(workers=2).prepare(drawn.photo, drawn.pose).render(poses))
    backwards = list(
        PuppetRenderer().prepare(drawn.photo, drawn.pose).render(Poses(swing[::-1], poses.size))
    )
    assert len(alone) == len(pooled) == 6
    for one, two, three in zip(alone, pooled, backwards[::-1], strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)


def test_poses_of_another_size_are_refused(drawn):
    other = drawn.pose.scaled((100, 100))
    with pytest.raises(InputError, match="100x100"):
        next(PuppetRenderer().prepare(drawn.photo, drawn.pose).render(other))
    with pytest.raises(InputError, match="100x100"):
        PuppetRenderer().prepare(drawn.photo, other)


def test_a_photo_without_a_face_is_refused(drawn):
    points = drawn.pose.points.copy()
    points[:, layout.FACE, 2] = 0
    blind = Poses(points, drawn.pose.size)
    with pytest.raises(InputError, match="no face"):
        PuppetRenderer().prepare(drawn.photo, blind)
