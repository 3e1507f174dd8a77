"""Results as text: markdown tables, and JSON that any reader takes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from ..atomic import complete_or_nothing


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]], digits: int = 3) -> str:
    """A table in GitHub's markdown: the first column to the left, the others to the right. Floats
    have so many digits behind the point; NaN is a dash."""
    lines = [list(header), [":--", *["--:"] * (len(header) - 1)]]
    lines += [[_cell(value, digits) for value in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _cell(value: object, digits: int) -> str:
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.{digits}f}"
    return str(value)


def save_json(value: Any, path: Path) -> None:
    """Dataclasses become objects; NaN and infinity, which JSON has not, null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_plain(value), indent=1, allow_nan=False)
    with complete_or_nothing(path) as part:
        part.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) or hasattr(value, "dtype"):
        number = float(value)
        return number if math.isfinite(number) else None
    return value
