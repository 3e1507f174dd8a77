"""Presets are read into dataclasses, and what cannot mean anything is said clearly."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from gesticulate import configs, registry
from gesticulate.commands import COMMANDS
from gesticulate.errors import UsageError
from gesticulate.pipelines.preset import DEFAULT_PRESET, PipelinePreset


@dataclass(frozen=True)
class Inner:
    rate: float = 1e-3
    steps: int = 3
    betas: tuple[float, float] = (0.9, 0.99)

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise ValueError("expected steps of 0 or more")


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner = field(default_factory=Inner)
    perhaps: Inner | None = None
    mode: Literal["slow", "fast"] = "slow"
    folder: Path | None = None


@pytest.fixture
def write(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return path

    return write


def test_values_reach_nested_dataclasses(write):
    path = write("name: a\nfolder: some/where\ninner: {rate: 1e-4, betas: [0.5, 0.9]}\n")
    assert configs.load(path, Outer) == Outer(
        "a", Inner(rate=1e-4, betas=(0.5, 0.9)), folder=Path("some/where")
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nmae: a", ["'nmae'", "did you mean 'name'", "mine.yaml"]),
        ("name: a\ninner: {stepps: 4}", ["'inner.stepps'", "did you mean 'steps'"]),
        ("name: a\nperhaps: {stepps: 4}", ["'perhaps.stepps'", "did you mean 'steps'"]),
        ("name: a\nzzz: 4", ["'zzz'", "known here: name, inner, perhaps, mode, folder"]),
        ("mode: slow", ["'name' is missing"]),
        ("name: a\ninner: {steps: many}", ["inner.steps", "'many'", "integer"]),
        ("name: a\ninner: {steps: -1}", ["inner", "expected steps of 0 or more"]),
        ("name: a\nmode: slower", ["mode", "'slower'", "'slow' or 'fast'"]),
        ("- a", ["holds a list"]),
        ("name: [", ["no YAML file"]),
    ],
)
def test_what_cannot_mean_anything_is_named(write, text, said):
    with pytest.raises(UsageError) as caught:
        configs.load(write(text), Outer)
    for words in said:
        assert words in str(caught.value)


def test_a_missing_preset_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'contextual'"):
        configs.load("contextal", PipelinePreset)
    with pytest.raises(UsageError, match="no preset file"):
        configs.load("nowhere/mine.yaml", PipelinePreset)


def test_every_preset_says_what_it_is_for():
    assert DEFAULT_PRESET in configs.names()
    for name in configs.names():
        assert len(configs.summary(name)) > 20


def test_every_pipeline_preset_names_stages_that_exist():
    groups = {
        "estimator": "pose_estimators",
        "speech": "speech_encoders",
        "motion": "motion_generators",
        "renderer": "renderers",
    }
    found = 0
    for name in configs.run_names():
        preset = configs.load(name, PipelinePreset)
        for role, group in groups.items():
            choice = getattr(preset, role)
            if choice is None:
                assert role == "speech", name
                continue
            known = inspect.signature(registry.factory(group, choice.name)).parameters
            assert set(choice.options) <= set(known)
            found += 1
    assert found >= 8


def test_presets_name_their_pose_estimator_rather_than_let_the_network_choose():
    for name in configs.run_names():
        assert configs.load(name, PipelinePreset).estimator.name != "auto"


def test_no_preset_is_a_copy_of_another():
    presets = {name: configs.load(name, PipelinePreset) for name in configs.run_names()}
    del presets["offline"]  # stays what it is when the default becomes another
    for name, preset in presets.items():
        assert [other for other in presets if presets[other] == preset] == [name]


@pytest.mark.parametrize("name", configs.training_names())
def test_every_training_preset_is_complete(name):
    # train-skeleton-diffusion-paper is for the command `train skeleton-diffusion`.
    (command,) = (
        command
        for words, command in COMMANDS.items()
        if words[0] == "train" and f"{name}-".startswith(f"{'-'.join(words)}-")
    )
    kind = registry.load_object(command.options)
    assert configs.load(name, kind).loop.steps > 0
