"""MediaPipe as pose estimator: its wheel carries the models, so it works without a network."""

from __future__ import annotations

from .holistic_map import from_holistic

__all__ = ["from_holistic"]
