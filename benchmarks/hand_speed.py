"""How quick are hands, before and after their speed is limited (motion/hand_speed.py)?

    python benchmarks/hand_speed.py --speech SPEECH... --out OUT

Motion is made for every speech with several seeds, by every generator, and finished twice: without
the limit and with it. OUT gets a table of the wrists' and the fingers' speeds, what the limit costs
(how far strokes' apexes move, and how much of their size is left), and a histogram.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro
from matplotlib.figure import Figure
from scipy.signal import find_peaks

from gesticulate import registry
from gesticulate.errors import GesticulateError
from gesticulate.evaluation.tables import markdown_table, save_json
from gesticulate.keypoints.layout import MOTION_LEFT_HAND, MOTION_RIGHT_HAND
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST
from gesticulate.motion.finish import AS_IT_IS, RawMotion, finish
from gesticulate.motion.hand_speed import MOST
from gesticulate.motion.strokes import WRISTS
from gesticulate.speech.load import load

# Apexes: peaks of a wrist's height that stand out so far, in shoulder widths, and belong together
# if they are no further apart than this, in seconds.
OUTSTANDING, TOGETHER = 0.1, 0.3


@dataclass(frozen=True)
class Arguments:
    """
    speech: sound files. out: folder for the results. generators: names in the registry.
    seeds: motions of each generator for each speech.
    """

    speech: tuple[Path, ...]
    out: Path
    generators: tuple[str, ...] = ("contextual", "skeleton-diffusion", "fine-gesture")
    seeds: int = 2


def wrist_speeds(motion: Motion) -> np.ndarray:
    """Of both wrists from frame to frame, [2 (T - 1)] in shoulder widths a second."""
    steps = np.diff(motion.points[:, WRISTS].astype(np.float64), axis=0)
    return np.linalg.norm(steps, axis=-1).ravel() * motion.fps


def finger_speeds(motion: Motion) -> np.ndarray:
    """Of both hands about their wrists, root of the mean square over the points, [2 (T - 1)]."""
    found = []
    for hand in (MOTION_LEFT_HAND, MOTION_RIGHT_HAND):
        steps = np.diff(motion.points[:, hand].astype(np.float64), axis=0)
        found.append(np.sqrt(np.square(steps).sum(axis=-1).mean(axis=-1)))
    return np.concatenate(found) * motion.fps


def apexes(before: Motion, after: Motion) -> Iterator[tuple[float, float]]:
    """For each apex of a wrist: how many seconds it has moved, and what is left of its size."""
    for wrist in WRISTS:
        heights = [-motion.points[:, wrist, 1].astype(np.float64) for motion in (before, after)]
        found = [find_peaks(height, prominence=OUTSTANDING) for height in heights]
        at, kept = found[0][0], found[1][0]
        if not len(kept):
            continue
        nearest = np.abs(at[:, None] - kept[None]).argmin(axis=1)
        for i, j in enumerate(nearest):
            moved = (kept[j] - at[i]) / before.fps
            if abs(moved) <= TOGETHER:
                yield moved, found[1][1]["prominences"][j] / found[0][1]["prominences"][i]


def row(label: str, speeds: np.ndarray) -> list[object]:
    """Mean, percentiles, and the share of steps beyond the limit."""
    return [
        label,
        float(speeds.mean()),
        *(float(x) for x in np.percentile(speeds, [50, 90, 99, 99.9])),
        float(speeds.max()),
        100 * float((speeds > MOST * 1.001).mean()),
    ]


Speeds = dict[str, np.ndarray]
Apexes = list[tuple[float, float]]


def measure(name: str, arguments: Arguments) -> tuple[Speeds, Apexes]:
    """The speeds of a generator's motions by part and time, and what became of their apexes."""
    reference = Motion(REST[None].astype(np.float32), np.ones((1, 116), np.float32))
    generator = registry.build("motion_generators", name)
    encoder = registry.build("speech_encoders", generator.speech_encoder)
    found: dict[str, list[np.ndarray]] = {}
    costs: Apexes = []
    for file in arguments.speech:
        speech = encoder.encode(load(file), generator.fps)
        for seed in range(arguments.seeds):
            raw = generator.generate(speech, reference, seed=seed)
            options = raw.finishing if isinstance(raw, RawMotion) else AS_IT_IS
            opening = raw.lip_opening if isinstance(raw, RawMotion) else None
            free = RawMotion.of(raw, opening, replace(options, hand_speed=None))
            before = finish(free, speech, reference, seed=seed)
            after = finish(raw, speech, reference, seed=seed)
            for when, motion in (("before", before), ("after", after)):
                found.setdefault(f"wrists {when}", []).append(wrist_speeds(motion))
                found.setdefault(f"fingers {when}", []).append(finger_speeds(motion))
            costs += apexes(before, after)
    return {label: np.concatenate(parts) for label, parts in found.items()}, costs


def main(arguments: Arguments) -> None:
    rows, strokes, wrists = [], [], {}
    for name in arguments.generators:
        speeds, costs = measure(name, arguments)
        wrists[name] = (speeds["wrists before"], speeds["wrists after"])
        rows += [row(f"{name}, {label}", values) for label, values in speeds.items()]
        moved, left = np.array(costs).T
        late = [float(np.abs(moved).mean()), float(np.percentile(np.abs(moved), 95))]
        size = [float(np.median(left)), float(np.percentile(left, 5))]
        strokes.append([name, len(costs), *late, *size])
    arguments.out.mkdir(parents=True, exist_ok=True)
    header = ["", "mean", "median", "90 %", "99 %", "99.9 %", "fastest", f"% above {MOST:g}"]
    text = "Shoulder widths a second:\n\n" + markdown_table(header, rows, 2)
    header = ["", "apexes", "moved by (s)", "95 %", "size left, median", "5 %"]
    text += "\nWhat the limit costs the strokes:\n\n" + markdown_table(header, strokes, 3)
    (arguments.out / "hand-speed.md").write_text(text, encoding="utf-8")
    save_json(
        {"arguments": arguments, "rows": rows, "strokes": strokes},
        arguments.out / "hand-speed.json",
    )
    draw(wrists, arguments.out / "hand-speed.png")
    print(text)


def draw(wrists: dict[str, tuple[np.ndarray, np.ndarray]], path: Path) -> None:
    """Histograms before and after, a panel a generator."""
    figure = Figure(figsize=(4 * len(wrists), 3), layout="constrained")
    for axes, (name, (before, after)) in zip(
        figure.subplots(1, len(wrists), squeeze=False)[0], wrists.items(), strict=True
    ):
        bins = np.linspace(0, max(8.0, float(before.max())), 60)
        axes.hist(before, bins, histtype="step", label="before")
        axes.hist(after, bins, histtype="step", label="after")
        axes.axvline(MOST, color="grey", linewidth=0.5)
        axes.set(yscale="log", title=name, xlabel="wrist, shoulder widths a second")
        axes.legend()
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    try:
        main(tyro.cli(Arguments, description=__doc__))
    except GesticulateError as error:
        sys.exit(f"error: {error}")
