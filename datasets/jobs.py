"""Work on many clips in several processes, with a heavy object built once in each."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from ..errors import GesticulateError

Job = TypeVar("Job")
Result = TypeVar("Result")

_tool: Any = None
_failure: Exception | None = None


def run_jobs(
    work: Callable[[Any, Job], Result],
    jobs: Sequence[Job],
    make_tool: Callable[[], Any],
    workers: int,
) -> Iterator[tuple[Job, Result]]:
    """``work(tool, job)`` for every job, in the order in which they finish.

    make_tool: builds what all jobs of a process share; like ``work`` and the jobs it must pickle.
    workers: processes, 0 for one a core. A single one works in this process.
    """
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    if workers <= 1:
        tool = make_tool() if jobs else None
        yield from ((job, work(tool, job)) for job in jobs)
        return
    # Spawned, not forked: a fork of a process whose libraries run threads may hang.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    with ProcessPoolExecutor(workers, context, _start, (make_tool, ours)) as pool:
        futures = {pool.submit(_run, work, job): job for job in jobs}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool:
            raise GesticulateError(
                f"One of {workers} worker processes was ended from outside, most likely for want "
                "of memory. What is done is kept: run the command again, with fewer --workers."
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            theirs.close()
            ours.close()


def _start(make_tool: Callable[[], Any], parent: Connection) -> None:
    """parent: its other end is closed when the parent ends, by whatever."""
    global _tool, _failure
    # Ctrl-C reaches the workers too: they end without a traceback, the parent tells of it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    # One thread a process: the processes fill the cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        _tool = make_tool()
    except Exception as error:  # told by the first job: an initialiser's error would be lost
        _failure = error
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _end)


def _end(*_: object) -> None:
    """Let the stack unwind, so that half-written files are removed."""
    sys.exit(1)


def _end_with(parent: Connection) -> None:
    with suppress(EOFError, OSError):
        parent.recv_bytes()
    os.kill(os.getpid(), signal.SIGTERM)


def _run(work: Callable[[Any, Job], Result], job: Job) -> Result:
    if _failure is not None:
        raise _failure
    try:
        return work(_tool, job)
    except SystemExit:  # the pool would hand it to the parent as a result, and go on
        os._exit(1)
