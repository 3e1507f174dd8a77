"""A data set as `gesticulate dataset build` writes it."""

import csv
import json

import numpy as np
import pytest

from gesticulate.datasets.publish import COLUMNS
from gesticulate.keypoints.person import REST
from gesticulate.speech.features import MelEncoder


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """Six clips of random waves, one of them silent, one for validation."""
    folder = tmp_path_factory.mktemp("dataset")
    rng = np.random.default_rng(0)
    rows, motions = [], []
    for number in range(6):
        frames = 30 + 10 * number
        row = dict.fromkeys(COLUMNS, "0") | {
            "id": f"clip{number}",
            "path": "x.mp4",
            "num_frames": frames,
            "offset": sum(len(m) for m in motions),
            "split": "val" if number == 5 else "train",
            "kind": "silent" if number == 4 else "speech",
            "person": f"folder/p{number}",
            "sound": int(number != 4),
            "body": 1,
        }
        time = np.arange(frames)[:, None, None] / 25
        waves = 0.05 * np.sin(time * rng.uniform(2, 9, (1, 116, 2)))
        motions.append((REST + waves).astype(np.float32))
        rows.append(row)
    total = sum(len(m) for m in motions)
    version = folder / "v001"
    version.mkdir()
    confidence = np.ones((total, 116), np.float32)
    confidence[5:9, 80] = 0
    arrays = {
        "poses": np.zeros((total, 133, 3)),
        "motion": np.concatenate(motions),
        "confidence": confidence,
        "speech": rng.normal(size=(total, MelEncoder.channels)),
        "voice": np.ones(total),
        "energy": np.zeros(total),
    }
    for name, array in arrays.items():
        np.save(version / f"{name}.npy", array.astype(np.float32))
    with open(version / "clips.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    state = {"format": 1, "version": 1, "folder": "v001", "clips": 6, "persons": [], "options": {}}
    state["speech_encoder"] = MelEncoder.name
    (folder / "dataset.json").write_text(json.dumps(state), encoding="utf-8")
    return folder
