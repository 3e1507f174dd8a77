"""How far a job is: one event a frame or stage, and the seconds each stage took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class Progress:
    """Where a stage stands.

    done, total: frames for stages that make frames, else steps.
    seconds: since the stage began.
    """

    stage: str
    done: int
    total: int
    seconds: float

    @property
    def frames_per_second(self) -> float:
        """Done a second of wall clock; 0 before anything is done."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """By the rate so far; None before anything is done."""
        if not self.done:
            return None
        return (self.total - self.done) * self.seconds / self.done


Callback = Callable[[Progress], None]


class Meter:
    """Times the stages of one run and tells a callback.

    timings: seconds by stage. A stage that hands frames on to another as a stream counts only the
        time until each frame is ready.
    """

    def __init__(self, callback: Callback | None = None) -> None:
        self.timings: dict[str, float] = {}
        self._callback = callback

    @contextmanager
    def stage(self, name: str, steps: int = 1) -> Iterator[None]:
        """Time a stage that runs as one piece and counts for ``steps``."""
        began = time.perf_counter()
        self._tell(name, 0, steps, 0.0)
        yield
        self.add(name, time.perf_counter() - began)
        self._tell(name, steps, steps, time.perf_counter() - began)

    def stream(self, name: str, items: Iterator[Item], total: int) -> Iterator[Item]:
        """Hand a stage's frames on, timing and counting them."""
        began = time.perf_counter()
        self._tell(name, 0, total, 0.0)
        done = 0
        while True:
            asked = time.perf_counter()
            item = next(items, None)
            self.add(name, time.perf_counter() - asked)
            if item is None:
                return
            yield item
            done += 1
            self._tell(name, done, total, time.perf_counter() - began)

    def add(self, name: str, seconds: float) -> None:
        """Count seconds for a stage."""
        self.timings[name] = self.timings.get(name, 0.0) + seconds

    def _tell(self, name: str, done: int, total: int, seconds: float) -> None:
        if self._callback is not None:
            self._callback(Progress(name, done, total, seconds))
