"""Motion of any length, window by window, each begun with the last frames of the one before.

The public model of Democratizing puts its windows end to end. Here the last frames of a window,
which were made without hearing what follows them, are made again by the next one, and fade into it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...errors import UsageError


@dataclass(frozen=True)
class Windows:
    """How a motion is cut, all in frames.

    size: of a window. history: before it, that it is told. lookahead: at its end, that the next
    one makes again.
    Raises: UsageError for a lookahead that leaves nothing of a window.
    """

    size: int
    history: int
    lookahead: int

    def __post_init__(self) -> None:
        if not 0 <= self.lookahead < self.size:
            raise UsageError(
                f"A lookahead of {self.lookahead} frames does not fit the network's windows of "
                f"{self.size}. Expected 0 to {self.size - 1}."
            )

    def starts(self, length: int) -> list[int]:
        """The first frames that each window makes, for a motion of ``length`` frames."""
        starts = [0]
        while starts[-1] + self.size < length:
            starts.append(starts[-1] + self.size - self.lookahead)
        return starts

    def fill(
        self,
        make: Callable[[list[Tensor], Tensor], Tensor],
        tracks: Sequence[np.ndarray],
        first: Tensor,
    ) -> np.ndarray:
        """A motion [T, D].

        make: (what is heard in a window, [1, size, C] a track, and the frames before it,
        [1, history, D]) -> [size, D]. tracks: [T, C] each. first: [D], what stands before the
        beginning; its device is that of everything that `make` is told.
        """
        length, before, ahead = len(tracks[0]), self.history, self.lookahead
        heard = [self._held(track).to(first.device) for track in tracks]
        made = first.new_zeros(before + length + self.size, len(first))
        made[:before] = first
        rise = torch.linspace(0, torch.pi / 2, ahead + 2, device=first.device)[1:-1].sin() ** 2
        for start in self.starts(length):
            span = slice(start, start + self.size)
            found = make([track[:, span] for track in heard], made[None, start : start + before])
            at = start + before
            if start > 0:
                found[:ahead] = made[at : at + ahead].lerp(found[:ahead], rise[:, None])
            made[at : at + self.size] = found
        return made[before : before + length].cpu().numpy()

    def _held(self, track: np.ndarray) -> Tensor:
        """[T, C] -> [1, T + size, C]: behind the end, the last frame's sound is held."""
        frames = torch.from_numpy(np.array(track, dtype=np.float32))
        return torch.cat([frames, frames[-1:].expand(self.size, -1)])[None]
