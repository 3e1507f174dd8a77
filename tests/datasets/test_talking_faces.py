"""A folder of talking faces, read."""

import json
from pathlib import Path

import numpy as np
import pytest

from gesticulate.datasets.talking_faces import load_talking_faces
from gesticulate.errors import InputError


def put(folder: Path, name: str, split: str) -> Path:
    clip = folder / name
    clip.mkdir(parents=True)
    points = np.full((5, 68, 2), 3, np.float32)
    np.savez(clip / "landmarks.npz", points=points, confidence=np.ones(5))
    (clip / "speech.wav").write_bytes(b"")
    (clip / "source.json").write_text(json.dumps({"kind": "speech"}))
    (clip / "split").write_text(split)
    return clip


def test_clips_of_a_split_that_have_sound(tmp_path):
    put(tmp_path, "a", "train")
    (put(tmp_path, "b", "val") / "source.json").unlink()
    (put(tmp_path, "mute", "train") / "speech.wav").unlink()
    (put(tmp_path, "half", "train") / "split").unlink()
    (clip,) = load_talking_faces(tmp_path, "train")
    assert (clip.name, clip.kind) == ("a", "speech")
    assert clip.points.shape == (5, 68, 2)
    assert clip.speech == tmp_path / "a" / "speech.wav"
    assert [(c.name, c.kind) for c in load_talking_faces(tmp_path, "val")] == [("b", "")]


def test_a_folder_that_holds_none(tmp_path):
    with pytest.raises(InputError, match=r"holds no faces.*gesticulate dataset faces"):
        list(load_talking_faces(tmp_path, "train"))


@pytest.mark.parametrize("damage", ["absent", "cut", "other"])
def test_damaged_landmarks_are_named(tmp_path, damage):
    path = put(tmp_path, "a", "train") / "landmarks.npz"
    if damage == "absent":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:200])
    else:
        np.savez(path, points=np.zeros((5, 60, 2)), confidence=np.ones(5))
    with pytest.raises(InputError, match="landmarks"):
        list(load_talking_faces(tmp_path, "train"))
