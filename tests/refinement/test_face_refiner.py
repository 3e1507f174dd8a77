"""The face's refiner: its squares, its networks, and what they draw into the puppet's frames."""

import numpy as np
import pytest
import torch
from drawn_person import draw_person

from gesticulate.errors import WeightsError
from gesticulate.keypoints import layout
from gesticulate.refinement.face.drawing import FaceDrawing, face_painter
from gesticulate.refinement.face.network import (
    FaceRefiner,
    FaceRefinerOptions,
    RegionOptions,
    load_face_refiner,
    save_face_refiner,
)
from gesticulate.refinement.face.region import (
    REGIONS,
    FaceRegion,
    inside,
    moved_places,
    openness,
    prior_picture,
)
from gesticulate.warping.face import FaceMotion
from gesticulate.warping.rig import Similarity

TINY = FaceRefinerOptions(
    RegionOptions(32, (8, 8, 16), (8, 8, 16), 8, 1), RegionOptions(16, (8, 8, 8), (8, 8, 8), 8, 1)
)


@pytest.fixture(scope="module")
def person():
    drawn = draw_person(300, 320)
    return drawn.photo, drawn.pose.points[0, layout.FACE, :2]


@pytest.fixture(scope="module")
def refiner():
    """With weights as if trained."""
    torch.manual_seed(0)
    networks = FaceRefiner(TINY).eval()
    with torch.no_grad():
        for network in (networks.mouth, networks.eye):
            network.leave.weight.normal_(0, 0.05)
    return networks


def opened(face: np.ndarray, by: float) -> np.ndarray:
    """The lower lip and the chin, ``by`` face lengths further down."""
    face = face.copy()
    length = np.linalg.norm(face[8] - face[27])
    face[[6, 7, 8, 9, 10, 55, 56, 57, 58, 59, 65, 66, 67], 1] += by * length
    return face


@pytest.mark.parametrize("name", REGIONS)
def test_a_square_is_found_in_the_photo_and_back(person, name):
    region = FaceRegion.of(name, person[1], 32)
    pixels = np.random.default_rng(0).uniform(0, 31, (40, 2)).astype(np.float32)
    np.testing.assert_allclose(region.to_pixels(region.to_photo(pixels)), pixels, atol=1e-3)
    np.testing.assert_allclose(region.places[3, 5], region.to_photo(np.array([5.0, 3.0])))
    lips = person[1][48:68] if name == "mouth" else person[1][{"r": 36, "l": 42}[name[0]] :][:6]
    assert (np.abs(region.to_unit(lips)) < 0.9).all()


def test_a_square_is_upright_to_a_head_that_leans():
    face = draw_person(300, 320).pose.points[0, layout.FACE, :2]
    turn = np.deg2rad(25)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    leaning = (face - face.mean(0)) @ rotation.T + face.mean(0)
    straight, turned = (FaceRegion.of("mouth", f, 32) for f in (face, leaning))
    np.testing.assert_allclose(
        straight.to_pixels(face[48:68]), turned.to_pixels(leaning[48:68]), atol=0.05
    )


def test_a_large_square_is_averaged_not_sampled():
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 255, (600, 600, 3), np.uint8)
    face = draw_person(600, 640).pose.points[0, layout.FACE, :2]
    region = FaceRegion.of("mouth", face, 16)
    assert region.scale > 3
    # Of noise, a mean over scale x scale pixels has a deviation that many times smaller.
    assert region.cut(photo).std() < 2 * photo.std() / region.scale


def test_a_face_at_rest_moves_nothing(person):
    motion = FaceMotion(person[1], teeth_stay=False)
    region = FaceRegion.of("mouth", person[1], 32)
    places = moved_places(region, motion, motion.face)
    assert np.abs(places - region.places).max() < 0.01


def test_the_lower_lip_takes_its_pixels_along(person):
    motion = FaceMotion(person[1], teeth_stay=False)
    region = FaceRegion.of("mouth", person[1], 64)
    own = opened(person[1], 0.08)
    places = moved_places(region, motion, motion.targets(own, Similarity.identity()))
    x, y = np.round(region.to_pixels(own[57])).astype(int)
    came_from = region.to_pixels(places[y, x])
    assert came_from[1] < y - 2
    assert abs(came_from[1] - region.to_pixels(person[1][57])[1]) < 2


def test_openness_is_read_off_the_points(person):
    region = FaceRegion.of("mouth", person[1], 32)
    shut, wide = (openness(region, face) for face in (person[1], opened(person[1], 0.1)))
    length = np.linalg.norm(person[1][8] - person[1][27])
    assert wide[0] - shut[0] == pytest.approx(0.1 * length / region.side, rel=0.01)
    assert wide[1] == shut[1]


