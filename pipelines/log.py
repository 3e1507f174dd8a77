"""What the package's modules log in a run, told apart from other runs in the same process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..process_wide import ProcessWide

Hear = Callable[[logging.LogRecord], object]

_package = logging.getLogger(__name__.partition(".")[0])
# Those of the run that the calling thread works for: each thread has its own, and
# `side_by_side` hands its caller's on.
_listeners: ContextVar[tuple[Hear, ...]] = ContextVar("listeners", default=())


@contextmanager
def listening(hear: Hear) -> Iterator[None]:
    """Hear each record that is logged meanwhile in this run."""
    token = _listeners.set((*_listeners.get(), hear))
    try:
        with _handled.held():
            yield
    finally:
        _listeners.reset(token)


@contextmanager
def remarks(show: Callable[[str], object]) -> Iterator[None]:
    """Show what a run's modules say, in one line each; warnings are called so."""

    def hear(record: logging.LogRecord) -> None:
        if record.levelno >= logging.INFO:
            warns = record.levelno >= logging.WARNING
            show(("Warning: " if warns else "") + record.getMessage())

    with _informing.held(), listening(hear):
        yield


@contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """The warnings that a run's stages log meanwhile, each once."""
    notes: list[str] = []

    def hear(record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.levelno >= logging.WARNING and message not in notes:
            notes.append(message)

    with listening(hear):
        yield notes


class _Distributor(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        for hear in _listeners.get():
            hear(record)


def _distribute() -> Callable[[], object]:
    handler = _Distributor()
    _package.addHandler(handler)
    return lambda: _package.removeHandler(handler)


def _inform() -> Callable[[], object]:
    before = _package.level
    _package.setLevel(logging.INFO)
    return lambda: _package.setLevel(before)


_handled = ProcessWide(_distribute)
_informing = ProcessWide(_inform)
