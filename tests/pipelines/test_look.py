"""What a page shows before the work: the photo with its skeleton, a video at a glance."""

import numpy as np
import pytest
from PIL import Image

from gesticulate.errors import InputError
from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses
from gesticulate.pipelines.edit.overview import activity, moves, overview, peaks
from gesticulate.pipelines.look import PersonAt, look
from gesticulate.pipelines.materials import sound_seconds, write_demo
from gesticulate.pipelines.sheet import write_sheet
from gesticulate.video.read import VideoReader


def test_a_photo_is_shown_with_what_of_it_can_move(pipeline, photo):
    seen = look(photo, pipeline.estimator, 128)
    assert seen.picture.shape == (128, 128, 3)
    assert (seen.picture != seen.portrait.picture).any()
    assert [part.part for part in seen.parts] == ["head", "mouth", "left arm", "right arm"]
    assert seen.parts[0].share == 1


def test_the_person_who_was_clicked_is_moved(pipeline, photo):
    beside = np.concatenate([photo, photo[:, ::-1]], axis=1)
    persons = pipeline.estimator.detect(beside)
    assert len(persons) == 2
    for share in (0.2, 0.8):
        (found,) = PersonAt(pipeline.estimator, (share, 0.4)).detect(beside)
        nose = found[layout.NOSE, 0] / beside.shape[1]
        assert abs(nose - share) < 0.3
        assert look(beside, PersonAt(pipeline.estimator, (share, 0.4)), 256).notes == ()
    assert "2 persons" in look(beside, pipeline.estimator, 256).notes[0]


def test_a_video_at_a_glance(talk, tmp_path):
    played, strip = tmp_path / "played.mp4", tmp_path / "strip.jpg"
    seen = overview(talk, played, strip)
    assert seen.size == (128, 128)
    assert seen.seconds == pytest.approx(1.8)
    assert max(seen.waveform) == 1.0
    assert len(list(VideoReader(played))) == 45
    assert Image.open(strip).size == (16 * 72, 72)
    assert sorted(tmp_path.iterdir()) == [played, strip]


def test_what_moves_is_told_by_parts(pipeline, talk):
    found = activity(talk, pipeline.estimator)
    assert set(found) == {"hands", "arms", "head", "face"}
    assert {len(values) for values in found.values()} == {11}
    assert max(found["head"]) > 0


def test_only_what_moves_counts():
    points = np.zeros((20, layout.NUM_POINTS, 3), np.float32)
    points[..., 2] = 1
    points[10:, layout.LEFT_HAND, 0] = 30  # once, relative to a wrist that stays
    points[15, layout.NOSE, 2] = 0
    found = moves(Poses(points, (100, 100), 6.0))
    assert np.flatnonzero(found["hands"]).tolist() == [10]
    assert not any(found["arms"])
    assert not any(found["head"])


def test_peaks_are_of_equal_pieces():
    assert peaks(np.array([0, 0.5, -1, 0.25], np.float32), 2) == (0.5, 1.0)
    assert peaks(np.zeros(0, np.float32)) == ()


def test_sound_is_measured_by_listening(talk, tmp_path):
    photo, speech = write_demo(tmp_path)
    assert sound_seconds(speech, 60) == pytest.approx(9.6, abs=0.1)
    assert sound_seconds(speech, 2) == pytest.approx(3.0, abs=0.01)
    assert sound_seconds(photo, 60) == 0


def test_a_sheet_of_moments(talk, tmp_path):
    write_sheet(talk, tmp_path / "sheet.png", moments=3, columns=3)
    assert Image.open(tmp_path / "sheet.png").size[0] > 3 * 300
    with pytest.raises(InputError):
        write_sheet(tmp_path / "gone.mp4", tmp_path / "other.png")
    assert not (tmp_path / "other.png").exists()
