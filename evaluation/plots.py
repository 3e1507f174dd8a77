"""Results as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic import complete_or_nothing
from .comparison import Figure

_COLOURS = {"real": "#4c72b0", "generated": "#dd8452", "shuffled sound": "#b0b0b0"}
_COLUMNS = 4


def plot_figures(figures: Sequence[Figure], path: Path) -> None:
    """A small bar chart a metric: real, generated, and the shuffled control where there is one."""
    sheet, axes = _grid(len(figures))
    for axis, figure in zip(axes, figures, strict=False):
        values = {
            "real": figure.real,
            "generated": figure.generated,
            "shuffled sound": figure.shuffled,
        }
        known = {name: value for name, value in values.items() if np.isfinite(value)}
        axis.bar(list(known), list(known.values()), color=[_COLOURS[name] for name in known])
        for place, value in enumerate(known.values()):
            axis.annotate(f"{value:.3g}", (place, value), ha="center", va="bottom", fontsize=8)
        axis.set_xlim(-0.6, max(len(known), 2) - 0.4)
        axis.margins(y=0.15)
        axis.set_title(_title(figure), fontsize=10)
        axis.tick_params(labelsize=8)
    _save(sheet, path)


def plot_clips(figures: Sequence[Figure], path: Path) -> bool:
    """How every metric spreads over the clips: one dot a clip, the median a line. False, and no
    file, where no metric is known by clip."""
    spread = [figure for figure in figures if figure.clips]
    if not spread:
        return False
    sheet, axes = _grid(len(spread))
    random = np.random.default_rng(0)
    for axis, figure in zip(axes, spread, strict=False):
        labels: list[str] = []
        for side, name in enumerate(("real", "generated")):
            values = np.array([pair[side] for pair in figure.clips.values()])
            values = values[np.isfinite(values)]
            if not len(values):
                continue
            place = len(labels)
            labels.append(name)
            across = place + random.uniform(-0.2, 0.2, len(values))
            axis.plot(across, values, ".", color=_COLOURS[name], alpha=0.7)
            axis.hlines(np.median(values), place - 0.3, place + 0.3, color="black")
        axis.set_xticks(range(len(labels)), labels)
        axis.set_xlim(-0.6, max(len(labels), 1) - 0.4)
        axis.set_title(_title(figure), fontsize=10)
        axis.tick_params(labelsize=8)
    _save(sheet, path)
    return True


def _title(figure: Figure) -> str:
    way = {"higher": "higher is better", "lower": "lower is better", "real": "as real is best"}
    return f"{figure.title}\n({way[figure.better]})"


def _grid(count: int) -> tuple[Any, list[Any]]:
    """A sheet with so many axes on it. Without pyplot, which would look for a screen."""
    from matplotlib.figure import Figure as Sheet

    columns = min(_COLUMNS, max(count, 1))
    rows = max(1, -(-count // columns))
    sheet = Sheet(figsize=(2.8 * columns, 2.6 * rows), layout="constrained")
    axes = np.ravel(sheet.subplots(rows, columns, squeeze=False)).tolist()
    for axis in axes[count:]:
        axis.set_axis_off()
    return sheet, axes


def _save(sheet: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with complete_or_nothing(path) as part:
        sheet.savefig(part, dpi=110)
