"""Before and around a run: can the output be written, and what did the stages warn of."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import InputError, UsageError

_PACKAGE = __name__.partition(".")[0]


def check_output(path: str | Path, inputs: Iterable[Any] = ()) -> None:
    """Fail now rather than after minutes of work.

    inputs: files that are read by the run; the output may be none of them.
    Raises: InputError where the folder is missing or cannot be written to; UsageError where the
    output is a folder or one of the inputs.
    """
    path = Path(path)
    folder = path.parent
    if path.is_dir():
        raise UsageError(f"The output {path} is a folder. Give a file name in it.")
    if not folder.is_dir():
        raise InputError(f"The output folder {folder} does not exist. Make it first.")
    for given in inputs:
        is_file = isinstance(given, (str, Path)) and Path(given).exists()
        if is_file and path.exists() and path.samefile(given):
            raise UsageError(f"The output {path} is one of the inputs. Choose another name.")
    try:
        # Trying is the only sure test: permissions say nothing to root or on read-only media.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"The output folder {folder} cannot be written to ({error.strerror}). "
            "Choose another or free it."
        ) from None


@contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """The warnings that stages log meanwhile, each once."""
    notes: list[str] = []
    handler = _Collector(notes)
    logger = logging.getLogger(_PACKAGE)
    logger.addHandler(handler)
    try:
        yield notes
    finally:
        logger.removeHandler(handler)


class _Collector(logging.Handler):
    def __init__(self, notes: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message not in self._notes:
            self._notes.append(message)
