"""What the learned renderer is given of a photo, and its crop."""

import cv2
import numpy as np
import pytest
import torch
from torch.nn.functional import grid_sample, interpolate

from gesticulate.errors import InputError
from gesticulate.keypoints import layout
from gesticulate.warping.dense import CANDIDATES
from gesticulate.warping.inpainting import SmoothFill
from gesticulate.warping.inputs import RendererInput
from gesticulate.warping.layer_cache import load_layers, save_layers
from gesticulate.warping.layers import prepare_photo
from gesticulate.warping.renderer import Puppet
from gesticulate.warping.scene import PhotoCrop, Scene, crop_for

SIZE = (240, 260)


@pytest.fixture(scope="module")
def puppet(drawn):
    return Puppet(
        prepare_photo(drawn.photo, drawn.pose.points[0], drawn.matte, inpainting=SmoothFill())
    )


@pytest.fixture(scope="module")
def scene(drawn, puppet):
    return Scene(puppet, PhotoCrop(10, 0, 200, 128))


@pytest.fixture(scope="module")
def moved(drawn):
    """The left arm raised, and the mouth open."""
    points = drawn.pose.points[0].copy()
    points[[layout.LEFT_ELBOW, layout.LEFT_WRIST, *range(91, 112)], 1] -= 18
    face = points[layout.FACE]
    face[55:60, 1] += 5
    face[65:68, 1] += 5
    return points


def test_a_crop_places_points_as_plain_numbers():
    crop = PhotoCrop(30, -20, 512, 256)
    # The networks' first pixel covers photo pixels 30 and 31, their last 540 and 541.
    np.testing.assert_allclose(crop.to_unit(np.array([30.5, -19.5])), [-1, -1], atol=1e-6)
    np.testing.assert_allclose(crop.to_unit(np.array([540.5, 490.5])), [1, 1], atol=1e-6)
    # Pixel 100 of 256 covers 230 and 231.
    np.testing.assert_allclose(crop.to_unit(np.array([230.5, 0]))[0], 2 * 100 / 255 - 1, atol=1e-6)
    there = np.random.default_rng(0).uniform(-100, 900, (50, 2))
    np.testing.assert_allclose(crop.to_photo(crop.to_unit(there)), there, atol=1e-3)
    skeletons = np.concatenate([there[:, None].repeat(133, 1), np.full((50, 133, 1), 0.7)], -1)
    placed = crop.points(skeletons)
    np.testing.assert_allclose(placed[:, 5, :2], crop.to_unit(there))
    np.testing.assert_allclose(placed[..., 2], 0.7)


def test_a_cut_shows_what_lies_where_its_points_say():
    """A picture of its own coordinates, cut, reads as `to_photo` of the pixels' places."""
    x, y = np.meshgrid(np.arange(250), np.arange(200))
    picture = np.dstack([x, y, 0 * x]).astype(np.uint8)
    for crop in (PhotoCrop(20, 10, 160, 80), PhotoCrop(90, 30, 64, 64), PhotoCrop(20, 10, 120, 48)):
        cut = crop.cut(picture)[..., :2].astype(float)
        unit = np.linspace(-1, 1, crop.size)
        there = crop.to_photo(np.dstack(np.meshgrid(unit, unit)))
        np.testing.assert_allclose(cut, there, atol=1.0)


def test_a_cut_beyond_the_picture_goes_on_as_its_edge():
    picture = np.random.default_rng(1).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    cut = PhotoCrop(-8, 0, 64, 64).cut(picture)
    np.testing.assert_array_equal(cut[:40, 8:48], picture)
    np.testing.assert_array_equal(cut[:40, :8], np.repeat(picture[:, :1], 8, 1))
    with pytest.raises(InputError, match="outside"):
        PhotoCrop(-80, 0, 64, 64).cut(picture)


def test_the_crop_holds_the_person_and_stays_in_the_photo(drawing):
    person = drawing(900, 600)
    points = person.pose.points[0]
    crop = crop_for(points, points[None], (900, 600), 128)
    seen = crop.points(points)[points[:, 2] > 0.3]
    hips = crop.points(points)[layout.LEFT_HIP : layout.RIGHT_HIP + 1]
    inside = np.abs(seen[:, :2]).max(-1) <= 1
    assert inside.sum() >= len(seen) - len(hips)
    assert crop.x >= 0
    assert crop.y >= 0
    assert crop.x + crop.side <= 900
    assert crop.y + crop.side <= 600
    # A clip that already is a person's crop is seen whole.
    small = drawing(256, 256).pose.points[0]
    assert crop_for(small, small[None], (256, 256)) == PhotoCrop(0, 0, 256)
    # A narrow photo lies in the middle of a square that is wider.
    tall = drawing(100, 400).pose.points[0].copy()
    tall[layout.LEFT_HAND, 1] += 220
    crop = crop_for(tall, tall[None], (100, 400), 64)
    assert crop.side > 100
    assert crop.x + crop.side / 2 == pytest.approx(50, abs=1)


