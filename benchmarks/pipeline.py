"""How long each stage takes and how much memory a run needs, as Markdown tables.

    python benchmarks/pipeline.py [--preset contextual] [--photo PHOTO] [--long 10 60 600]

The demo's speech is repeated to each length. Every run is a fresh process, so that its peak
memory is its own; it is held to two processor cores where the system can do that.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

_STAGES = ("load", "read", "photo", "features", "motion", "render", "encode")
_CORES = 2


def make_inputs(folder: Path, photo: Path | None, seconds: list[int]) -> Path:
    """The photo and one speech file for each length, in the folder; returns the photo's path."""
    import soundfile
    from PIL import Image

    from gesticulate.examples import demo_photo, demo_speech

    samples, rate = soundfile.read(demo_speech(), dtype="float32")
    for length in seconds:
        repeats = -(-length * rate // len(samples))
        soundfile.write(folder / f"{length}.wav", np.tile(samples, repeats)[: length * rate], rate)
    if photo is None:
        photo = folder / "photo.png"
        Image.fromarray(demo_photo()).save(photo)
    return photo


def measure(preset: str, photo: Path, speech: Path, size: int, out: Path) -> dict[str, float]:
    """Run once in a fresh process: seconds by stage, ``total`` seconds, ``memory`` MB, frames."""
    command = [
        sys.executable, __file__, "--one", preset, str(photo), str(speech), str(size), str(out),
    ]  # fmt: skip
    # As the command line sets it; it must stand before torch loads.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def run_once(preset: str, photo: str, speech: str, size: str, out: str) -> None:
    """In the fresh process: make the video, print the figures as JSON."""
    import resource
    import time

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:_CORES])
    began = time.perf_counter()
    from gesticulate.pipelines.gesture_video import GestureVideoPipeline

    pipeline = GestureVideoPipeline.from_preset(preset)
    loaded = time.perf_counter() - began
    video = pipeline(photo, speech, out, size=int(size))
    own, others = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    figures = {
        "load": loaded,
        **video.timings,
        "total": time.perf_counter() - began,
        "processor": sum(use.ru_utime + use.ru_stime for use in (own, others)),
        "frames": video.num_frames,
        # Without ffmpeg, whose peak is lost in that of the fork it came from.
        "memory": own.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2),
    }
    print(json.dumps(figures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="contextual")
    parser.add_argument("--photo", type=Path, help="default: the demo's photo")
    parser.add_argument("--sizes", type=int, nargs="*", default=[256, 512], help="pixels")
    parser.add_argument("--long", type=int, nargs="*", default=[10, 60, 600], help="seconds")
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_once(*options.one)
        return
    print(f"{platform.processor() or platform.machine()}, {_CORES} cores, {options.preset}\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo = make_inputs(folder, options.photo, sorted({10, *options.long}))
        print("Seconds by stage, 10 s of speech (processor: seconds of all cores):\n")
        print(
            "| size | " + " | ".join(_STAGES) + " | total | processor | frames/s after load | MB |"
        )
        print("|---|" + "---|" * (len(_STAGES) + 4))
        for size in options.sizes:
            figures = measure(options.preset, photo, folder / "10.wav", size, folder / "o.mp4")
            rate = figures["frames"] / (figures["total"] - figures["load"])
            cells = [figures.get(key, 0.0) for key in (*_STAGES, "total", "processor")]
            print(
                f"| {size} | {' | '.join(f'{x:.1f}' for x in cells)} | {rate:.1f} "
                f"| {figures['memory']:.0f} |",
                flush=True,
            )
        print("\nPeak memory at 256 pixels:\n")
        print("| speech | MB | seconds |\n|---|---|---|")
        for length in options.long:
            speech = folder / f"{length}.wav"
            figures = measure(options.preset, photo, speech, 256, folder / "o.mp4")
            print(f"| {length} s | {figures['memory']:.0f} | {figures['total']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
