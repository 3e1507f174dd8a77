"""What a pipeline preset says: which stage does each job, with which options."""

from __future__ import annotations

from dataclasses import dataclass

from ..registry import StageChoice

DEFAULT_PRESET = "contextual"


@dataclass(frozen=True)
class PipelinePreset:
    """The stages that make a gesture video.

    speech: None is the speech encoder whose features the motion generator was trained on.
    """

    estimator: StageChoice
    motion: StageChoice
    renderer: StageChoice
    speech: StageChoice | None = None
