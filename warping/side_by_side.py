"""Frames made by several threads, handed out in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

import torch
from threadpoolctl import threadpool_limits

from ..process_wide import one_blas_thread

Item = TypeVar("Item")
Made = TypeVar("Made")


def side_by_side(
    make: Callable[[Item], Made], items: Iterable[Item], workers: int
) -> Iterator[Made]:
    """``make`` of every item, in order, at most two a worker ahead of what was taken.

    workers: threads; 1 works in the caller's. OpenCV, numpy and torch leave the interpreter free
    while they count. The workers have the cores already: threads that numpy's and torch's
    operations start besides wake and wait for each other, which costs a third of a frame's time.
    """
    if workers <= 1:
        with one_blas_thread.held():
            yield from map(make, items)
        return
    with one_blas_thread.held(), ThreadPoolExecutor(workers, initializer=_count_alone) as pool:
        waiting: deque = deque()
        for item in items:
            # What is logged belongs to the caller's run.
            waiting.append(pool.submit(copy_context().run, make, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _count_alone() -> None:
    """Let torch use one thread in this one. Its own `set_num_threads` is for threads to come as
    well, those of other runs among them; OpenMP's is for the calling thread alone."""
    torch.get_num_threads()  # else the first operation would take the process's number again
    threadpool_limits(1, user_api="openmp")
