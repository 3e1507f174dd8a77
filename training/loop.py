"""The training loop: accelerate, checkpoints, averaged weights, metrics in a JSON-lines file."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .clips import Batch
from .options import LoopOptions


class Progress:
    """How far a run has come; saved with its checkpoints."""

    def __init__(self) -> None:
        self.step = 0

    def state_dict(self) -> dict[str, int]:
        """What a checkpoint keeps."""
        return {"step": self.step}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """The opposite of `state_dict`."""
        self.step = state["step"]


def fit(
    module: nn.Module,
    batches: Callable[[int, int], Batch],
    validate: Callable[[nn.Module], dict[str, float]],
    options: LoopOptions,
) -> nn.Module:
    """Train a module whose forward(batch, step) returns its losses by name, "loss" their sum.

    batches: (step, process) -> batch. validate: figures of a module in eval mode. Resumes where
    ``options.output`` holds checkpoints. Returns the trained (averaged, where asked) module.
    """
    set_seed(options.seed)
    accelerator = Accelerator(mixed_precision=options.precision)
    parameters = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters, options.learning_rate, betas=(0.9, 0.99), weight_decay=options.weight_decay
    )
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: _rate(s, options))
    # Buffers (codebooks) are moving averages themselves and are copied as they are.
    averaged = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(options.ema))
    progress = Progress()
    model, optimizer, scheduler = accelerator.prepare(module, optimizer, scheduler)
    averaged.to(accelerator.device)
    accelerator.register_for_checkpointing(averaged, progress)
    latest = latest_checkpoint(options.output)
    if latest is not None:
        accelerator.load_state(str(latest))
    metrics = Metrics(options.output / "metrics.jsonl") if accelerator.is_main_process else None

    while progress.step < options.steps:
        model.train()
        batch = batches(progress.step, accelerator.process_index).to(accelerator.device)
        with accelerator.autocast():
            terms = model(batch, progress.step)
        accelerator.backward(terms["loss"])
        accelerator.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        averaged.update_parameters(accelerator.unwrap_model(model))
        progress.step += 1
        done = progress.step == options.steps
        if metrics:
            metrics.add(progress.step, terms)
        if done or progress.step % options.validate_every == 0:
            averaged.eval()
            figures = validate(averaged.module)
            if metrics:
                accelerator.print(
                    f"step {progress.step} of {options.steps}: loss {metrics.mean('loss'):.3f}, "
                    f"validation {figures['loss']:.3f}, {metrics.seconds_per_step():.2f} s a step"
                )
                metrics.write(progress.step, figures, scheduler.get_last_lr()[0])
        if done or progress.step % options.checkpoint_every == 0:
            _save(accelerator, options.output, progress.step)
    averaged.eval()
    return averaged.module


def _rate(step: int, options: LoopOptions) -> float:
    """Factor on the learning rate: linear warm-up, then a cosine down to a twentieth."""
    if step < options.warmup:
        return (step + 1) / options.warmup
    share = (step - options.warmup) / max(1, options.steps - options.warmup)
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


def latest_checkpoint(output: Path) -> Path | None:
    """The newest whole checkpoint in a run's folder."""
    found = [path for path in output.glob("checkpoint-*") if path.suffix != ".part"]
    return max(found, key=lambda path: int(path.name.split("-")[1]), default=None)


def _save(accelerator: Accelerator, output: Path, step: int) -> None:
    """Write a checkpoint under a temporary name, rename it, and remove the ones before."""
    older = list(output.glob("checkpoint-*"))
    part = output / f"checkpoint-{step}.part"
    accelerator.save_state(str(part))
    if accelerator.is_main_process:
        part.rename(output / f"checkpoint-{step}")
        for path in older:
            shutil.rmtree(path, ignore_errors=True)


class Metrics:
    """Running means of the training losses, written with the validation figures as JSON lines."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.sums: dict[str, float] = {}
        self.count = 0
        self.since = time.monotonic()

    def add(self, step: int, terms: dict[str, Tensor]) -> None:
        """Add one step's losses."""
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value.detach())
        self.count += 1
        if not math.isfinite(self.sums["loss"]):
            raise FloatingPointError(f"the loss is not finite at step {step}: {self.sums}")

    def mean(self, name: str) -> float:
        """Mean of a loss since the last line."""
        return self.sums[name] / self.count

    def seconds_per_step(self) -> float:
        """Since the last line, validation included."""
        return (time.monotonic() - self.since) / max(1, self.count)

    def write(self, step: int, figures: dict[str, float], learning_rate: float) -> None:
        """Write one line, and begin new means."""
        line: dict[str, Any] = {
            "step": step,
            "learning_rate": learning_rate,
            "seconds_per_step": self.seconds_per_step(),
            "train": {name: self.mean(name) for name in self.sums},
            "val": figures,
        }
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.sums, self.count, self.since = {}, 0, time.monotonic()
