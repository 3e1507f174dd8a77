"""What is to be edited: spans of a video with the parts that are made anew."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...atomic import complete_or_nothing
from ...errors import InputError, UsageError
from ...keypoints.splice import PARTS

# Shorter than this nothing can be made between two fades.
MIN_SECONDS = 0.4
_KEYS = ("from", "to", "parts", "speech", "seed", "photo")


@dataclass(frozen=True)
class Edit:
    """One span. start, stop: seconds. parts: of `PARTS`. speech: a sound file that is heard (and
    gestured to) from the span's beginning on, in place of the video's sound. seed: of this span's
    motion, whatever the run's is. photo: seconds of the frame that the span is drawn from, else
    the best one is looked for.

    Raises: UsageError for a span that cannot mean anything and for an unknown part.
    """

    start: float
    stop: float
    parts: tuple[str, ...] | str = ("hands", "arms")
    speech: Path | None = None
    seed: int | None = None
    photo: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", checked_parts(self.parts))
        if not 0 <= self.start < self.stop:  # no number is in no order
            raise UsageError(
                f"The span goes from {self.start:g} s to {self.stop:g} s. Expected a beginning of "
                "at least 0 and an end behind it."
            )
        if self.stop - self.start < MIN_SECONDS:
            raise UsageError(
                f"The span from {self.start:g} s to {self.stop:g} s is too short: at least "
                f"{MIN_SECONDS:g} s are needed for a motion between two seams."
            )


def checked_parts(parts: str | Iterable[str]) -> tuple[str, ...]:
    """Parts from "hands,arms" or a list. Raises: UsageError for none, and for an unknown one."""
    names = parts.split(",") if isinstance(parts, str) else list(parts)
    found = tuple(dict.fromkeys(str(name).strip() for name in names if str(name).strip()))
    if not found:
        raise UsageError(f"No part is asked for. Expected some of: {', '.join(PARTS)}.")
    for name in found:
        if name not in PARTS:
            near = difflib.get_close_matches(name, PARTS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise UsageError(
                f"There is no part {name!r}. Expected some of: {', '.join(PARTS)}.{hint}"
            )
    return found


def load_edits(path: str | Path) -> list[Edit]:
    """Read an edit list: a YAML file with one entry a span.

        - {from: 2.0, to: 4.5, parts: [hands, arms]}
        - {from: 7.0, to: 8.2, parts: face, speech: correction.wav}
        - {from: 9.0, to: 9.8, parts: head, seed: 3, photo: 8.6}

    Speech files are looked for beside the list. Raises: InputError where the file cannot be read;
    UsageError where an entry is wrong, with its number.
    """
    import yaml

    path = Path(path)
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"The edit list {path} cannot be read: {error}") from error
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"{path} is no edit list. Expected one or more entries of '- from: ...'.")
    return [_edit(entry, f"{path}, entry {at}", path) for at, entry in enumerate(entries, start=1)]


def _edit(entry: Any, where: str, path: Path) -> Edit:
    if not isinstance(entry, dict):
        raise UsageError(f"{where}: expected {', '.join(_KEYS)}, got {entry!r}.")
    for key in entry:
        if key not in _KEYS:
            raise UsageError(f"{where}: there is no {key!r}. Expected {', '.join(_KEYS)}.")
    try:
        start, stop = float(entry["from"]), float(entry["to"])
    except (KeyError, TypeError, ValueError):
        raise UsageError(f"{where}: needs 'from' and 'to' in seconds.") from None
    seed, photo = _optional(entry, "seed", int, where), _optional(entry, "photo", float, where)
    speech, parts = entry.get("speech"), entry.get("parts", Edit.parts)
    if not isinstance(parts, (str, list, tuple)):
        parts = () if parts is None else (parts,)
    try:
        heard = None if speech is None else path.parent / str(speech)
        return Edit(start, stop, parts, heard, seed, photo)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def _optional(entry: dict[str, Any], key: str, kind: Any, where: str) -> Any:
    """A number, or None where the entry does not have it. Raises: UsageError for another value."""
    value = entry.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (kind, int)) or value < 0:
        name = "a whole number" if kind is int else "seconds"
        raise UsageError(f"{where}: {key!r} is {value!r}. Expected {name}, at least 0.")
    return kind(value)


def save_edits(path: str | Path, edits: Iterable[Edit]) -> None:
    """Write an edit list that `load_edits` reads. Speech files are named as if beside the list."""
    import yaml

    entries: list[dict[str, Any]] = []
    for edit in edits:
        entry: dict[str, Any] = {"from": edit.start, "to": edit.stop, "parts": list(edit.parts)}
        entry |= {} if edit.speech is None else {"speech": edit.speech.name}
        entry |= {} if edit.seed is None else {"seed": edit.seed}
        entry |= {} if edit.photo is None else {"photo": edit.photo}
        entries.append(entry)
    with complete_or_nothing(path) as part:
        part.write_text(yaml.safe_dump(entries, sort_keys=False), encoding="utf-8")


def in_order(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """The edits by time. Raises: UsageError where there is none, or two overlap."""
    ordered = tuple(sorted(edits, key=lambda edit: edit.start))
    if not ordered:
        raise UsageError("No span is marked. Expected at least one.")
    for one, other in itertools.pairwise(ordered):
        if other.start < one.stop:
            raise UsageError(
                f"The spans {one.start:g}-{one.stop:g} s and {other.start:g}-{other.stop:g} s "
                "overlap. Mark each moment once, with all its parts."
            )
    return ordered
