"""What all trainings share: their figures, and noise that belongs to a step."""

import json
import os
import subprocess
import sys

import torch

from gesticulate.training.loop import Metrics, noise_of


def test_a_loss_that_only_some_steps_have_is_averaged_over_those(tmp_path):
    metrics = Metrics(tmp_path / "metrics.jsonl")
    metrics.add(1, {"loss": torch.tensor(1.0)})
    metrics.add(2, {"loss": torch.tensor(3.0), "adversarial": torch.tensor(0.5)})
    metrics.write(2, {"loss": 0.0}, 1e-3)
    [line] = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["train"] == {"loss": 2.0, "adversarial": 0.5}


def test_every_process_draws_its_own_noise(monkeypatch):
    def drawn():
        return [torch.randn(3, generator=noise_of(0, step)) for step in (4, 5)]

    first = drawn()
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    second = drawn()
    assert len({tuple(values.tolist()) for values in (*first, *second)}) == 4
    assert torch.equal(drawn()[0], second[0])


_SAVE_LATE = """
import sys, time
from pathlib import Path
from accelerate import Accelerator
from gesticulate.training.loop import _save
accelerator = Accelerator(cpu=True)
time.sleep(accelerator.process_index)
_save(accelerator, Path(sys.argv[1]), 5)
"""


def test_a_checkpoint_has_the_state_of_every_process(tmp_path):
    script, output = tmp_path / "save_late.py", tmp_path / "run"
    script.write_text(_SAVE_LATE)
    output.mkdir()
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [sys.executable, *command, str(script), str(output)],
        capture_output=True,
        text=True,
        env={**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in output.iterdir()] == ["checkpoint-5"]
    states = sorted(path.name for path in output.glob("checkpoint-5/random_states_*"))
    assert states == ["random_states_0.pkl", "random_states_1.pkl"]
