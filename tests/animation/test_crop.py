"""What of the photo diffusion sees, and what of the frame it draws."""

import cv2
import numpy as np
import pytest
import torch
from drawn_person import draw_person

from gesticulate.animation.crop import crop_for
from gesticulate.animation.region import PersonRegion
from gesticulate.animation.renderer import DrawnPoses
from gesticulate.keypoints import layout
from gesticulate.keypoints.drawing import draw


def test_poses_are_drawn_where_the_person_is_in_the_crop(drawn):
    """Drawn in the crop, the skeleton lies on the person as it does in the photo."""
    crop = crop_for(drawn.pose.points[0], drawn.pose.points, drawn.matte, 128, 64)
    points = crop.points(drawn.pose.points)
    cpu = torch.device("cpu")
    poses = DrawnPoses(points, crop.size, cpu, torch.float32, keep=cpu, workers=2)
    picture = (255 * poses((0, 1))[0].permute(1, 2, 0)).round().to(torch.uint8).numpy()
    assert np.array_equal(picture, draw(points[0], crop.size, full_dots=True))
    matte = crop.cut(drawn.matte)
    lit = picture.any(axis=2)
    assert (matte[lit] > 0.5).mean() > 0.9


@pytest.mark.parametrize("size", [(240, 260), (500, 200), (200, 500), (64, 64)])
def test_crops_hold_the_person_in_whole_multiples(size, raised):
    person = draw_person(*size)
    points = person.pose.points[0]
    crop = crop_for(points, raised(person.pose, 4).points, person.matte, 512, 64)
    assert crop.size[0] % 64 == crop.size[1] % 64 == 0
    assert 0.6 < crop.size[0] * crop.size[1] / 512**2 < 1.6
    assert abs(crop.width / crop.size[0] - crop.height / crop.size[1]) * max(crop.size) < 2
    inside = crop.points(points)[points[:, 2] > 0]
    assert (inside[:, :2] >= -1).all()
    assert (inside[:, :2] <= crop.size).all()
    # What is cut out and put back, opaque, is where it was.
    frame = np.zeros_like(person.photo)
    whole = np.full((crop.size[1], crop.size[0]), 255, np.uint8)
    crop.paste(frame, crop.cut(person.photo), whole)
    there = frame.any(axis=2)
    error = cv2.absdiff(frame, person.photo)[there].mean()
    assert error < 4


def test_a_crop_stays_within_the_photo_and_fades_where_it_ends_inside():
    person = draw_person(512, 512)
    points = person.pose.points
    crop = crop_for(points[0], points, person.matte, 512, 64)
    assert crop.x >= 0
    assert crop.y >= 0
    assert crop.x + crop.width <= 512
    assert crop.y + crop.height <= 512
    columns = np.flatnonzero((person.matte > 0.5).any(axis=0))
    assert crop.x <= columns[0]
    assert crop.x + crop.width >= columns[-1]
    fade = crop.fade((512, 512))
    assert fade.shape == (crop.size[1], crop.size[0])
    middle = fade[len(fade) // 2]
    assert middle[len(middle) // 2] == 255
    assert (middle[0] == 0) == (crop.x > 0)
    assert (middle[-1] == 0) == (crop.x + crop.width < 512)


def test_the_mask_follows_hands_and_fades(drawn, raised):
    points = raised(drawn.pose, 5, 40).points
    region = PersonRegion(drawn.matte, drawn.pose.points[0], points)
    mask = region.mask(points[-1])
    hand = np.round(points[-1, layout.LEFT_HAND, :2].mean(0)).astype(int)
    assert mask[hand[1], hand[0]] == 255
    assert (mask[drawn.matte > 0.5] == 255).mean() > 0.97
    assert mask[0, 0] == 0
    steps = np.abs(np.diff(mask.astype(int), axis=1)).max()
    assert 0 < steps < 100


def test_somebody_else_in_the_photo_stays(drawn, raised):
    matte = drawn.matte.copy()
    matte[5:60, 5:30] = 1
    points = raised(drawn.pose, 5).points
    mask = PersonRegion(matte, drawn.pose.points[0], points).mask(points[-1])
    assert not mask[5:60, 5:30].any()
    assert (mask[drawn.matte > 0.5] == 255).mean() > 0.97
