"""Two sets of recordings that are held against each other, real and generated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..keypoints.motion import Motion
from .joints import FPS, Joints
from .recordings import Recording, Sound

# Of two recordings of one name, frames by which they may differ; the longer one is cut.
SLACK = round(FPS / 2)


class Sides:
    """Real and generated recordings by name, and those that have a partner."""

    def __init__(
        self,
        real: Mapping[str, Recording],
        generated: Mapping[str, Recording],
        every: int = 5,
    ) -> None:
        """every: frames from one compared picture to the next."""
        self.real, self.generated, self.every = list(real.values()), list(generated.values()), every
        self._pairs = [(real[name], made) for name, made in generated.items() if name in real]

    def need_frames(self) -> None:
        """Raises: InputError where a recording has no video."""
        for recording in (*self.real, *self.generated):
            recording.frames()

    @property
    def pairs(self) -> list[tuple[Recording, Recording]]:
        """Recordings of the same name. Raises: InputError where there are none."""
        if not self._pairs:
            raise InputError(
                f"no file of the generated ones ({self.generated[0].name}, ...) has the name of a "
                f"real one ({self.real[0].name}, ...)."
            )
        return self._pairs

    def motions(self) -> tuple[list[Motion], list[Motion]]:
        """All real and all generated motions, for comparing sets.

        Two of one name and length show the same: a point counts in frames where both have it.
        Otherwise a hand that only one of them shows would be most of the distance.
        """
        partners = {id(made): real for real, made in self._pairs}
        shown: dict[int, Motion] = {}
        for made in self.generated:
            real = partners.get(id(made))
            if real is None or abs(len(real.motion) - len(made.motion)) > SLACK:
                continue
            length = min(len(real.motion), len(made.motion))
            both = np.minimum(real.motion.confidence[:length], made.motion.confidence[:length])
            for one in (real, made):
                shown[id(one)] = replace(one.motion[:length], confidence=both)
        real_side, made_side = (
            [shown.get(id(one), one.motion) for one in side] for side in (self.real, self.generated)
        )
        return real_side, made_side

    def joints(self) -> Iterator[tuple[str, Joints, Joints]]:
        """(name, real, generated) joints of all pairs, of one length."""
        for real, made in self.pairs:
            length = common_length(made.name, len(real.motion), len(made.motion))
            yield made.name, Joints.of(real.motion[:length]), Joints.of(made.motion[:length])

    def sound_of(self, recording: Recording) -> Sound | None:
        """What is heard in a recording, or was given to make it: its partner's sound. None where
        neither has any."""
        partner = next((real for real, made in self._pairs if made is recording), recording)
        for source in (recording, partner):
            try:
                return source.sound
            except InputError:
                continue
        return None


def common_length(name: str, real: int, generated: int) -> int:
    """The shorter of two numbers of frames that differ by half a second at most.

    Raises: InputError where they differ by more.
    """
    if abs(real - generated) > SLACK:
        raise InputError(
            f"{name}: the real clip has {real} frames at 25 a second, the generated one "
            f"{generated}. They must be of the same speech and length."
        )
    return min(real, generated)
