"""What a pipeline preset says: which stage does each job, with which options."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DEFAULT_PRESET = "contextual"


@dataclass(frozen=True)
class StageChoice:
    """A stage by name, as `registry.build` makes it.

    options: keywords of the stage's constructor; a dictionary where the constructor takes an
        option dataclass.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PipelinePreset:
    """The stages that make a gesture video.

    speech: None is the speech encoder whose features the motion generator was trained on.
    """

    estimator: StageChoice
    motion: StageChoice
    renderer: StageChoice
    speech: StageChoice | None = None
