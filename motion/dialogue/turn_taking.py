"""Two people in talk from a generator that knows of one: each moves to the own speech."""

from __future__ import annotations

from typing import Any

from ...keypoints.motion import Motion
from ...registry import moved
from .talk import Talk, seeds


class TurnTaking:
    """`DialogueGenerator` around any `MotionGenerator`. Needs no weights of its own."""

    def __init__(self, generator: Any) -> None:
        self.generator = generator
        self.name: str = generator.name
        self.fps: float = generator.fps
        self.speech_encoder: str = generator.speech_encoder

    def to(self, device: str) -> TurnTaking:
        """Have the generator work on a device."""
        self.generator = moved(self.generator, device)
        return self

    def converse(
        self,
        talk: Talk,
        references: tuple[Motion, Motion],
        *,
        seed: int = 0,
    ) -> tuple[Motion, Motion]:
        """See `DialogueGenerator`."""
        first, second = (
            self.generator.generate(own, reference, seed=side_seed)
            for own, reference, side_seed in zip(
                talk.sides, references, seeds(talk, seed), strict=True
            )
        )
        return first, second
