"""Frames made by several threads, handed out in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch
from threadpoolctl import threadpool_limits

Item = TypeVar("Item")
Made = TypeVar("Made")


def side_by_side(
    make: Callable[[Item], Made], items: Iterable[Item], workers: int
) -> Iterator[Made]:
    """``make`` of every item, in order, at most two a worker ahead of what was taken.

    workers: threads; 1 works in the caller's. OpenCV, numpy and torch leave the interpreter free
    while they count.
    """
    if workers <= 1:
        yield from map(make, items)
        return
    with _each_alone(), ThreadPoolExecutor(workers, initializer=_count_alone) as pool:
        waiting: deque = deque()
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def _each_alone() -> Iterator[None]:
    """The workers have the cores already. Threads that numpy's and torch's operations start besides
    wake and wait for each other, which costs a third of a frame's time."""
    threads = torch.get_num_threads()
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        # `_count_alone` is meant for the workers, but torch keeps it for threads to come as well.
        torch.set_num_threads(threads)


def _count_alone() -> None:
    torch.get_num_threads()  # else the first operation would take the process's number again
    torch.set_num_threads(1)
