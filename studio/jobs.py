"""One render at a time, which can be stopped: at its next frame it ends and cleans up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..pipelines.progress import Callback, Progress

# Between two looks at whether a waiting job was stopped, in seconds.
_LOOK = 0.1
# A job that is stopped while a network thinks ends when it has thought.
_PATIENCE = 120.0
_STAGES = {
    "read": "Reading",
    "load": "Loading the models",
    "photo": "Looking at the photo",
    "features": "Listening to the speech",
    "motion": "Making the motion",
    "look": "Looking at the video",
    "render": "Drawing the frames",
}


class Stopped(Exception):
    """The user stopped the job."""


class Job:
    """One run. ended: set when nothing of it goes on."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self._stop = threading.Event()

    def stop(self) -> None:
        """Ask it to end."""
        self._stop.set()

    def check(self) -> None:
        """Raises: Stopped where it was asked to end."""
        if self._stop.is_set():
            raise Stopped

    def callback(self, show: Callable[[float, str], object]) -> Callback:
        """What a pipeline calls: shows how far it is, and ends it where that was asked for.

        show: gets the share that is done, 0 to 1, and a line of text.
        """

        def told(progress: Progress) -> None:
            self.check()
            done = progress.done / max(1, progress.total)
            show(done, describe(progress))

        return told


def describe(progress: Progress) -> str:
    """A line for people: what is done, and how long it still takes."""
    line = _STAGES.get(progress.stage, progress.stage.capitalize())
    if progress.total > 1:
        line += f": {progress.done} of {progress.total}"
    left = progress.seconds_left
    if left is not None and progress.done < progress.total:
        line += f", about {_duration(left)} left"
    return line


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min"


class Device:
    """Lets one job at a time run. Each page and purpose has one job at most."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._jobs: dict[tuple[str, str], Job] = {}

    @contextmanager
    def job(self, page: str, purpose: str) -> Iterator[Job]:
        """Wait for the turn, and have it meanwhile.

        page: the open page that asks. Raises: Stopped where the job is stopped before.
        """
        job = Job()
        self._jobs[page, purpose] = job
        try:
            while not self._turn.acquire(timeout=_LOOK):
                job.check()
            try:
                job.check()
                yield job
            finally:
                self._turn.release()
        finally:
            if self._jobs.get((page, purpose)) is job:
                del self._jobs[page, purpose]
            job.ended.set()

    def stop(self, page: str, purpose: str) -> bool:
        """Stop a job and wait until it has ended; whether there was one."""
        job = self._jobs.get((page, purpose))
        if job is None:
            return False
        job.stop()
        return job.ended.wait(_PATIENCE)

    def stop_all(self, page: str | None = None) -> None:
        """Ask a page's jobs to end, or everybody's, and wait for none."""
        for (whose, _), job in list(self._jobs.items()):
            if page in (None, whose):
                job.stop()
