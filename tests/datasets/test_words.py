"""Words of a data set's clips."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gesticulate.datasets.process import ARRAYS
from gesticulate.datasets.publish import COLUMNS
from gesticulate.datasets.words import read_words, write_words
from gesticulate.errors import InputError
from gesticulate.speech.track import SAMPLE_RATE, Speech, Word
from gesticulate.training.data import load_words


class Listener:
    """Says how loud a recording is, and is stopped after some recordings."""

    def __init__(self, patience: int = 99) -> None:
        self.patience, self.heard = patience, 0

    def __call__(self, speech: Speech) -> tuple[Word, ...]:
        if self.heard == self.patience:
            raise KeyboardInterrupt
        self.heard += 1
        loudness = round(5 * float(np.sqrt(2 * np.mean(speech.waveform**2))))
        return (Word(str(loudness), 0.1234567, speech.duration),)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """One recording whose loudness rises every second, as two clips of 1 s, and a clip without
    sound."""
    loudness = np.repeat(np.arange(4) / 5, SAMPLE_RATE)
    tone = loudness * np.sin(2 * np.pi * 200 * np.arange(len(loudness)) / SAMPLE_RATE)
    soundfile.write(tmp_path / "talk.wav", tone, SAMPLE_RATE)
    folder = tmp_path / "set"
    (folder / "v001").mkdir(parents=True)
    rows = [
        dict.fromkeys(COLUMNS, "0")
        | {"id": f"clip{i}", "path": str(tmp_path / "talk.wav"), "start": i, "num_frames": 25}
        | {"split": "train", "kind": "speech", "person": "p", "sound": int(i < 3)}
        for i in (1, 2, 3)
    ]
    for name in ARRAYS:
        np.save(folder / "v001" / f"{name}.npy", np.zeros((75, 1), np.float32))
    with open(folder / "v001" / "clips.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    state = {"format": 1, "version": 1, "folder": "v001", "clips": 3, "persons": [], "options": {}}
    (folder / "dataset.json").write_text(json.dumps(state), encoding="utf-8")
    return folder


def test_every_clip_is_heard_in_its_own_span(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "words.json"
    told = []
    found = write_words(dataset, out, Listener(), lambda *steps: told.append(steps))
    assert found == {"clip1": [("1", 0.123, 1.0)], "clip2": [("2", 0.123, 1.0)]}
    assert read_words(out) == found
    assert load_words(out)["clip2"] == (Word("2", 0.123, 1.0),)
    assert told[-1] == ("recognise", 2, 2)


def test_what_was_recognised_stays(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "words.json"
    out.write_text('{"clip1": [["before", 0, 0.5]]}')
    listener = Listener()
    assert write_words(dataset, out, listener)["clip1"] == [("before", 0.0, 0.5)]
    assert listener.heard == 1
    with pytest.raises(InputError, match="holds no dataset"):
        write_words(tmp_path, tmp_path / "other.json", listener)


def test_a_stopped_run_leaves_no_half_file(dataset: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("gesticulate.datasets.words.EVERY", 1)
    out = tmp_path / "words.json"
    with pytest.raises(KeyboardInterrupt):
        write_words(dataset, out, Listener(patience=1))
    assert set(read_words(out)) == {"clip1"}
    assert set(write_words(dataset, out, Listener())) == {"clip1", "clip2"}


def test_another_file_is_not_taken_for_words(tmp_path: Path) -> None:
    for content in ('["so"]', '{"clip": [["so", "late"]]}', "so"):
        (tmp_path / "words.json").write_text(content)
        with pytest.raises(InputError, match=r"words\.json could not be read as words"):
            read_words(tmp_path / "words.json")
