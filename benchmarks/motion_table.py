"""Motion generators beside each other, from what benchmarks/motion.py measured of each.

    python benchmarks/motion_table.py --rows "masked=out/masked" "diffusion=out/a,out/b,out/c"

A row is a label and the folders of its runs, as a rule one for each seed of its training; more than
one gives the mean and the standard deviation. All runs must have measured the same clips. The
real motion stands above, each row's motion with other clips' sound below its own as `shuffled`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from gesticulate.errors import GesticulateError, InputError, UsageError
from gesticulate.evaluation.tables import markdown_table


@dataclass(frozen=True)
class Arguments:
    """
    rows: label=folder[,folder ...], each with a results.json.
    digits: behind the point.
    out: markdown file to write besides.
    """

    rows: tuple[str, ...]
    digits: int = 3
    out: Path | None = None


def load_row(item: str) -> tuple[str, list[dict[str, Any]]]:
    """A row's label and the results of its runs."""
    label, equals, folders = item.rpartition("=")
    if not equals:
        raise UsageError(f"Got the row {item!r}, expected label=folder[,folder ...].")
    runs = []
    for folder in folders.split(","):
        file = Path(folder) / "results.json"
        try:
            runs.append(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{file} could not be read ({error}). Give the --out of a benchmarks/motion.py."
            ) from None
    return label, runs


def check_same_clips(rows: list[tuple[str, list[dict[str, Any]]]]) -> None:
    """Raises: InputError where two runs did not measure the same clips."""
    first = [clip["clip"] for clip in rows[0][1][0]["clips"]]
    for label, runs in rows:
        for run in runs:
            if [clip["clip"] for clip in run["clips"]] != first:
                raise InputError(
                    f"The runs of {rows[0][0]!r} and {label!r} did not measure the same clips. "
                    "Run benchmarks/motion.py for both with the same data set and --limit."
                )


def cell(values: list[float | None], digits: int) -> str:
    """One value, or the mean and the standard deviation of several; a dash for none."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    if len(known) == 1:
        return f"{known[0]:.{digits}f}"
    return f"{np.mean(known):.{digits}f} ± {np.std(known, ddof=1):.{digits}f}"


def compared(rows: list[tuple[str, list[dict[str, Any]]]], digits: int) -> str:
    """The table as markdown."""
    check_same_clips(rows)
    arrows = {"higher": "↑", "lower": "↓", "real": "→ real"}
    figures = rows[0][1][0]["figures"]
    header = ["", *(f"{f['title']} {arrows[f['better']]}" for f in figures)]
    lines: list[list[object]] = [
        ["real motion", *(cell([f["real"]], digits) for f in figures), "–"]
    ]
    for label, runs in rows:
        columns = list(zip(*(run["figures"] for run in runs), strict=True))
        for side, name in (("generated", label), ("shuffled", f"{label}, shuffled speech")):
            made = [cell([f[side] for f in column], digits) for column in columns]
            if side == "generated" or any(text != "–" for text in made):
                cost = [run["core_seconds"] for run in runs] if side == "generated" else []
                lines.append([name, *made, cell(cost, 2)])
    return markdown_table([*header, "core s a second ↓"], lines)


def main(arguments: Arguments) -> None:
    text = compared([load_row(item) for item in arguments.rows], arguments.digits)
    if arguments.out is not None:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    try:
        main(tyro.cli(Arguments, description=__doc__))
    except GesticulateError as error:
        sys.exit(f"error: {error}")
