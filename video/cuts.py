"""Cuts, found while the frames go by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

# A cut changes hue, saturation and brightness by this on average (PySceneDetect's content value
# and its ContentDetector's default), and three times as much as the frames about it do: fast hands
# change as many pixels, but for several frames in a row (its AdaptiveDetector).
MIN_CHANGE, MIN_RATIO = 27.0, 3.0
_NEIGHBOURS = 2
_WIDTH = 128


class CutFinder:
    """Hands frames on and keeps how much each differs from the one before."""

    def __init__(self, frames: Iterable[np.ndarray]) -> None:
        """frames: [H, W, 3] uint8 RGB each."""
        self._frames = frames
        self._changes: list[float] = []

    def __iter__(self) -> Iterator[np.ndarray]:
        import cv2

        before = None
        for frame in self._frames:
            height = max(1, round(_WIDTH * frame.shape[0] / frame.shape[1]))
            small = cv2.resize(frame, (_WIDTH, height), interpolation=cv2.INTER_AREA)
            now = cv2.cvtColor(small, cv2.COLOR_RGB2HSV).astype(np.int16)
            self._changes.append(0.0 if before is None else float(np.abs(now - before).mean()))
            before = now
            yield frame

    def cuts(self) -> list[int]:
        """The frames that a new shot begins with, among those that went by."""
        changes, found = np.array(self._changes), []
        for at in np.flatnonzero(changes >= MIN_CHANGE):
            low, high = max(1, at - _NEIGHBOURS), at + _NEIGHBOURS + 1
            about = np.r_[changes[low:at], changes[at + 1 : high]]
            if changes[at] >= MIN_RATIO * (about.mean() if len(about) else 0.0):
                found.append(int(at))
        return found
