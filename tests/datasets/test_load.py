"""Reading data sets: windows, selection, mirroring."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from gesticulate.datasets.load import (
    MOTION_MIRROR,
    Clips,
    MotionDataset,
    mirrored,
    window_starts,
)
from gesticulate.datasets.publish import COLUMNS
from gesticulate.errors import InputError
from gesticulate.keypoints import canonical, layout
from gesticulate.keypoints.person import to_motion
from gesticulate.keypoints.poses import Poses

CHANNELS = 5
# Frames, split, kind, sound, body of each clip.
CLIPS = (
    (100, "train", "speech", 1, 1),
    (200, "val", "speech", 1, 1),
    (50, "train", "face", 1, 0),
    (90, "train", "sign", 0, 1),
)


@pytest.fixture
def clips(tmp_path: Path) -> Clips:
    """A data set as docs/datasets.md describes it, written by hand: frame n holds the number n."""
    version = tmp_path / "v001"
    version.mkdir()
    total = sum(clip[0] for clip in CLIPS)
    shapes = {"poses": (133, 3), "motion": (116, 2), "confidence": (116,), "speech": (CHANNELS,)}
    for name in ("poses", "motion", "confidence", "speech", "voice", "energy"):
        tail = shapes.get(name, ())
        array = np.arange(total, dtype=np.float32).reshape(-1, *(1 for _ in tail))
        np.save(version / f"{name}.npy", np.broadcast_to(array, (total, *tail)))
    lines, offset = [",".join(COLUMNS)], 0
    for number, (frames, split, kind, sound, body) in enumerate(CLIPS):
        cells = {
            "id": f"clip{number}", "path": f"/videos/{number}.mp4", "start": 1.5,
            "num_frames": frames, "offset": offset, "split": split, "kind": kind, "person": "p",
            "speaker": number, "sound": sound, "body": body, "crop_x": 1, "crop_y": 2,
            "crop_side": 256,
        }  # fmt: skip
        lines.append(",".join(str(cells.get(column, "")) for column in COLUMNS))
        offset += frames
    (version / "clips.csv").write_text("\n".join(lines) + "\n")
    state = {
        "format": 1, "folder": "v001", "clips": len(CLIPS), "persons": ["p"],
        "options": {"crop_size": 256},
    }  # fmt: skip
    (tmp_path / "dataset.json").write_text(json.dumps(state))
    return Clips(tmp_path)


def test_clips_are_selected_by_what_they_have(clips: Clips) -> None:
    assert [row.id for row in clips.select("train")] == ["clip0", "clip2", "clip3"]
    assert [row.id for row in clips.select(needs_sound=True)] == ["clip0", "clip1", "clip2"]
    assert [row.id for row in clips.select("train", needs_body=True)] == ["clip0", "clip3"]
    assert [row.id for row in clips.select(kinds=("face", "sign"))] == ["clip2", "clip3"]
    row = clips.rows[1]
    assert (row.start, row.speaker, row.crop) == (1.5, 1, (1, 2, 256))
    assert clips.motion_of(row).points[0, 0, 0] == 100
    assert len(clips.poses_of(row)) == 200


def test_the_arrays_stay_on_disk(clips: Clips) -> None:
    assert isinstance(clips.motion, np.memmap)


@pytest.mark.parametrize(
    ("frames", "starts"),
    [(80, [0]), (81, [0, 1]), (50, [0]), (120, [0, 20, 40]), (125, [0, 20, 40, 45])],
)
def test_windows_reach_every_frame(frames: int, starts: list[int]) -> None:
    assert window_starts(frames, 80, 20) == starts


def test_windows_hold_their_own_frames(clips: Clips) -> None:
    data = MotionDataset(clips, clips.select("val"), length=80, stride=60)
    assert len(data) == 3
    window = data[1]
    frames = 100 + 60 + np.arange(80)
    np.testing.assert_array_equal(window["motion"][:, 7, 1], frames)
    np.testing.assert_array_equal(window["speech"][:, 0], frames)
    np.testing.assert_array_equal(window["voice"], frames)
    assert (window["clip"], window["start"], window["speaker"]) == (0, 60, 1)
    assert window["valid"].all()


def test_short_clips_are_filled_and_say_so(clips: Clips) -> None:
    (window,) = MotionDataset(clips, clips.select(kinds=("face",)), length=80)
    assert window["valid"].sum() == 50
    assert (window["motion"][50:] == window["motion"][49]).all()
    assert not window["confidence"][50:].any()
    assert not window["speech"][50:].any()


def test_a_loader_makes_batches(clips: Clips) -> None:
    loader = torch.utils.data.DataLoader(
        MotionDataset(clips, clips.select("train")), batch_size=4, shuffle=True
    )
    batch = next(iter(loader))
    assert batch["motion"].shape == (4, 80, 116, 2)
    assert batch["speech"].dtype == torch.float32
    assert batch["sound"].dtype == torch.bool


def test_mirroring_twice_changes_nothing() -> None:
    random = np.random.default_rng(0)
    motion = random.normal(size=(4, 116, 2)).astype(np.float32)
    confidence = random.random((4, 116)).astype(np.float32)
    there, back = mirrored(motion, confidence), mirrored(*mirrored(motion, confidence))
    assert not np.array_equal(there[0], motion)
    np.testing.assert_array_equal(back[0], motion)
    np.testing.assert_array_equal(back[1], confidence)
    assert sorted(MOTION_MIRROR) == list(range(116))


def test_mirroring_is_that_of_the_picture() -> None:
    """The motion of a mirrored picture is the mirrored motion."""
    poses = waving_person()
    points = poses.points[:, layout.MIRROR].copy()
    points[..., 0] = poses.size[0] - 1 - points[..., 0]
    seen = to_motion(Poses(points, poses.size))
    motion = to_motion(poses)
    expected = mirrored(motion.points, motion.confidence)
    np.testing.assert_allclose(seen.points, expected[0], atol=1e-5)
    np.testing.assert_array_equal(seen.confidence, expected[1])


def test_some_windows_are_mirrored(clips: Clips) -> None:
    data = MotionDataset(clips, clips.select("val"), stride=1, mirror=0.5, seed=3)
    turned = [data[i]["motion"][-1, 0, 0] < 0 for i in range(len(data))]
    assert 0.3 < np.mean(turned) < 0.7
    assert not any(
        window["motion"][-1, 0, 0] < 0 for window in MotionDataset(clips, clips.select("val"))
    )


def test_folders_without_a_data_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no dataset\.json"):
        Clips(tmp_path)
    (tmp_path / "dataset.json").write_text('{"format": 99}')
    with pytest.raises(InputError, match="format 99"):
        Clips(tmp_path)
    (tmp_path / "dataset.json").write_text('{"format": 1, "clips": 0}')
    with pytest.raises(InputError, match="No clip"):
        Clips(tmp_path)


def waving_person() -> Poses:
    """12 frames of a person who is not symmetrical: one hand up, head aside, lips awry."""
    random = np.random.default_rng(1)
    points = np.zeros((12, layout.NUM_POINTS, 3), np.float32)
    face = canonical.FACE[:, :2] * 40 + random.normal(scale=1.5, size=(12, 68, 2))
    points[:, layout.FACE, :2] = face + np.array([140, 80])
    points[:, layout.ARMS, :2] = [
        (198, 160),
        (58, 165),
        (230, 230),
        (50, 240),
        (240, 140),
        (90, 300),
    ]
    points[:, layout.ARMS, :2] += random.normal(scale=4, size=(12, 6, 2))
    for hand, wrist in ((layout.LEFT_HAND, 9), (layout.RIGHT_HAND, 10)):
        around = random.normal(scale=12, size=(12, 21, 2))
        points[:, hand, :2] = points[:, wrist, None, :2] + around
    points[..., 2] = random.random(points.shape[:2])
    points[:, layout.FACE, 2] = 1
    points[3, layout.LEFT_HAND, 2] = 0
    return Poses(points, (256, 320))
