"""Does a run that is killed leave half a file, and does the next one clear away what it left?

    python benchmarks/killed_runs.py --out OUT [--kills 50] [--jobs video edit dataset]

Short real runs of the main job, of `edit` and of `dataset build` are ended by ``kill -9``, each at
a random moment. After every kill, whatever stands under its name in the output folder must be
complete: all frames of a video, all arrays of a file. A last run goes to its end; after it, nothing
but complete files may be there. The worker processes of a killed build must end by themselves.
OUT gets results.json. The exit code is 1 where anything was wrong.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import psutil
import soundfile
import tyro
from PIL import Image

from gesticulate.atomic import PARTS, complete_files
from gesticulate.evaluation.tables import save_json
from gesticulate.examples import demo_photo, demo_speech
from gesticulate.video.read import VideoReader
from gesticulate.video.write import write_video

Job = Literal["video", "edit", "dataset"]
# Workers look after their parent at once; they may be in the middle of a picture.
_LAST_WORDS = 60.0


@dataclass(frozen=True)
class Arguments:
    """
    out: folder for the results and for the runs' files.
    kills: of each job.
    jobs: which.
    seed: of the moments.
    """

    out: Path
    kills: int = 50
    jobs: tuple[Job, ...] = ("video", "edit", "dataset")
    seed: int = 0


@dataclass
class Outcome:
    """What was seen of a job. writing: kills that left something half-written, out of sight.
    broken: files under their own names that were not complete. left: what the last run did not
    clear away. orphans: processes that outlived their parent."""

    job: str
    seconds: float
    kills: int = 0
    writing: int = 0
    broken: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    orphans: int = 0

    @property
    def fine(self) -> bool:
        return not (self.broken or self.left or self.orphans)


def prepare(folder: Path) -> dict[Job, list[str]]:
    """Small inputs in a folder, and the command of each job, up to its output."""
    folder.mkdir(parents=True, exist_ok=True)
    photo = demo_photo()
    Image.fromarray(photo).save(folder / "photo.png")
    samples, rate = soundfile.read(demo_speech())
    soundfile.write(folder / "speech.wav", samples[rate : 2 * rate], rate)
    clips = folder / "clips"
    clips.mkdir(exist_ok=True)
    small = np.asarray(Image.fromarray(photo).resize((192, 192)))
    for name in ("one", "two"):
        frames = (np.roll(small, at % 8, axis=1) for at in range(45))
        write_video(
            clips / f"{name}.mp4", frames, fps=25, size=(192, 192), sound=folder / "speech.wav"
        )
    program = [sys.executable, "-m", "gesticulate"]
    preset = ["--preset", "puppet", "--size", "128"]
    return {
        "video": [*program, f"{folder}/photo.png", f"{folder}/speech.wav", *preset, "-o"],
        "edit": [
            *program, "edit", f"{clips}/one.mp4", "--from", "0.4", "--to", "1.2", "--parts",
            "face", "--takes", "2", "--preset", "puppet", "-o",
        ],
        "dataset": [
            *program, "dataset", "build", f"{clips}", "--estimator", "mediapipe", "--workers", "2",
            "--min-seconds", "0.6", "--crop-size", "128", "--crop-videos", "-o",
        ],
    }  # fmt: skip


def incomplete(folder: Path) -> list[str]:
    """The files under their own names that cannot be read to their end."""
    wrong = []
    for path in complete_files(folder):
        try:
            _read(path)
        except Exception as error:
            wrong.append(f"{path.relative_to(folder)}: {error}")
    return wrong


def _read(path: Path) -> None:
    if path.suffix == ".mp4":
        frames = sum(1 for _ in VideoReader(path))
        assert frames >= 15, f"{frames} frames"
    elif path.suffix in (".npz", ".npy"):
        loaded = np.load(path)
        for name in getattr(loaded, "files", ()):
            loaded[name]
    elif path.suffix == ".json":
        json.loads(path.read_text(encoding="utf-8"))
    elif path.suffix in (".png", ".jpg"):
        Image.open(path).load()


def run(command: list[str], seconds: float | None) -> int:
    """Start a command, and kill it after so many seconds, or let it end. Returns how many of its
    processes outlived it by a minute."""
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    children: list[psutil.Process] = []
    try:
        process.wait(seconds)
    except psutil.TimeoutExpired:
        children = process.children(recursive=True)
        process.kill()
        process.wait()
    else:
        assert process.returncode == 0, f"{' '.join(command)} failed"
    return len(psutil.wait_procs(children, timeout=_LAST_WORDS)[1])


def judge(job: Job, command: list[str], folder: Path, kills: int, chance: random.Random) -> Outcome:
    """Kill a job again and again, then let it end. folder: for its output, which is new."""
    folder.mkdir(parents=True)
    whole = [*command, str(folder if job == "dataset" else folder / "talk.mp4")]
    began = time.monotonic()
    run(whole, None)
    outcome = Outcome(job, time.monotonic() - began)
    broken: list[str] = []
    for _ in range(kills):
        if job == "dataset":  # else there is nothing left to do
            for path in (*folder.rglob("*.npz"), *folder.rglob("*.mp4")):
                path.unlink()
        outcome.orphans += run(whole, chance.uniform(0.2, 1.0) * outcome.seconds)
        outcome.kills += 1
        outcome.writing += any(folder.rglob(PARTS))
        broken += incomplete(folder)
    run(whole, None)
    outcome.left = tuple(str(path.relative_to(folder)) for path in folder.rglob(PARTS))
    outcome.broken = (*broken, *incomplete(folder))
    return outcome


def main(arguments: Arguments) -> int:
    commands = prepare(arguments.out / "inputs")
    chance = random.Random(arguments.seed)
    outcomes = []
    for job in arguments.jobs:
        outcomes.append(judge(job, commands[job], arguments.out / job, arguments.kills, chance))
        print(outcomes[-1])
    save_json([asdict(outcome) for outcome in outcomes], arguments.out / "results.json")
    return 0 if all(outcome.fine for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
