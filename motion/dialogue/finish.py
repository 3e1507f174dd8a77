"""What is done to the raw motions of two people in talk, whichever generator made them."""

from __future__ import annotations

from typing import Any

from ...keypoints.motion import Motion
from ..finish import finish
from .listening import listen
from .talk import Talk, seeds


def make_talk(
    generator: Any,
    talk: Talk,
    references: tuple[Motion, Motion],
    *,
    seed: int = 0,
    expressiveness: float = 1.0,
) -> tuple[Motion, Motion]:
    """What a `DialogueGenerator` makes of a talk, finished. The rest as `finish_talk`."""
    raw = generator.converse(talk, references, seed=seed)
    return finish_talk(raw, talk, references, seed=seed, expressiveness=expressiveness)


def finish_talk(
    raw: tuple[Motion, Motion],
    talk: Talk,
    references: tuple[Motion, Motion],
    *,
    seed: int = 0,
    expressiveness: float = 1.0,
) -> tuple[Motion, Motion]:
    """Both motions finished as one person's are (`finish`), each to the own speech; who listens has
    closed lips and resting hands, and nods (`listening.listen`).

    Swapped speakers give the same motions, swapped.
    """
    first, second = (
        listen(
            finish(motion, own, reference, seed=side_seed, expressiveness=expressiveness),
            own.voice,
            partner.voice,
            reference,
            side_seed,
            expressiveness,
        )
        for motion, own, partner, reference, side_seed in zip(
            raw, talk.sides, talk.swapped().sides, references, seeds(talk, seed), strict=True
        )
    )
    return first, second