def test_between_the_lips_is_what_opens(person):
    region = FaceRegion.of("mouth", person[1], 64)
    shut, wide = (inside(region, face) for face in (person[1], opened(person[1], 0.1)))
    assert wide.sum() > 3 * shut.sum()
    x, y = np.round(region.to_pixels(opened(person[1], 0.1)[[62, 66]].mean(0))).astype(int)
    assert wide[y, x] == 1
    assert wide[2, 2] == 0


def test_untrained_an_opened_mouth_is_dark(person):
    motion = FaceMotion(person[1], teeth_stay=False)
    drawing = FaceDrawing(person[0], motion, FaceRefiner(TINY).eval())
    own = motion.targets(opened(person[1], 0.15), Similarity.identity())
    frame = person[0].copy()
    drawing(frame, own, Similarity.identity())
    x, y = own[[62, 66]].mean(0).round().astype(int)
    np.testing.assert_allclose(frame[y, x], drawing.regions[0].cavity, atol=3)


def test_teeth_that_the_photo_shows_stay_on_the_skull(person):
    """Where the mouth is open in the photo and in the frame, the photo's pixels show."""
    rest = opened(person[1], 0.1)
    photo = person[0].copy()
    x, y = rest[[62, 66]].mean(0).round().astype(int)
    photo[y - 2 : y + 3, x - 3 : x + 4] = 250
    region = FaceRegion.of("mouth", rest, 64)
    motion = FaceMotion(rest, teeth_stay=False)
    for by, there in ((0.06, True), (-0.09, False)):
        own = opened(rest, by)
        picture = prior_picture(
            region, photo, moved_places(region, motion, own), own, rest, np.zeros(3)
        )
        at = np.round(region.to_pixels(np.array([x, y]))).astype(int)
        assert (picture[at[1], at[0]] > 240).all() == there


def test_only_what_moves_is_drawn(person, refiner):
    motion = FaceMotion(person[1], teeth_stay=False)
    drawing = face_painter(refiner)(person[0], motion)
    rest, moved = person[0].copy(), person[0].copy()
    drawing(rest, motion.raw, Similarity.identity())
    np.testing.assert_array_equal(rest, person[0])
    drawing(moved, opened(person[1], 0.1), Similarity.identity())
    changed = (moved != person[0]).any(-1)
    region = FaceRegion.of("mouth", person[1], 32)
    y, x = np.nonzero(changed)
    assert changed.any()
    assert (np.abs(region.to_unit(np.stack([x, y], 1).astype(np.float32))) < 1.05).all()


def test_it_says_what_it_finished(person, refiner):
    motion = FaceMotion(person[1], teeth_stay=False)
    drawing = FaceDrawing(person[0], motion, refiner)
    places = np.stack([person[1][[62, 66]].mean(0), [2.0, 2.0]]).astype(np.float32)[None]
    np.testing.assert_array_equal(drawing.finished(places, motion.raw), [[0, 0]])
    np.testing.assert_allclose(drawing.finished(places, opened(person[1], 0.1)), [[1, 0]])


def test_both_eyes_are_drawn_by_one_network(person, refiner):
    """In a mirror the left eye is the right one."""
    photo, face = person
    flipped = np.ascontiguousarray(photo[:, ::-1])
    mirror = layout.MIRROR[layout.FACE] - layout.FACE.start

    def mirrored(points: np.ndarray) -> np.ndarray:
        return (points[mirror] * [-1, 1] + [photo.shape[1] - 1, 0]).astype(np.float32)

    def closed(points: np.ndarray) -> np.ndarray:
        points = points.copy()
        points[[37, 38]] = points[[41, 40]] - [0, 1]
        return points

    plain = FaceDrawing(photo, FaceMotion(face), refiner)
    other = FaceDrawing(flipped, FaceMotion(mirrored(face)), refiner)
    there = plain.changes(closed(face), plain.regions)[1]
    back = other.changes(mirrored(closed(face)), other.regions)[2]
    assert np.abs(there).max() > 1
    np.testing.assert_allclose(there, back[:, ::-1], atol=1.0)


def test_the_same_photo_twice_is_as_once(person, refiner):
    motion = FaceMotion(person[1], teeth_stay=False)
    own = opened(person[1], 0.1)

    def mouth(*references):
        drawing = FaceDrawing(person[0], motion, refiner, references)
        return drawing.changes(own, drawing.regions[:1])[0]

    once = mouth()
    np.testing.assert_allclose(once, mouth(person), atol=0.05)
    both = mouth((np.ascontiguousarray(255 - person[0]), person[1]))
    assert np.abs(both - once).max() > 0.1


def test_weights_are_kept(tmp_path, refiner):
    path = tmp_path / "face.safetensors"
    save_face_refiner(path, refiner)
    loaded = load_face_refiner(path)
    assert loaded.options == TINY
    for name, value in refiner.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, atol=1e-3, rtol=1e-3)
    with pytest.raises(WeightsError, match="No weights"):
        load_face_refiner(tmp_path / "none.safetensors")
