"""What the page "Edit" knows of its video, and what its timeline says, checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..errors import UsageError
from ..pipelines.edit.edits import Edit, in_order
from .wishes import MAX_SEED, number, whole

MAX_SPANS = 64
PARTS = ("hands", "arms", "head", "face")


@dataclass(frozen=True)
class Takes:
    """Takes of the spans: which seed each has, where they are, and the frame (in seconds) that
    each span was drawn from."""

    edits: tuple[Edit, ...]
    preset: str
    style: str | None
    seeds: tuple[int, ...]
    photos: tuple[float, ...]
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Editing:
    """One video on the timeline, kept by the server for one page.

    speeches: new speech by the name that the timeline gives it.
    """

    video: Path
    played: str
    seconds: float
    fps: float
    speeches: dict[str, Path] = field(default_factory=dict)
    takes: Takes | None = None
    result: Path | None = None


def address(path: Path) -> str:
    """Where a page finds a file of its own, relative to the page."""
    return f"gradio_api/file={quote(str(path))}"


def edits_wish(timeline: Any, editing: Editing | None) -> tuple[Edit, ...]:
    """The spans that a timeline says. Raises: UsageError that names what is wrong."""
    if not isinstance(editing, Editing):
        raise UsageError("Which video? Choose one first.")
    spans = timeline.get("spans") if isinstance(timeline, dict) else None
    if not isinstance(spans, list) or not spans:
        raise UsageError("No span is marked. Draw one on the lanes first.")
    if len(spans) > MAX_SPANS:
        raise UsageError(f"{len(spans)} spans are marked. Expected at most {MAX_SPANS}.")
    return in_order(_edit(span, at, editing) for at, span in enumerate(spans, start=1))


def _edit(span: Any, at: int, editing: Editing) -> Edit:
    if not isinstance(span, dict):
        raise UsageError(f"Span {at} is {span!r}. Expected its times and parts.")
    last = editing.seconds + 1 / editing.fps
    start, stop = (number(span.get(end), f"time of span {at}", 0, last) for end in ("from", "to"))
    parts = span.get("parts")
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise UsageError(f"The parts of span {at} are {parts!r}. Expected names of parts.")
    seed, photo, speech = span.get("seed"), span.get("photo"), span.get("speech_id")
    if speech is not None and not (isinstance(speech, str) and speech in editing.speeches):
        raise UsageError(f"The new speech of span {at} is gone. Give it again.")
    return Edit(
        start,
        min(stop, editing.seconds),
        tuple(parts),
        None if speech is None else editing.speeches[speech],
        None if seed is None else whole(seed, f"seed of span {at}", 0, MAX_SEED),
        None if photo is None else number(photo, f"frame of span {at}", 0, editing.seconds),
    )


def span_of(edit: Edit, name: str) -> dict[str, Any]:
    """An edit as the timeline has it, without its speech."""
    span: dict[str, Any] = {
        "id": name, "from": edit.start, "to": edit.stop,
        "parts": [part for part in PARTS if part in edit.parts],
    }  # fmt: skip
    span |= {} if edit.seed is None else {"seed": edit.seed}
    span |= {} if edit.photo is None else {"photo": edit.photo}
    return span


def chosen_wish(picked: Any, takes: Takes) -> tuple[int, ...]:
    """The take of each span, counted from 1; 0 leaves the span as it was.

    Raises: UsageError for what names no take.
    """
    chosen = picked.get("chosen") if isinstance(picked, dict) else None
    if not isinstance(chosen, list) or len(chosen) != len(takes.edits):
        raise UsageError("Which take of each span? Choose one for every span.")
    return tuple(
        whole(take, f"take of span {at}", 0, len(takes.paths))
        for at, take in enumerate(chosen, start=1)
    )
