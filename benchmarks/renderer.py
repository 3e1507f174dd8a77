"""How fast are the renderers, and how far from what the machine can do?

    python benchmarks/renderer.py --out OUT
    python benchmarks/renderer.py --out OUT --device cuda --weights random-full --batch 16

The demo's photo is driven by motion made from the demo's speech. Every figure is measured in a
fresh process, on a CPU held to two cores. Beside the puppet and the learned renderer stands the
public thin-plate-spline motion model, rebuilt from its layer shapes (`tps_baseline.py`), at the
same input; what each stage counts begins at skeletons and ends at frames. The photo's preparation
is not part of the rate.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch
import tyro
from driven_photos import drive
from renderer_figures import FIGURES, Job

from gesticulate.errors import GesticulateError
from gesticulate.evaluation.tables import markdown_table, save_json
from gesticulate.examples import demo_photo, demo_speech
from gesticulate.pipelines.gesture_video import GestureVideoPipeline

_CORES = 2
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Arguments:
    """
    out: folder for renderer.md and renderer.json.
    weights: of the learned renderer: a name, a .safetensors file, "random-lean" or "random-full".
    sizes: pixels of the photo's sides, multiples of 128; the first also for the tables by part.
    frames: that are rendered for a rate; the demo's speech has 240.
    precisions: of the convolutions.
    engines: that run the convolutions: eager, compile (torch.compile), on a CPU also onnx (ONNX
        Runtime, float32) and int8 (the same, quantised), on a GPU also graph (a captured CUDA
        graph).
    tables: which tables to make.
    device: cpu or cuda.
    batch: frames at a time for the table of engines and the ceiling.
    """

    out: Path
    weights: str = "renderer-lean"
    sizes: tuple[int, ...] = (256, 512)
    frames: int = 120
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    engines: tuple[Literal["eager", "compile", "onnx", "int8", "graph"], ...] = (
        "eager",
        "compile",
        "onnx",
        "int8",
    )
    tables: tuple[Literal["peak", "stage", "parts", "counts", "engines"], ...] = (
        "peak",
        "counts",
        "stage",
        "parts",
        "engines",
    )
    device: Literal["cpu", "cuda"] = "cpu"
    batch: int = 1


def measured(job: Job) -> dict:
    """The job's figures from a fresh process; {"failed": why} where it ends with an error."""
    # As the command line sets it; it must stand before torch loads.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    command = [sys.executable, str(Path(__file__).with_name("renderer_figures.py"))]
    done = subprocess.run(
        [*command, json.dumps(asdict(job))], capture_output=True, text=True, env=environment,
        preexec_fn=partial(_hold, job),
    )  # fmt: skip
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        print(done.stderr, file=sys.stderr)
        return {"failed": lines[-1][:200]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _hold(job: Job) -> None:
    """Hold this process to the job's cores, before its libraries load: those that found two keep
    two threads, and these fight over one."""
    if job.device == "cpu" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job.threads])


