"""Measure a folder of generated clips against real ones: `gesticulate evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from .. import registry
from ..atomic import complete_or_nothing
from ..errors import InputError, UsageError
from .clips import Estimator
from .comparison import ALL, Figure, compare, table
from .options import EvaluateOptions
from .plots import plot_clips, plot_figures
from .recordings import Recording, dataset_recordings, folder_recordings
from .sides import Sides
from .tables import save_json


def evaluate(options: EvaluateOptions, tell: Callable[[str], None] = lambda text: None) -> str:
    """Measure, write results.md, results.json and the plots; returns the table.

    tell: is told what is being measured.
    Raises: InputError, UsageError, WeightsError.
    """
    if options.every < 1:
        raise UsageError(f"--every must be 1 or more, got {options.every}.")
    if options.out.is_file():
        raise UsageError(f"The output {options.out} is a file. Give a folder for the results.")
    poses = options.out / "poses"
    registry.check_name("pose_estimators", registry.chosen(options.estimator).name)
    estimator = partial(registry.build, "pose_estimators", options.estimator)
    generated = folder_recordings(options.generated, estimator, poses / "generated")
    real = _real(options, estimator, poses / "real", generated)
    sides = Sides(real, generated, options.every)
    figures, missing = compare(sides, options.metrics or ALL, bool(options.metrics), tell)
    if not figures:
        reasons = "".join(f"\n  {name}: {reason}" for name, reason in missing.items())
        raise InputError(f"Nothing of these files can be measured:{reasons}")
    return write_results(options.out, figures, missing, options, (len(real), len(generated)))


def write_results(
    out: Path,
    figures: Sequence[Figure],
    missing: dict[str, str],
    arguments: Any,
    counts: tuple[int, int],
) -> str:
    """The table, the JSON and the plots. counts: of real and of generated recordings."""
    text = f"{counts[0]} real and {counts[1]} generated recordings.\n\n" + table(figures, missing)
    out.mkdir(parents=True, exist_ok=True)
    plot_figures(figures, out / "figures.png")
    plot_clips(figures, out / "clips.png")
    save_json(
        {"arguments": arguments, "figures": figures, "missing": missing}, out / "results.json"
    )
    with complete_or_nothing(out / "results.md") as part:
        part.write_text(text, encoding="utf-8")
    return text


def _real(
    options: EvaluateOptions,
    estimator: Callable[[], Estimator],
    poses: Path,
    generated: dict[str, Recording],
) -> dict[str, Recording]:
    from ..datasets.publish import STATE_FILE

    if not (options.real / STATE_FILE).is_file():
        return folder_recordings(options.real, estimator, poses)
    from ..datasets.load import Clips

    clips = Clips(options.real)
    rows = clips.select(options.split, options.kinds or None)
    if not rows:
        raise InputError(
            f"{options.real} has no clip of split {options.split!r} and kinds "
            f"{', '.join(options.kinds) or 'any'}."
        )
    # Where the generated clips are of this data set, they are held against their own originals.
    own = [row for row in rows if row.id in generated]
    return dataset_recordings(clips, own or rows)
