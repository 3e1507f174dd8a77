"""What all trainings share: their figures, and noise that belongs to a step."""

import json

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
