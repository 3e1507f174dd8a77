"""Renderers as the command lines of the benchmarks name them."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from typing import Any

from gesticulate import registry
from gesticulate.errors import UsageError
from gesticulate.registry import StageChoice


def make_renderers(choices: Iterable[str]) -> dict[str, Any]:
    """Each by the name it has in tables.

    choices: a name in the registry, "package.module:Class", or "label=weights" for the learned
    renderer with registered weights or a .safetensors file.
    Raises: UsageError for an unknown or repeated name.
    """
    renderers: dict[str, Any] = {}
    for choice in choices:
        label, _, weights = choice.partition("=")
        if label in renderers:
            raise UsageError(f"Two renderers are called {label!r}. Tell them apart: label=weights.")
        if weights:
            stage = StageChoice("learned", {"weights": weights})
            renderers[label] = registry.build("renderers", stage)
        elif ":" in label:
            renderers[label] = pkgutil.resolve_name(label)()
        else:
            renderers[label] = registry.build("renderers", label)
    return renderers
