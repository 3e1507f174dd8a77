"""What `gesticulate weights` is told."""

from __future__ import annotations

from dataclasses import dataclass, field

from tyro import conf


@dataclass(frozen=True)
class WeightsOptions:
    """The files of weights that gesticulate knows (weights/manifest.json)."""

    names: conf.Positional[tuple[str, ...]] = field(default_factory=tuple)
    """Which; list and verify take all where none is named."""