def test_the_photos_pose_moves_nothing(drawn, scene):
    frame, inputs = scene.prior(drawn.pose.points[0])
    np.testing.assert_array_equal(frame, drawn.photo)
    assert (inputs.gate == 0).all()
    torch.testing.assert_close(inputs.puppet, inputs.photo, atol=0, rtol=0)
    torch.testing.assert_close(
        inputs.flows, inputs.flows[:, :1].expand_as(inputs.flows), atol=1e-4, rtol=0
    )
    torch.testing.assert_close(inputs.photo_points, inputs.driven_points)


def test_the_gate_holds_all_that_changes(drawn, scene, puppet, moved):
    frame, inputs = scene.prior(moved)
    np.testing.assert_array_equal(frame, puppet.frame(moved))
    changed = np.abs(scene.crop.cut(frame).astype(int) - scene.photo).max(-1) > 8
    gate = interpolate(inputs.gate, size=128, mode="bilinear", align_corners=True)[0, 0].numpy()
    assert changed.sum() > 300
    assert (gate[changed] > 0.3).all()
    # The person's right arm and the left third of the background stand still.
    assert (gate[:, :25] == 0).all()
    assert (gate == 0).mean() > 0.4


def test_parts_put_together_are_the_puppets_frame(scene, moved):
    frame, inputs = scene.prior(moved)
    assert inputs.flows.shape == (1, len(CANDIDATES), 32, 32, 2)
    torch.testing.assert_close(inputs.shown.sum(1), torch.ones(1, 32, 32), atol=1e-5, rtol=0)
    together = (inputs.colours * inputs.shown[:, :, None]).sum(1)
    small = torch.from_numpy(
        cv2.resize(scene.crop.cut(frame), (32, 32), interpolation=cv2.INTER_AREA)
    )
    difference = (together[0].permute(1, 2, 0) - small / 255).abs().max(-1).values
    assert difference.mean() < 0.04
    assert (difference < 0.25).float().mean() > 0.95


def test_flows_lead_to_where_the_parts_were(drawn, scene, moved):
    """The flow of the part that shows takes the photo's colours to where the puppet put them."""
    inputs = scene.prior(moved)[1]
    photo = inputs.photo.expand(len(CANDIDATES), -1, -1, -1)
    warped = grid_sample(photo, inputs.flows[0], align_corners=True, padding_mode="border")
    mixed = (warped * inputs.shown[0][:, None]).sum(0)
    small = interpolate(inputs.puppet, size=32, mode="bilinear", align_corners=True)[0]
    # Where the arm was, the puppet shows its fill and the photo still the arm: leave that out.
    assert ((mixed - small).abs().max(0).values < 0.16).float().mean() > 0.93
    hand = CANDIDATES.index("left_hand")
    middle = scene.crop.to_unit(moved[layout.LEFT_HAND, :2]).mean(0)
    before = scene.crop.to_unit(drawn.pose.points[0][layout.LEFT_HAND, :2]).mean(0)
    at = torch.tensor(middle)[None, None, None]
    flow = inputs.flows[:, hand].permute(0, 3, 1, 2)
    found = grid_sample(flow, at, align_corners=True)[0, :, 0, 0]
    np.testing.assert_allclose(found.numpy(), before, atol=0.02)


def test_kept_layers_give_the_same_frames(puppet, scene, moved, tmp_path):
    save_layers(tmp_path / "photo.npz", puppet.parts)
    again = Puppet(load_layers(tmp_path / "photo.npz"))
    np.testing.assert_array_equal(again.frame(moved), puppet.frame(moved))
    one, two = scene.prior(moved)[1], Scene(again, scene.crop).prior(moved)[1]
    for name in ("puppet", "flows", "shown", "colours", "gate", "photo_points"):
        torch.testing.assert_close(getattr(one, name), getattr(two, name), atol=0, rtol=0)
    assert [p.name for p in tmp_path.iterdir()] == ["photo.npz"]
    (tmp_path / "broken.npz").write_bytes(b"no")
    with pytest.raises(InputError, match=r"broken\.npz"):
        load_layers(tmp_path / "broken.npz")


def test_inputs_stack_to_a_batch(scene, drawn, moved):
    one, two = scene.prior(moved)[1], scene.prior(drawn.pose.points[0])[1]
    both = RendererInput.stack([one, two]).to("cpu")
    assert len(both) == 2
    assert both.size == 128
    torch.testing.assert_close(both.gate[1:], two.gate)
    torch.testing.assert_close(both.flows[:1], one.flows)
