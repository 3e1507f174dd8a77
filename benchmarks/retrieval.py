"""How often do speech and gesture find each other? Recall of alignments, as papers tabulate it.

    python benchmarks/retrieval.py --data DATASET --out OUT --alignments \\
        "InfoNCE=plain.safetensors" "+ chronological=motion-alignment"

DATASET is what `gesticulate dataset build` wrote. Its clips are cut into windows that do not
overlap; batches of 32 of them are drawn at random (Contextual Gesture, appendix F, setting (b)).
OUT gets retrieval.md and retrieval.json.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro

from gesticulate.errors import GesticulateError
from gesticulate.evaluation.retrieval import recall_table
from gesticulate.evaluation.tables import markdown_table, save_json
from gesticulate.motion.checkpoint import load_alignment
from gesticulate.motion.heard import check_same_features
from gesticulate.training.alignment import AlignmentLosses, windows
from gesticulate.training.data import encoder_of, load_clips
from gesticulate.training.options import DataOptions
from gesticulate.training.pairs import Pairs, PairSampler
from gesticulate.training.sync import synchronised
from gesticulate.weights import locate

RANKS = (1, 2, 3, 5, 10)


@dataclass(frozen=True)
class Arguments:
    """
    data: folder of the data set.
    out: folder for the results.
    alignments: label=weights, registered ones or paths of .safetensors files.
    split: which clips, of those with sound.
    """

    data: Path
    out: Path
    alignments: tuple[str, ...] = ("alignment=motion-alignment",)
    split: str = "val"


def measured(weights: str, pairs: Pairs) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Percent found by direction and rank; and by stream, how often the right order is nearer."""
    alignment = load_alignment(locate(weights))
    rows, chance = {}, []
    for part, recall in recall_table(alignment, windows(pairs), RANKS).items():
        rows[f"speech to {part}"] = [100 * recall.forth[rank] for rank in RANKS]
        rows[f"{part} to speech"] = [100 * recall.back[rank] for rank in RANKS]
        chance = [100 * recall.chance(rank) for rank in RANKS]
    with torch.no_grad():
        terms = AlignmentLosses(alignment, 0.1).eval()(pairs, 0)
    order = {name: float(value) for name, value in terms.items() if "_order" in name}
    return {**rows, "chance": chance}, order


def main(arguments: Arguments) -> None:
    clips = synchronised(load_clips(DataOptions(arguments.data), arguments.split, True))
    tables, orders = {}, {}
    for item in arguments.alignments:
        label, _, weights = item.rpartition("=")
        sizes = load_alignment(locate(weights)).options
        window = sizes.window
        check_same_features(
            weights,
            sizes.speech_encoder,
            str(arguments.data),
            encoder_of(DataOptions(arguments.data)),
        )
        pairs = PairSampler(clips, window, 1, augment=False, seed=1).all()
        tables[label], orders[label] = measured(weights, pairs)
    header = ["", "", *(f"R@{rank}" for rank in RANKS)]
    recalls = [
        [label, direction, *values]
        for label, rows in tables.items()
        for direction, values in rows.items()
    ]
    names = list(next(iter(orders.values())))
    ordered = [[label, *(100 * o[name] for name in names)] for label, o in orders.items()]
    text = (
        f"Split {arguments.split}; percent found among 32.\n\n"
        f"{markdown_table(header, recalls, 1)}\n"
        "Percent of windows to which their own speech is nearer than the same in another order;\n"
        "`elsewhere` with the motion of another window, for which no order is right (50).\n\n"
        f"{markdown_table(['', *names], ordered, 1)}"
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "retrieval.md").write_text(text, encoding="utf-8")
    save_json({"recall": tables, "order": orders}, arguments.out / "retrieval.json")
    print(text)


if __name__ == "__main__":
    try:
        main(tyro.cli(Arguments, description=__doc__))
    except GesticulateError as error:
        sys.exit(f"error: {error}")
