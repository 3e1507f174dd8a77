"""The training loop: accelerate, checkpoints, averaged weights, metrics in a JSON-lines file."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, broadcast_object_list, set_seed
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..atomic import complete_or_nothing
from .clips import Batch
from .mouths import LipBatch
from .options import LoopOptions
from .pairs import Pairs
from .talks import Talks


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


class Learner:
    """A module on its device, with its optimiser and learning rate."""

    def __init__(
        self, run: Run, module: nn.Module, rate: float, betas: tuple[float, float]
    ) -> None:
        options = run.options
        self.accelerator = run.accelerator
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(
            self.parameters,
            rate * options.learning_rate,
            betas=betas,
            weight_decay=options.weight_decay,
        )
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: _rate(s, options))
        self.model, self.optimizer, self.scheduler = run.accelerator.prepare(
            module, optimizer, scheduler
        )

    @property
    def module(self) -> nn.Module:
        """The bare module, without what shares its gradients between processes."""
        return self.accelerator.unwrap_model(self.model)

    def learn(self, loss: Tensor) -> None:
        """One step down the loss."""
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.scheduler.step()
        self.optimizer.zero_grad()


class Run:
    """One training run: how far it has come, its checkpoints and its figures."""

    def __init__(self, options: LoopOptions) -> None:
        set_seed(options.seed)
        self.options = options
        # Without this the learning rate falls once a process, not once a step.
        self.accelerator = Accelerator(
            mixed_precision=options.precision,
            step_scheduler_with_optimizer=False,
            # Not every stage of a training uses every output of its network.
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
        )
        self.progress = Progress()
        self.metrics: Metrics | None = None
        if self.accelerator.is_main_process:
            self.metrics = Metrics(options.output / "metrics.jsonl")

    @property
    def step(self) -> int:
        return self.progress.step

    @property
    def unfinished(self) -> bool:
        return self.step < self.options.steps

    def learner(
        self, module: nn.Module, rate: float = 1.0, betas: tuple[float, float] = (0.9, 0.99)
    ) -> Learner:
        """A module to be trained. rate: its learning rate as a share of the options'."""
        return Learner(self, module, rate, betas)

    def resume(self, *kept: Any) -> None:
        """Go on from the last checkpoint, where there is one. Called once, with everything besides
        the learners that checkpoints must keep."""
        self.accelerator.register_for_checkpointing(*kept, self.progress)
        latest = latest_checkpoint(self.options.output)
        if latest is not None:
            self.accelerator.load_state(str(latest))

    def finish_step(
        self,
        terms: dict[str, Tensor],
        validate: Callable[[], dict[str, float]],
        learning_rate: float,
    ) -> None:
        """Note a step's losses by name; validate and write a checkpoint where it is time to."""
        self.progress.step += 1
        step, options = self.step, self.options
        if self.metrics:
            self.metrics.add(step, terms)
        if not self.unfinished or step % options.validate_every == 0:
            figures = validate()
            if self.metrics:
                self.accelerator.print(
                    f"step {step} of {options.steps}: loss {self.metrics.mean('loss'):.3f}, "
                    f"validation {figures['loss']:.3f}, "
                    f"{self.metrics.seconds_per_step():.2f} s a step",
                    flush=True,
                )
                self.metrics.write(step, figures, learning_rate)
        if not self.unfinished or step % options.checkpoint_every == 0:
            _save(self.accelerator, options.output, step)


def moving_average(module: nn.Module, decay: float) -> AveragedModel:
    """A copy that follows the module's weights. Buffers (codebooks) are moving averages themselves
    and are copied as they are."""
    return AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(decay))


def fit(
    module: nn.Module,
    batches: Callable[[int, int], Batch | Pairs | Talks | LipBatch],
    validate: Callable[[nn.Module], dict[str, float]],
    options: LoopOptions,
) -> nn.Module:
    """Train a module whose forward(batch, step) returns its losses by name, "loss" their sum.

    batches: (step, process) -> batch. validate: figures of a module in eval mode. Resumes where
    ``options.output`` holds checkpoints. Returns the trained (averaged, where asked) module.
    """
    run = Run(options)
    averaged = moving_average(module, options.ema)
    learner = run.learner(module)
    averaged.to(run.accelerator.device)
    run.resume(averaged)
    while run.unfinished:
        learner.model.train()
        batch = batches(run.step, run.accelerator.process_index).to(run.accelerator.device)
        with run.accelerator.autocast():
            terms = learner.model(batch, run.step)
        learner.learn(terms["loss"])
        averaged.update_parameters(learner.module)
        run.finish_step(
            terms,
            lambda: validate(averaged.module.eval()),
            learner.scheduler.get_last_lr()[0],
        )
    return averaged.module.eval()


def _rate(step: int, options: LoopOptions) -> float:
    """Factor on the learning rate: linear warm-up, then a cosine down to a twentieth."""
    if step < options.warmup:
        return (step + 1) / options.warmup
    share = (step - options.warmup) / max(1, options.steps - options.warmup)
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


def latest_checkpoint(output: Path) -> Path | None:
    """The newest whole checkpoint in a run's folder."""
    found = output.glob("checkpoint-*[0-9]")
    return max(found, key=lambda path: int(path.name.split("-")[1]), default=None)


def _save(accelerator: Accelerator, output: Path, step: int) -> None:
    """Write a checkpoint, whole or not at all, and remove the ones before."""
    older = list(output.glob("checkpoint-*"))
    with ExitStack() as until_written:
        names = [""]
        if accelerator.is_main_process:
            writing = complete_or_nothing(output / f"checkpoint-{step}")
            names = [str(until_written.enter_context(writing))]
        # Every process writes its own random state into it.
        broadcast_object_list(names)
        accelerator.save_state(names[0])
        accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        for path in older:
            shutil.rmtree(path, ignore_errors=True)


def noise_of(seed: int, step: int) -> torch.Generator:
    """Random numbers that belong to a step, so that a resumed run draws the same ones, and to the
    process, so that several GPUs don't all train the same steps of noise."""
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    rank = torch.distributed.get_rank() if distributed else 0
    found = np.random.SeedSequence((seed, step, rank)).generate_state(1)
    return torch.Generator().manual_seed(int(found[0]))


class Metrics:
    """Running means of the training losses, written with the validation figures as JSON lines."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.sums: dict[str, float] = {}
        self.counts: Counter[str] = Counter()  # of the steps that had each loss
        self.since = time.monotonic()

    def add(self, step: int, terms: dict[str, Tensor]) -> None:
        """Add one step's losses."""
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value.detach())
        self.counts.update(terms.keys())
        if not math.isfinite(self.sums["loss"]):
            raise FloatingPointError(f"the loss is not finite at step {step}: {self.sums}")

    def mean(self, name: str) -> float:
        """Mean of a loss since the last line, over the steps that had it."""
        return self.sums[name] / self.counts[name]

    def seconds_per_step(self) -> float:
        """Since the last line, validation included."""
        return (time.monotonic() - self.since) / max(1, self.counts["loss"])

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
        self.sums, self.counts, self.since = {}, Counter(), time.monotonic()
