"""A build's report: numbers (``report.md``) and contact sheets (``contact/*.png``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..keypoints.poses import Poses
from .annotate import Remarks
from .clip import Clip
from .contact import Tile, write_sheets
from .files import write_text
from .options import FPS
from .process import Processed, load_arrays
from .quality import SEARCH, lag_correlation, lip_opening
from .rejected import MEANING

Accepted = Sequence[tuple[Clip, Processed]]

# Tiles of a contact sheet, and sheets of each sort.
_TILES, _SHEETS = 24, 3
_SEEN = ("face_seen", "shoulders_seen", "left_hand_seen", "right_hand_seen")
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def write_report(
    folder: Path,
    clips: Sequence[Clip],
    accepted: Accepted,
    rejected: list[dict[str, Any]],
    results: dict[str, Processed],
) -> Path:
    """Write ``report.md`` and the contact sheets into the data set's folder.

    clips: all annotated ones. accepted: those that are in. rejected: rows of ``rejected.csv``.
    results: the judged clips by id. Returns the report's path.
    """
    sheets = _contact_sheets(folder, clips, accepted, results)
    parts = [
        "# Data set report",
        f"{len(clips)} clips annotated, {len(accepted)} accepted: {_minutes(accepted):.1f} "
        f"minutes, {len({clip.person for clip, _ in accepted})} persons.",
        _estimators(folder, clips),
        "## Accepted, by split and kind",
        _by_split_and_kind(accepted),
        "## Left out",
        "`body` and `sound` rows are parts of clips that are in: their other parts are used.\n",
        _reasons(rejected),
        "## Detection",
        "Share of the frames of all annotated clips, accepted or not.",
        _detection(clips, results),
        "## Measures of the accepted clips",
        _measures(accepted),
        "## Lips and voice",
        _lips(folder, accepted),
        "## Persons in more than one split",
        _leaks(accepted),
        "## Contact sheets",
        "\n".join(f"![{sheet.stem}](contact/{sheet.name})" for sheet in sheets) or "None.",
    ]
    path = folder / "report.md"
    write_text(path, "\n\n".join(parts) + "\n")
    return path


def _estimators(folder: Path, clips: Sequence[Clip]) -> str:
    remarks = (Remarks.load(folder / "annotations" / f"{clip.id}.json") for clip in clips)
    counts = Counter(remark.estimator for remark in remarks)
    said = ", ".join(f"{name} ({count} clips)" for name, count in counts.most_common())
    mixed = "**Mixed estimators place points differently; annotate anew with one.** "
    return f"{mixed if len(counts) > 1 else ''}Annotated by {said or 'nobody'}."


def _minutes(accepted: Accepted) -> float:
    return sum(result.num_frames for _, result in accepted) / FPS / 60


def _table(header: str, rows: Iterable[Sequence[object]]) -> str:
    names = header.split(", ")
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    lines += [" | ".join(str(cell) for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _by_split_and_kind(accepted: Accepted) -> str:
    groups: dict[tuple[str, str], list[tuple[Clip, Processed]]] = {}
    for clip, result in accepted:
        groups.setdefault((clip.source.split, clip.source.kind or "-"), []).append((clip, result))
    rows = []
    for (split, kind), group in sorted(groups.items()):
        heard = [pair for pair in group if pair[1].sound]
        bodies = [pair for pair in group if pair[1].body]
        persons = len({clip.person for clip, _ in group})
        rows.append(
            (split, kind, len(group), persons, f"{_minutes(group):.1f}", f"{_minutes(heard):.1f}",
             f"{_minutes(bodies):.1f}")
        )  # fmt: skip
    return _table("split, kind, clips, persons, minutes, minutes with speech, with body", rows)


def _reasons(rejected: list[dict[str, Any]]) -> str:
    counts = Counter((row["what"], row["reason"]) for row in rejected)
    rows = [(*key, count, MEANING[key[1]]) for key, count in sorted(counts.items())]
    return _table("what, reason, number, measured", rows)


def _detection(clips: Sequence[Clip], results: dict[str, Processed]) -> str:
    kinds: dict[str, list[Processed]] = {}
    for clip in clips:
        kinds.setdefault(clip.source.kind or "-", []).append(results[clip.id])
    rows = []
    for kind, group in sorted(kinds.items()):
        frames = [result.num_frames for result in group]
        shares = [
            np.average([result.measures[name] for result in group], weights=frames)
            for name in _SEEN
        ]
        rows.append((kind, len(group), sum(frames), *(f"{share:.1%}" for share in shares)))
    return _table("kind, clips, frames, face, both shoulders, left hand, right hand", rows)


def _measures(accepted: Accepted) -> str:
    names = sorted({name for _, result in accepted for name in result.measures})
    rows = []
    for name in names:
        values = [r.measures[name] for _, r in accepted if name in r.measures]
        cells = [f"{value:.3f}" for value in np.quantile(values, _QUANTILES)]
        rows.append((name, len(values), f"{np.mean(values):.3f}", *cells))
    header = "measure, clips, mean, " + ", ".join(f"{q:.0%}" for q in _QUANTILES)
    return _table(header, rows)


def _lips(folder: Path, accepted: Accepted) -> str:
    """How lip opening and loudness correlate by lag and by kind; besides true pairs, each clip's
    lips with the next clip's sound."""
    tracks: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for clip, result in accepted:
        if result.sound and result.num_frames >= 2 * SEARCH:
            arrays = load_arrays(folder / "processed", clip.id)
            opening = lip_opening(Poses(arrays["poses"], (1, 1), FPS))
            tracks.setdefault(clip.source.kind or "-", []).append((opening, arrays["energy"]))
    everything = [pair for kind in tracks.values() for pair in kind]
    if len(everything) < 2:
        return "Fewer than two clips with speech."
    by_lag = zip(range(-SEARCH, SEARCH + 1), *_own_and_other(everything), strict=True)
    lags = [(f"{lag / FPS:+.2f}", f"{own:.3f}", f"{other:.3f}") for lag, own, other in by_lag][::2]
    kinds = []
    for kind, pairs in sorted(tracks.items()):
        own, other = _own_and_other(pairs)
        best = int(np.argmax(own))
        kinds.append(
            (kind, len(pairs), f"{own[SEARCH]:.3f}", f"{other[SEARCH]:.3f}", f"{own[best]:.3f}",
             f"{(best - SEARCH) / FPS:+.2f}")
        )  # fmt: skip
    return "\n\n".join(
        [
            f"Mean over {len(everything)} clips; a lag above 0 means that the sound is late.",
            _table("lag (s), own sound, another clip's sound", lags),
            _table("kind, clips, own sound, another's sound, own at best lag, best lag (s)", kinds),
        ]
    )


