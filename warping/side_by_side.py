"""Frames made by several threads, handed out in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def side_by_side(
    make: Callable[[Item], Made],
    items: Iterable[Item],
    workers: int,
    begin: Callable[[], None] | None = None,
) -> Iterator[Made]:
    """``make`` of every item, in order, at most two a worker ahead of what was taken.

    workers: threads; 1 works in the caller's. begin: run once in each thread before its first item.
    OpenCV and torch leave the interpreter free while they count.
    """
    if workers <= 1:
        yield from map(make, items)
        return
    with ThreadPoolExecutor(workers, initializer=begin) as pool:
        waiting: deque = deque()
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
