"""Small files replaced in one step: a reader or a killed run never meets half of one."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..atomic import complete_or_nothing


def write_text(path: Path, text: str) -> None:
    """Write a text file, on the disk before it takes the old one's place."""
    with complete_or_nothing(path) as part, open(part, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def write_csv(path: Path, columns: Sequence[str], rows: list[dict[str, Any]]) -> None:
    """Write a table likewise; cells that a row lacks stay empty."""
    with (
        complete_or_nothing(path) as part,
        open(part, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