def _own_and_other(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean correlation by lag of lips with their own sound, and with the next clip's."""
    sounds = [sound for _, sound in pairs]
    others = [*sounds[1:], sounds[0]]
    own = [lag_correlation(lips, sound) for lips, sound in pairs]
    other = [
        lag_correlation(lips[: len(sound)], sound[: len(lips)])
        for (lips, _), sound in zip(pairs, others, strict=True)
    ]
    return np.mean(own, axis=0), np.mean(other, axis=0)


def _leaks(accepted: Accepted) -> str:
    splits: dict[str, set[str]] = {}
    for clip, _ in accepted:
        splits.setdefault(clip.person, set()).add(clip.source.split)
    leaks = [f"- {person}: {', '.join(sorted(s))}" for person, s in splits.items() if len(s) > 1]
    return "\n".join(leaks) or "None."


def _contact_sheets(
    folder: Path, clips: Sequence[Clip], accepted: Accepted, results: dict[str, Processed]
) -> list[Path]:
    """Accepted clips, evenly picked, and the clips that were left out, by reason."""
    out = folder / "contact"
    kinds: dict[str, list[Tile]] = {}
    for clip, result in accepted:
        kinds.setdefault(f"accepted-{clip.source.kind or 'clips'}", []).append(
            Tile(clip, result, clip.source.key)
        )
    for clip in clips:
        result = results[clip.id]
        parts = (
            {"body": result.body, "sound": result.sound} if result.clip else {"clip": result.clip}
        )
        for what, verdict in parts.items():
            if verdict.reason and verdict.reason != "no_sound":
                tile = Tile(clip, result, f"{verdict.value:.3g} {clip.source.key}")
                kinds.setdefault(f"rejected-{what}-{verdict.reason}", []).append(tile)
    sheets: list[Path] = []
    for name, tiles in sorted(kinds.items()):
        limit = _TILES * _SHEETS
        picked = [tiles[int(i)] for i in np.linspace(0, len(tiles) - 1, min(limit, len(tiles)))]
        sheets += write_sheets(out, name, picked, folder / "annotations", _TILES)
    for old in set(out.glob("*.png")) - set(sheets):  # of an earlier build with other verdicts
        old.unlink()
    return sheets
