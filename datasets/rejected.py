"""What a data set leaves out, and why: the rows of ``rejected.csv``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .clip import Clip, Cutting
from .files import write_csv
from .process import Processed

COLUMNS = "what reason value limit id file start seconds message".split()

MEANING = {
    "unreadable": "the file could not be decoded",
    "too_short": "a shot shorter than min_seconds",
    "not_annotated": "the estimator could not work on it",
    "face_seen": "share of frames with a face",
    "face_pixels": "median height of the face, pixels",
    "change": "mean difference of neighbouring frames, grey levels: a still picture",
    "other_face": "height of a second face as a share of the first",
    "turn": "face turned away",
    "repeated": "share of frames that repeat the one before: too low a frame rate",
    "shoulders_seen": "share of frames with both shoulders: the head alone is used",
    "no_sound": "no sound, or the index says not to use it",
    "voice": "share of frames with voice: no speech",
    "lip_motion": "lips rest while somebody speaks: a listener",
    "lip_sync": "lips and sound do not go together",
}


def rejected_rows(
    cuttings: Iterable[Cutting], failed: dict[str, str], results: dict[str, Processed]
) -> list[dict[str, Any]]:
    """One row for everything left out.

    failed: error by id of clips without annotation. results: the judged clips by id. The column
    ``what`` says what is left out: a video, shot or clip, or only the body or sound of a kept clip.
    """
    rows: list[dict[str, Any]] = []
    for cutting in cuttings:
        key = cutting.source.key
        if cutting.error:
            rows.append(
                {"what": "video", "reason": "unreadable", "file": key, "message": cutting.error}
            )
        for start, end in cutting.short:
            rows.append(
                {
                    "what": "shot", "reason": "too_short", "file": key, "start": round(start, 3),
                    "seconds": round(end - start, 3), "value": round(end - start, 3),
                }
            )  # fmt: skip
        for clip in cutting.clips:
            if clip.id in failed:
                about = {"what": "clip", "reason": "not_annotated", "message": failed[clip.id]}
                rows.append(_place(clip) | about)
            elif clip.id in results:
                rows += [_place(clip) | row for row in _verdicts(results[clip.id])]
    return rows


def _place(clip: Clip) -> dict[str, Any]:
    return {
        "id": clip.id,
        "file": clip.source.key,
        "start": round(clip.span.start, 3),
        "seconds": clip.span.seconds,
    }


def _verdicts(result: Processed) -> list[dict[str, Any]]:
    """The clip's verdict if it fails, else those of its parts that fail."""
    parts = {"body": result.body, "sound": result.sound} if result.clip else {"clip": result.clip}
    return [
        {
            "what": what,
            "reason": verdict.reason,
            "value": round(verdict.value, 4),
            "limit": verdict.limit,
            "message": MEANING[verdict.reason],
        }
        for what, verdict in parts.items()
        if not verdict
    ]


def write_rejected(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write ``rejected.csv``."""
    write_csv(path, COLUMNS, rows)
