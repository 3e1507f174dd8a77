"""Which videos go in, and what is known of each before it is opened."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, UsageError

SUFFIXES = frozenset(".mp4 .mov .mkv .webm .avi .m4v .mpg .mpeg .ts .flv .wmv".split())
INDEX = "clips.csv"
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Source:
    """A video file.

    path: where it lies now. key: its name in the data set (the path below the folder it was found
    in), which stays when the folder moves. person: who is seen, as far as that is known; splits
    are by person. kind: a free label. sound: whether its sound may be used. origin: where it was
    published. terms: its licence.
    """

    path: Path
    key: str
    split: str
    person: str
    kind: str = ""
    sound: bool = True
    origin: str = ""
    terms: str = ""

    @property
    def digest(self) -> str:
        """Ten hex digits that tell this file from others, wherever its folder lies."""
        text = f"{self.key}\n{self.path.stat().st_size}"
        return hashlib.sha1(text.encode()).hexdigest()[:10]


def find_sources(videos: tuple[Path, ...], val_share: float) -> list[Source]:
    """The videos among files and folders, in a stable order.

    Raises: InputError where a path is missing or nothing is found; UsageError where a video given
    by name is no video.
    """
    sources: dict[Path, Source] = {}
    for given in videos:
        path = Path(given)
        if not path.exists():
            raise InputError(
                f"There is no file or folder {path}. Give videos or folders of videos."
            )
        root = path if path.is_dir() else path.parent
        if path.is_file() and path.suffix.lower() not in SUFFIXES:
            raise UsageError(
                f"{path} does not look like a video: expected one of {' '.join(sorted(SUFFIXES))}."
            )
        files = [path] if path.is_file() else _videos_below(path)
        index = read_index(root / INDEX) if (root / INDEX).is_file() else {}
        for file in files:
            key = file.relative_to(root).as_posix()
            # A folder's index that names files names all of them: others were left out on purpose.
            if index and key not in index and path.is_dir():
                continue
            sources.setdefault(file.resolve(), _source(file, key, index.get(key, {}), val_share))
    if not sources:
        raise InputError(
            f"No videos in {', '.join(map(str, videos))}. "
            f"Looked for {' '.join(sorted(SUFFIXES))} in them and in all folders below."
        )
    return list(sources.values())


def _videos_below(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )


def read_index(path: Path) -> dict[str, dict[str, str]]:
    """The rows of an index by file name.

    Columns: ``file`` (below the index's folder), and as far as known ``split``, ``kind``,
    ``sound`` (0 or 1), ``person``, ``source``, ``terms``; others are ignored.
    """
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        if "file" not in (rows.fieldnames or ()):
            raise InputError(
                f"{path} has no column 'file' (it has: {', '.join(rows.fieldnames or ())}). "
                "Add it, or rename the file if it is not an index of the videos beside it."
            )
        return {row["file"]: row for row in rows}


def _source(file: Path, key: str, row: dict[str, str], val_share: float) -> Source:
    person = row.get("person") or row.get("speaker") or row.get("source") or key
    split = row.get("split") or split_of(person, val_share)
    if split not in SPLITS:
        raise InputError(f"{key} has the split {split!r} in its index; expected one of {SPLITS}.")
    return Source(
        path=file,
        key=key,
        split=split,
        person=person,
        kind=row.get("kind", ""),
        sound=(row.get("sound") or "1").strip() not in ("0", "false", "False", "no"),
        origin=row.get("source", ""),
        terms=row.get("terms", ""),
    )


def split_of(person: str, val_share: float) -> str:
    """Train or val, by a hash of the person's name: the same in every run and on every machine."""
    number = int.from_bytes(hashlib.sha1(person.encode()).digest()[:8], "big")
    return "val" if number / 2**64 < val_share else "train"
