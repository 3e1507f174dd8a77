"""`gesticulate check`, and the main job's own look at the photo."""

import json
import logging

import numpy as np
import pytest
from PIL import Image

from gesticulate import cli
from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses
from gesticulate.pipelines.check import PartCheck, check, drawn, judged, within_freedom
from gesticulate.pipelines.portrait import prepare
from gesticulate.warping.renderer import PuppetRenderer


@pytest.fixture(scope="module")
def portrait(pipeline, photo):
    return prepare(photo, pipeline.estimator, 256, 25.0)


def test_every_part_is_told_once(portrait):
    parts = check(portrait)
    assert [part.part for part in parts] == ["head", "mouth", "left arm", "right arm"]
    for part in parts:
        assert part.share == 1 or part.reason, "what does not move has a reason"


def test_lines_are_plain():
    assert str(PartCheck("mouth", 1.0, "")) == "mouth      moves"
    line = str(PartCheck("left arm", 0.0, "the hands hold each other"))
    assert line == "left arm   rests: the hands hold each other"
    assert "moves less" in str(PartCheck("left arm", 0.4, "holes would open beside it"))


def test_the_picture_is_red_where_an_arm_rests(portrait):
    points = portrait.pose.points.copy()
    points[0, [layout.LEFT_SHOULDER, layout.LEFT_ELBOW, layout.LEFT_WRIST]] = [
        (40, 100, 1), (40, 150, 1), (40, 200, 1),
    ]  # fmt: skip
    own = type(portrait)(portrait.picture, Poses(points, portrait.pose.size))
    rests = drawn(own, [PartCheck("left arm", 0.0, "so")]).astype(int)
    moves = drawn(own, [PartCheck("left arm", 1.0, "")]).astype(int)
    assert rests[150, 40, 0] - moves[150, 40, 0] > 50
    assert moves[150, 40, 1] - rests[150, 40, 1] > 30
    np.testing.assert_array_equal(rests[:, 200:], portrait.picture[:, 200:])


def test_only_renderers_that_cut_the_photo_up_are_held_back(portrait):
    class Painter:
        name = "painter"

    assert judged(portrait, Painter()) is portrait
    assert len(judged(portrait, PuppetRenderer()).freedoms) == 2


def test_a_resting_arm_is_told_and_not_moved(portrait, caplog):
    """Its hands hold each other, says the pose."""
    points = portrait.pose.points.copy()
    hands = [layout.LEFT_HAND, layout.RIGHT_HAND]
    arms = [5, 7, 9, 6, 8, 10]
    points[0, arms] = [
        (170, 150, 1), (180, 190, 1), (130, 200, 1), (86, 150, 1), (76, 190, 1), (126, 200, 1),
    ]  # fmt: skip
    for hand in hands:
        points[0, hand, :2] = (128, 200) + np.linspace(-8, 8, 21)[:, None]
        points[0, hand, 2] = 1.0
    folded = type(portrait)(portrait.picture, Poses(points, portrait.pose.size))
    with caplog.at_level(logging.WARNING):
        still = judged(folded, PuppetRenderer())
    assert "left arm rests: " in caplog.text
    assert (still.pose.confidence[0, [layout.LEFT_WRIST, layout.RIGHT_WRIST]] == 0).all()
    assert still.pose.confidence[0, layout.LEFT_SHOULDER] == 1
    moved = Poses(points + np.float32([3, 4, 0]), portrait.pose.size)
    calm = within_freedom(moved, still)
    np.testing.assert_allclose(calm.xy[0, layout.FACE], moved.xy[0, layout.FACE])


def test_the_command_draws_and_tells(photo, tmp_path, capsys):
    Image.fromarray(photo).save(tmp_path / "photo.png")
    out = tmp_path / "seen.png"
    arguments = ["check", str(tmp_path / "photo.png"), "-o", str(out), "--preset", "offline"]
    assert cli.main([*arguments, "--size", "192", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [part["part"] for part in told["parts"]][:2] == ["head", "mouth"]
    assert max(Image.open(out).size) == 192


def test_a_picture_never_replaces_its_photo(photo, tmp_path, capsys):
    path = tmp_path / "photo.png"
    Image.fromarray(photo).save(path)
    before = path.read_bytes()
    assert cli.main(["check", str(path), "-o", str(path)]) != 0
    assert path.read_bytes() == before
    assert "photo.png" in capsys.readouterr().err


def test_the_pictures_name_must_be_a_pictures(photo, tmp_path, capsys):
    Image.fromarray(photo).save(tmp_path / "photo.png")
    assert cli.main(["check", str(tmp_path / "photo.png"), "-o", str(tmp_path / "seen.docx")]) == 2
    assert "seen.docx" in capsys.readouterr().err
