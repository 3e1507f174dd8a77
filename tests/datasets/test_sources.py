"""Finding videos, and who is in which split."""

from __future__ import annotations

from pathlib import Path

import pytest

from gesticulate.datasets.sources import find_sources, split_of
from gesticulate.errors import InputError, UsageError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(path.name.encode())


def test_folders_are_searched_in_a_stable_order(tmp_path: Path) -> None:
    touch(tmp_path / "b.MP4", tmp_path / "a/c.mkv", tmp_path / "notes.txt", tmp_path / ".x/d.mp4")
    assert [s.key for s in find_sources((tmp_path,), 0.0)] == ["a/c.mkv", "b.MP4"]


def test_a_video_named_twice_is_taken_once(tmp_path: Path) -> None:
    touch(tmp_path / "a.mp4")
    assert len(find_sources((tmp_path, tmp_path / "a.mp4"), 0.0)) == 1


def test_the_index_says_split_kind_and_person(tmp_path: Path) -> None:
    touch(tmp_path / "x/a.mp4", tmp_path / "x/b.mp4", tmp_path / "x/left-out.mp4")
    (tmp_path / "clips.csv").write_text(
        "file,split,kind,sound,source,terms\n"
        "x/a.mp4,val,speech,1,channel:1,CC-BY\n"
        "x/b.mp4,train,sign,0,channel:2,\n"
    )
    one, two = find_sources((tmp_path,), 0.0)
    assert (one.split, one.kind, one.sound, one.person) == ("val", "speech", True, "channel:1")
    assert (two.split, two.kind, two.sound, two.terms) == ("train", "sign", False, "")
    # A file given by name finds the index beside it, whether it is listed there or not.
    (named,) = find_sources((tmp_path / "x/left-out.mp4",), 0.0)
    assert named.person == "left-out.mp4"


def test_an_index_with_a_split_nobody_knows(tmp_path: Path) -> None:
    touch(tmp_path / "a.mp4")
    (tmp_path / "clips.csv").write_text("file,split\na.mp4,valid\n")
    with pytest.raises(InputError, match="'valid'"):
        find_sources((tmp_path,), 0.0)


def test_an_index_without_files(tmp_path: Path) -> None:
    touch(tmp_path / "a.mp4")
    (tmp_path / "clips.csv").write_text("name,split\na.mp4,val\n")
    with pytest.raises(InputError, match="no column 'file'"):
        find_sources((tmp_path,), 0.0)


def test_what_cannot_be_a_source(tmp_path: Path) -> None:
    touch(tmp_path / "song.txt")
    with pytest.raises(InputError, match="no file or folder"):
        find_sources((tmp_path / "missing",), 0.0)
    with pytest.raises(UsageError, match="does not look like a video"):
        find_sources((tmp_path / "song.txt",), 0.0)


def test_digests_stay_when_the_folder_moves(tmp_path: Path) -> None:
    touch(tmp_path / "old/a.mp4", tmp_path / "old/b.mp4")
    before = [s.digest for s in find_sources((tmp_path / "old",), 0.0)]
    (tmp_path / "old").rename(tmp_path / "new")
    assert [s.digest for s in find_sources((tmp_path / "new",), 0.0)] == before
    assert len(set(before)) == 2


def test_splits_are_the_same_everywhere_and_as_large_as_asked() -> None:
    persons = [f"person {i}" for i in range(4000)]
    splits = [split_of(person, 0.05) for person in persons]
    # Written down once: a change would move people between train and val of existing data sets.
    assert [i for i, split in enumerate(splits[:60]) if split == "val"] == [7, 8, 11, 24, 39]
    assert splits.count("val") / len(splits) == pytest.approx(0.05, abs=0.01)
    assert {split_of(person, 0.0) for person in persons} == {"train"}
    # A larger share only adds people to val.
    larger = [split_of(person, 0.1) for person in persons]
    assert all(b == "val" for a, b in zip(splits, larger, strict=True) if a == "val")
