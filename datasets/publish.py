"""Clips joined into arrays that load fast, put in place in one step."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic import complete_or_nothing
from ..keypoints import layout
from .clip import Clip
from .files import write_csv, write_text
from .process import ARRAYS, Processed, load_arrays

FORMAT = 1
INDEX_FILE = "clips.csv"
STATE_FILE = "dataset.json"
# The one before the newest stays for readers that are just opening it.
KEPT_VERSIONS = 2

COLUMNS = (
    "id file path start num_frames offset split kind person speaker sound body width height "
    "crop_x crop_y crop_side face_seen shoulders_seen left_hand_seen right_hand_seen face_pixels "
    "turn motion other_face repeated change voice lip_motion lip_sync lag origin terms"
).split()


def publish(
    folder: Path,
    accepted: Sequence[tuple[Clip, Processed]],
    processed: Path,
    channels: int,
    about: dict[str, Any],
) -> Path:
    """Write the arrays and the index of the accepted clips as a new version, and make it current.

    channels: columns of the speech features. about: what ``dataset.json`` shall tell besides.
    Returns the new version's folder. A reader sees the old version or the new one, never a mixture:
    ``dataset.json`` names the folder and is replaced in one step.
    """
    state = read_state(folder)
    number = int(state.get("version", 0)) + 1
    version = folder / f"v{number:03d}"
    speakers = _speakers(state.get("persons", []), accepted)
    rows = _rows(accepted, speakers)
    # Of a run that ended before it named this version.
    shutil.rmtree(version, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    with complete_or_nothing(version) as part:
        part.mkdir()
        _write_arrays(part, rows, processed, channels)
        write_csv(part / INDEX_FILE, COLUMNS, rows)
    state = {
        "format": FORMAT,
        "version": number,
        "folder": version.name,
        "clips": len(rows),
        "frames": sum(row["num_frames"] for row in rows),
        "speech_channels": channels,
        **about,
        "persons": list(speakers),
    }
    write_text(folder / STATE_FILE, json.dumps(state, indent=1, ensure_ascii=False))
    for old in sorted(folder.glob("v[0-9][0-9][0-9]"))[:-KEPT_VERSIONS]:
        shutil.rmtree(old, ignore_errors=True)
    return version


def read_state(folder: Path) -> dict[str, Any]:
    """The content of ``dataset.json``, {} where there is none yet."""
    path = folder / STATE_FILE
    state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return state


def _speakers(known: list[str], accepted: Sequence[tuple[Clip, Processed]]) -> dict[str, int]:
    """Person -> number. Known persons keep theirs, so that a trained model's numbers stay true."""
    persons = sorted({clip.person for clip, _ in accepted} - set(known))
    return {person: number for number, person in enumerate([*known, *persons])}


def _rows(
    accepted: Sequence[tuple[Clip, Processed]], speakers: dict[str, int]
) -> list[dict[str, Any]]:
    rows, offset = [], 0
    for clip, result in accepted:
        source = clip.source
        row = {
            "id": clip.id,
            "file": source.key,
            "path": str(source.path.resolve()),
            "start": round(clip.span.start, 4),
            "num_frames": result.num_frames,
            "offset": offset,
            "split": source.split,
            "kind": source.kind,
            "person": clip.person,
            "speaker": speakers[clip.person],
            "sound": int(bool(result.sound)),
            "body": int(bool(result.body)),
            "width": clip.size[0],
            "height": clip.size[1],
            "crop_x": result.crop.x,
            "crop_y": result.crop.y,
            "crop_side": result.crop.side,
            "origin": source.origin,
            "terms": source.terms,
        }
        rows.append(row | {name: round(value, 4) for name, value in result.measures.items()})
        offset += result.num_frames
    return rows


def _write_arrays(folder: Path, rows: list[dict[str, Any]], processed: Path, channels: int) -> None:
    """Concatenate the clips, one after the other on disk: memory holds one clip at a time."""
    shapes: dict[str, tuple[int, ...]] = {
        "poses": (layout.NUM_POINTS, 3),
        "motion": (layout.NUM_MOTION_POINTS, 2),
        "confidence": (layout.NUM_MOTION_POINTS,),
        "speech": (channels,),
        "voice": (),
        "energy": (),
    }
    total = sum(row["num_frames"] for row in rows)
    if total == 0:
        return
    out = {
        name: np.lib.format.open_memmap(
            folder / f"{name}.npy", mode="w+", dtype=np.float32, shape=(total, *shapes[name])
        )
        for name in ARRAYS
    }
    for row in rows:
        span = slice(row["offset"], row["offset"] + row["num_frames"])
        for name, array in load_arrays(processed, row["id"]).items():
            out[name][span] = array
    for array in out.values():
        array.flush()
