"""The builder from end to end, with MediaPipe on pictures of a real person."""

from __future__ import annotations

import csv
import dataclasses
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from gesticulate.atomic import PARTS
from gesticulate.datasets.build import build
from gesticulate.datasets.load import Clips, MotionDataset
from gesticulate.datasets.options import BuildOptions
from gesticulate.errors import InputError, UsageError
from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses


def rejected(folder: Path) -> set[tuple[str, str, str]]:
    """(file, what, reason) of everything that was left out."""
    with open(folder / "rejected.csv", newline="") as file:
        return {(row["file"], row["what"], row["reason"]) for row in csv.DictReader(file)}


def test_everything_left_out_has_its_reason(data_set: Path) -> None:
    assert rejected(data_set) == {
        ("broken.mp4", "video", "unreadable"),
        ("nobody.mp4", "clip", "face_seen"),
        ("pair.mp4", "clip", "other_face"),
        ("slow.mp4", "clip", "repeated"),
        ("still.mp4", "clip", "change"),
        ("talk/mute.mp4", "sound", "no_sound"),
        ("talk/voice-over.mp4", "sound", "lip_motion"),
    }


def test_measured_values_stand_beside_their_limits(data_set: Path) -> None:
    with open(data_set / "rejected.csv", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert float(rows["pair.mp4"]["value"]) == pytest.approx(1, abs=0.1)
    assert float(rows["slow.mp4"]["value"]) >= 0.6
    for row in rows.values():
        if row["what"] == "clip":
            limit, value = float(row["limit"]), float(row["value"])
            assert value > limit if row["reason"] in ("other_face", "repeated") else value < limit


def test_kept_clips_and_their_arrays(data_set: Path) -> None:
    clips = Clips(data_set)
    assert [row.extra["file"] for row in clips] == ["talk/mute.mp4", "talk/voice-over.mp4"]
    assert [row.frames for row in clips] == [slice(0, 20), slice(20, 40)]
    assert clips.motion.shape == (40, layout.NUM_MOTION_POINTS, 2)
    assert clips.poses.shape == (40, layout.NUM_POINTS, 3)
    assert clips.speech.shape == (40, clips.state["speech_channels"])
    assert not clips.speech[:].any(), "both clips' sound was refused"
    assert np.isfinite(clips.motion).all()
    face = clips.confidence[:, layout.MOTION_FACE]
    assert (face > 0.5).mean() > 0.9
    # The head sways sideways with the picture, 12 of 256 pixels each way, the shoulders about half
    # the picture wide; and nothing goes up and down.
    nose = clips.motion[:20, layout.FACE_NOSE_TIP]
    assert np.ptp(nose[:, 0]) > 4 * np.ptp(nose[:, 1])


def test_a_killed_build_goes_on(killed: tuple[Path, dict[str, int]], data_set: Path) -> None:
    folder, written = killed
    assert written, "nothing had been annotated when the build was killed"
    for name, time in written.items():
        assert (folder / "annotations" / name).stat().st_mtime_ns == time
    assert len(list(folder.glob("annotations/*.npz"))) == 6
    assert not list(folder.rglob(PARTS))


def test_building_again_adds_only_what_is_new(
    copied_set: Path, videos: Path, tmp_path: Path
) -> None:
    more = tmp_path / "more"
    shutil.copytree(videos / "talk", more / "again")
    done: dict[str, int] = {}
    before = Clips(copied_set)
    options = dataclasses.replace(_options(videos, copied_set), videos=(videos, more / "again"))
    (more / "again" / "voice-over.mp4").unlink()
    build(options, lambda stage, _, total: done.update({stage: total}))
    after = Clips(copied_set)
    assert done["annotate"] == 1
    assert [row.id for row in before] == [row.id for row in after if row.id in _ids(before)]
    assert len(after) == len(before) + 1
    assert {row.id: row.speaker for row in before}.items() <= {
        row.id: row.speaker for row in after
    }.items()
    for row in before:
        twin = next(other for other in after if other.id == row.id)
        np.testing.assert_array_equal(before.motion[row.frames], after.motion[twin.frames])


def test_videos_of_earlier_builds_stay(copied_set: Path, videos: Path) -> None:
    options = dataclasses.replace(_options(videos, copied_set), videos=(videos / "pair.mp4",))
    build(options)
    assert len(Clips(copied_set)) == 2


def test_another_limit_changes_the_verdict_without_new_annotation(
    copied_set: Path, videos: Path
) -> None:
    options = _options(videos, copied_set)
    quality = dataclasses.replace(options.quality, max_other_face=2.0, min_lip_motion=0.0)
    done: dict[str, int] = {}
    build(
        dataclasses.replace(options, quality=quality),
        lambda stage, _, total: done.update({stage: total}),
    )
    clips = Clips(copied_set)
    assert done["annotate"] == 0
    assert "pair.mp4" in {row.extra["file"] for row in clips}
    sheets = {sheet.name for sheet in copied_set.glob("contact/*.png")}
    assert "accepted-clips-1.png" in sheets
    assert "rejected-clip-other_face-1.png" not in sheets


def test_options_that_do_not_fit_the_folder_are_refused(data_set: Path, videos: Path) -> None:
    options = dataclasses.replace(_options(videos, data_set), max_seconds=5.0)
    with pytest.raises(UsageError, match=r"max_seconds = 20\.0, now it is 5\.0"):
        build(options)


def test_a_folder_without_videos(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No videos"):
        build(BuildOptions((tmp_path,), tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_crops_show_the_poses(data_set: Path) -> None:
    clips = Clips(data_set)
    for row in clips:
        video = cv2.VideoCapture(str(data_set / "crops" / f"{row.id}.mp4"))
        assert (video.get(cv2.CAP_PROP_FRAME_WIDTH), video.get(cv2.CAP_PROP_FPS)) == (128, 25)
        assert video.get(cv2.CAP_PROP_FRAME_COUNT) == row.num_frames
        raw = Poses.load(data_set / "annotations" / f"{row.id}.npz")
        x, y, side = row.crop
        nose = (raw.xy[:, layout.NOSE] - (x, y) + 0.5) * 128 / side - 0.5
        kept = clips.poses_of(row).xy[:, layout.NOSE]
        assert np.abs(kept - nose).max() < 3


def test_the_report_tells_numbers_and_shows_pictures(data_set: Path) -> None:
    report = (data_set / "report.md").read_text()
    assert "6 clips annotated, 2 accepted" in report
    assert "\nAnnotated by mediapipe (6 clips)" in report
    assert "| clip | other_face | 1 |" in report
    assert "| - | 6 | 120 | 8" in report, "five of the six clips show a face"
    for name in ("accepted-clips-1", "rejected-clip-other_face-1", "rejected-sound-lip_motion-1"):
        sheet = cv2.imread(str(data_set / "contact" / f"{name}.png"))
        assert sheet is not None
        assert sheet.std() > 10


def test_lips_that_follow_the_voice_are_kept(data_dir: Path, tmp_path: Path) -> None:
    source = sorted((data_dir / "clips" / "face").glob("*.mp4"))[0]
    (tmp_path / "videos").mkdir()
    shutil.copy(source, tmp_path / "videos")
    options = BuildOptions(
        (tmp_path / "videos",), tmp_path / "set", estimator="mediapipe", workers=1,
        seconds_per_video=1.4, min_seconds=1.2,
    )  # fmt: skip
    build(options)
    clips = Clips(tmp_path / "set")
    (row,) = clips.rows
    assert row.sound
    assert not row.body, "these clips end above the shoulders"
    assert not clips.confidence[:, layout.MOTION_BODY].any()
    rows = clips.select(needs_sound=True)
    window = MotionDataset(clips, rows)[0]
    assert window["speech"].std() > 0.3
    assert window["voice"].max() == 1


def _options(videos: Path, output: Path) -> BuildOptions:
    return BuildOptions(
        (videos,), output, estimator="mediapipe", workers=1, min_seconds=0.6, crop_size=128,
        crop_videos=True,
    )  # fmt: skip


def _ids(clips: Clips) -> set[str]:
    return {row.id for row in clips}


def test_two_people_become_two_clips(
    astronaut: np.ndarray, write_video, moved_about, tmp_path: Path
) -> None:
    person, other = moved_about(astronaut), moved_about(astronaut[:, ::-1], reach=6)
    write_video(tmp_path / "videos/talk.mp4", np.concatenate([person, other], axis=2))
    write_video(tmp_path / "videos/alone.mp4", person)
    options = BuildOptions(
        (tmp_path / "videos",), tmp_path / "set", estimator="mediapipe", persons=2, workers=1,
        min_seconds=0.6, crop_size=128,
    )  # fmt: skip
    build(options)
    clips = Clips(tmp_path / "set")
    assert [row.id[-6:] for row in clips] == ["0-left", "-right"]
    assert [row.person for row in clips] == ["talk.mp4:left", "talk.mp4:right"]
    left, right = (
        Poses.load(tmp_path / f"set/annotations/{row.id}.npz").points[:, layout.FACE_NOSE_TIP + 23]
        for row in clips
    )
    assert left[:, 0].max() < 256 < right[:, 0].min()
    # The right one is the left one in the mirror, and sways half as far.
    assert np.ptp(right[:, 0]) == pytest.approx(np.ptp(left[:, 0]) / 2, abs=2)
    assert [row.crop[0] >= 256 for row in clips] == [False, True]
    with open(tmp_path / "set/rejected.csv", newline="") as file:
        told = [row["message"] for row in csv.DictReader(file) if row["file"] == "alone.mp4"]
    assert len(told) == 2
    assert "Two people were asked for, and seen in 0 of 5 frames" in told[0]
    with pytest.raises(UsageError, match="persons = 2, now it is 1"):
        build(dataclasses.replace(options, persons=1))
    with pytest.raises(UsageError, match="persons must be 1 or 2"):
        build(dataclasses.replace(options, persons=3))


def test_stages_are_looked_up_before_any_video_is_read(tmp_path):
    for wrong in ({"estimator": "mediapip"}, {"speech_encoder": "mell"}):
        with pytest.raises(UsageError, match=r"Did you mean '(mediapipe|mel)'"):
            build(BuildOptions((tmp_path,), tmp_path / "out", **wrong))
    assert not (tmp_path / "out").exists()
