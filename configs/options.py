"""What `gesticulate presets` is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tyro import conf


@dataclass(frozen=True)
class PresetsOptions:
    """List the presets and what they are for."""

    what: conf.Positional[Literal["list"]] = "list"
    """Only list is known."""
    train: bool = False
    """List the settings of trainings (`gesticulate train ... --config NAME`) instead."""
