"""What two people say to each other, on one frame clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...speech.track import SpeechFeatures


@dataclass(frozen=True)
class Talk:
    """left, right: each one's own speech; mix: both together. All of T frames."""

    left: SpeechFeatures
    right: SpeechFeatures
    mix: SpeechFeatures

    def __post_init__(self) -> None:
        lengths = {len(self.left), len(self.right), len(self.mix)}
        if len(lengths) > 1:
            raise ValueError(f"the speech of a talk must have one length, got {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.mix)

    @property
    def sides(self) -> tuple[SpeechFeatures, SpeechFeatures]:
        """Left and right."""
        return self.left, self.right

    def swapped(self) -> Talk:
        """Each one's words in the other one's mouth."""
        return Talk(self.right, self.left, self.mix)


def seeds(talk: Talk, seed: int) -> tuple[int, int]:
    """A seed a side, so that the two don't blink together.

    They go with the voices and not with the sides: who speaks first has the even one. Swapped
    speakers give swapped motions.
    """
    left, right = (np.asarray(side.voice) >= 0.5 for side in talk.sides)
    differs = np.flatnonzero(left != right)
    right_first = len(differs) > 0 and bool(right[differs[0]])
    return (2 * seed + 1, 2 * seed) if right_first else (2 * seed, 2 * seed + 1)
