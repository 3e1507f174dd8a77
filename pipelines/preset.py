"""What a pipeline preset says: which stage does each job, with which options."""

from __future__ import annotations

from dataclasses import dataclass

from ..registry import StageChoice

DEFAULT_PRESET = "contextual"


@dataclass(frozen=True)
class PipelinePreset:
    """The stages that make a gesture video.

    speech: None is the speech encoder whose features the motion generator was trained on.
    lips: the weights, by registered name or path, that move the mouth to the speech behind any
    motion generator; None leaves the generator's own mouth.
    """

    estimator: StageChoice
    motion: StageChoice
    renderer: StageChoice
    speech: StageChoice | None = None
    lips: str | None = "lips"
