"""Talking faces cut out of videos."""

import json

import cv2
import numpy as np
import pytest
from drawn_person import draw_person

from gesticulate.datasets.faces import (
    FacesOptions,
    cut_faces,
    from_the_front,
    longest_run,
    squares,
)
from gesticulate.errors import InputError
from gesticulate.keypoints import layout
from gesticulate.video.write import write_video


@pytest.fixture(scope="module")
def face():
    return draw_person(300, 320).pose.points[0, layout.FACE, :2]


def test_a_run_ends_at_a_cut_and_where_nobody_is_seen(face):
    points = [face] * 4 + [None] + [face + 2 * i for i in range(6)] + [face + 90] * 5
    assert longest_run(points) == (5, 11)
    assert longest_run([None, None]) == (0, 0)


def test_a_square_holds_a_face_half_as_high(face):
    rng = np.random.default_rng(0)
    frame = cv2.GaussianBlur(rng.integers(0, 255, (320, 300, 3), np.uint8), (0, 0), 3)
    height = float(np.ptp(face[:, 1]))
    pictures, placed = squares([frame], face[None], height, 256)
    assert pictures.shape == (1, 256, 256, 3)
    assert np.ptp(placed[0, :, 1]) == pytest.approx(130, abs=0.5)
    for i in (8, 30, 62):
        x, y = np.round(face[i]).astype(int)
        u, v = np.round(placed[0, i] + (np.array([x, y]) - face[i]) * 130 / height).astype(int)
        assert np.abs(pictures[0, v, u].astype(int) - frame[y, x]).max() < 25


def test_a_turned_face_is_not_from_the_front(face):
    turned = face.copy()
    turned[30, 0] += 0.4 * np.linalg.norm(face[45] - face[36])
    assert from_the_front(np.stack([face, turned])).tolist() == [True, False]


def test_a_video_without_a_face_is_told_of(tmp_path, capsys):
    video = tmp_path / "wall.mp4"
    frames = [np.full((64, 64, 3), 90, np.uint8)] * 40
    write_video(video, iter(frames), fps=25, size=(64, 64), sound=None, num_frames=40)
    with pytest.raises(InputError, match="No talking face was found"):
        cut_faces(FacesOptions((video,), tmp_path / "faces"))
    assert "no face for long enough" in capsys.readouterr().out


def test_real_talkers_are_cut_out_once(data_dir, tmp_path):
    video = data_dir / "raw" / "cognitive-services-speech-sdk-3.mp4"
    options = FacesOptions((video,), tmp_path, seconds_per_video=1.6, val_share=0)
    assert cut_faces(options) == 1
    folder = next(tmp_path.glob("*/split")).parent
    frames, arrays = np.load(folder / "frames.npy"), np.load(folder / "landmarks.npz")
    assert frames.shape[1:] == (256, 256, 3)
    assert arrays["points"].shape == (len(frames), 68, 2)
    assert arrays["confidence"].mean() > 0.9
    assert (folder / "speech.wav").exists()
    assert json.loads((folder / "source.json").read_text())["video"] == video.name
    made = (folder / "frames.npy").stat().st_mtime_ns
    assert cut_faces(options) == 1
    assert (folder / "frames.npy").stat().st_mtime_ns == made