class Report:
    """Tables as they are made, on the screen and in the file."""

    def __init__(self, arguments: Arguments, folder: Path) -> None:
        self.arguments, self.text = arguments, ""
        self.figures: list[dict] = []
        self.base = Job(
            "", weights=arguments.weights, device=arguments.device, threads=_CORES,
            frames=arguments.frames, folder=str(folder / str(arguments.sizes[0])),
        )  # fmt: skip
        self.folder = folder
        self.ceiling: dict[str, float] = {}
        self.gmac: dict[str, float] = {}

    def figure(self, job: Job) -> dict:
        result = measured(job)
        self.figures.append({"job": job, "result": result})
        return result

    def write(self, text: str) -> None:
        print(text, flush=True)
        self.text += text + "\n"

    def table(self, header: list[str], rows: list[list[object]], digits: int = 1) -> None:
        self.write(markdown_table(header, rows, digits))

    def peak(self) -> None:
        rows: list[list[object]] = []
        for precision in self.arguments.precisions:
            job = replace(self.base, figure="peak", precision=precision, batch=self.arguments.batch)
            done = self.figure(job)
            if "failed" not in done:
                self.ceiling[precision] = done["convolution"]
                rows.append([precision, done["convolution"], done["memory"]])
        self.write("The machine's ceilings: best 3 x 3 convolution, memory copied.\n")
        self.table(["precision", "GFLOP/s", "GB/s"], rows)

    def counts(self) -> None:
        columns = {
            "GMAC": "GMAC", "parameters": "million weights", "weights": "MB of weights",
            "activations": "MB that convolutions read and write",
        }  # fmt: skip
        jobs = [replace(self.base, figure="counts", precision=p) for p in self.arguments.precisions]
        jobs.append(replace(self.base, figure="counts", renderer="tps"))
        rows: list[list[object]] = []
        for job in jobs:
            done = self.figure(job)
            if "failed" in done:
                self.write(f"Counts failed: {done['failed']}\n")
                continue
            self.gmac[job.renderer] = sum(v["GMAC"] for k, v in done.items() if "once" not in k)
            for name, values in done.items():
                cells = [values.get(column, float("nan")) for column in columns]
                rows.append([name, job.precision, *cells])
        self.write("Work of a frame at 256 pixels:\n")
        self.table(["part", "precision", *columns.values()], rows, digits=2)

    def stage(self) -> None:
        rows: list[list[object]] = []
        for size in self.arguments.sizes:
            at = replace(self.base, figure="stage", folder=str(self.folder / str(size)))
            jobs = [replace(at, renderer="puppet")] if at.device == "cpu" else []
            jobs += [replace(at, precision=p) for p in self.arguments.precisions]
            # Seconds a frame on a CPU: a few are enough.
            few = 4 if at.device == "cpu" else self.arguments.frames
            jobs.append(replace(at, renderer="tps", frames=few))
            rows += [[job.renderer, size, *self._stage_row(job, size)] for job in jobs]
        self.write("Frames a second of the whole stage:\n")
        header = [
            "renderer", "photo", "precision", "frames/s", "ms", "processor ms", "first frame s",
            "of ceiling",
        ]  # fmt: skip
        self.table(header, rows)

    def _stage_row(self, job: Job, size: int) -> list[object]:
        done = self.figure(job)
        precision = "–" if job.renderer == "puppet" else job.precision
        if "failed" in done:
            return [precision, done["failed"], "–", "–", "–", "–"]
        # The learned renderer's networks see 256 pixels of any photo, the public model all.
        scale = (size / 256) ** 2 if job.renderer == "tps" else 1
        work = 2 * scale * self.gmac.get(job.renderer, float("nan")) * done["rate"]
        share = 100 * work / self.ceiling.get(job.precision, float("nan"))
        cell = "–" if share != share else f"{share:.0f} %"
        times = [done["rate"], 1000 / done["rate"], done["processor"], done["one"]]
        return [precision, *times, cell]

    def parts(self) -> None:
        columns: dict[str, dict] = {}
        for size in self.arguments.sizes:
            for precision in self.arguments.precisions:
                job = replace(
                    self.base, figure="parts", precision=precision, frames=20,
                    threads=1, folder=str(self.folder / str(size)),
                )  # fmt: skip
                columns[f"{size} {precision}"] = self.figure(job)
        names = next((list(c) for c in columns.values() if "failed" not in c), [])
        rows = [[name, *[c.get(name, "failed") for c in columns.values()]] for name in names]
        self.write(
            "Processor milliseconds of one frame by part, one core; dense motion and warp are\n"
            "parts of the network:\n"
        )
        self.table(["part", *columns], rows)

    def engines(self) -> None:
        rows: list[list[object]] = []
        for engine in self.arguments.engines:
            for precision in self.arguments.precisions:
                if engine in ("onnx", "int8") and precision != "float32":
                    continue
                job = replace(
                    self.base, figure="engines", precision=precision, engine=engine,
                    batch=self.arguments.batch, threads=1,
                )  # fmt: skip
                done = self.figure(job)
                rate = 1000 * job.batch / done["ms"] if "ms" in done else done["failed"]
                shown = "int8" if engine == "int8" else precision
                rows.append([engine, shown, done.get("ms", "failed"), rate])
        what = "the convolutions, one core" if self.base.device == "cpu" else "the whole network"
        self.write(f"Engines, {what}, {self.arguments.batch} frames at a time:\n")
        self.table(["engine", "precision", "ms", "frames/s"], rows)


def main(arguments: Arguments) -> None:
    on_cpu = arguments.device == "cpu"
    machine = platform.processor() or platform.machine()
    machine = f"{machine}, {_CORES} cores" if on_cpu else torch.cuda.get_device_name()
    pipeline = GestureVideoPipeline.from_preset("puppet")
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size in arguments.sizes:
            driven = drive(pipeline, demo_photo(), demo_speech(), size)
            driven.save(folder / str(size))
        del pipeline
        report = Report(arguments, folder)
        report.write(f"{machine}, torch {torch.__version__}, weights {arguments.weights}\n")
        for table in ("peak", "counts", "stage", "parts", "engines"):
            if table in arguments.tables:
                assert table in FIGURES
                getattr(report, table)()
    (arguments.out / "renderer.md").write_text(report.text, encoding="utf-8")
    figures = [{"job": asdict(f["job"]), "result": f["result"]} for f in report.figures]
    save_json({"arguments": arguments, "figures": figures}, arguments.out / "renderer.json")


if __name__ == "__main__":
    try:
        main(tyro.cli(Arguments, description=__doc__))
    except GesticulateError as error:
        sys.exit(f"error: {error}")
