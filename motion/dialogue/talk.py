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


def monologue(speech: SpeechFeatures) -> Talk:
    """Somebody's speech to a partner who is silent. speech: `MelEncoder` features."""
    from ...speech.features import MelEncoder
    from ...speech.track import SAMPLE_RATE, Speech

    silence = MelEncoder().encode(Speech(np.zeros(SAMPLE_RATE, np.float32)), speech.fps)
    still = np.zeros(len(speech), int)
    quiet = SpeechFeatures(
        silence.features[still],
        silence.voice[still],
        silence.energy[still],
        silence.onset[still],
        speech.fps,
    )
    return Talk(speech, quiet, speech)


def first_speaker(talk: Talk) -> int:
    """Who is the first to speak alone: 0 for the left person, 1 for the right one."""
    left, right = (np.asarray(side.voice) >= 0.5 for side in talk.sides)
    differs = np.flatnonzero(left != right)
    return int(len(differs) > 0 and right[differs[0]])


def seeds(talk: Talk, seed: int) -> tuple[int, int]:
    """A seed a side, so that the two don't blink together.

    They go with the voices and not with the sides: who speaks first has the even one. Swapped
    speakers give swapped motions.
    """
    return (2 * seed + 1, 2 * seed) if first_speaker(talk) else (2 * seed, 2 * seed + 1)
