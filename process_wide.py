"""Settings of the whole process that a run changes for a while, and several runs at once."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class ProcessWide:
    """A setting that threads, and streams read in turns, hold at the same time.

    The first who holds it changes it, the last puts it back. Were each to put back what it found,
    one that began second and ended last would leave the first one's change for good.
    """

    def __init__(self, change: Callable[[], Callable[[], object]]) -> None:
        """change: makes the change and returns what puts it back."""
        self._change = change
        self._holders = 0
        # Re-entrant: an abandoned stream is closed by the garbage collector at any moment.
        self._lock = threading.RLock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """With the change, until nobody holds it any more."""
        with self._lock:
            if not self._holders:
                self._put_back = self._change()
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                if not self._holders:
                    self._put_back()


def _limit_blas() -> Callable[[], object]:
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="blas").restore_original_limits


def _silence_stderr() -> Callable[[], object]:
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)

    def put_back() -> None:
        os.dup2(kept, 2)
        os.close(kept)

    return put_back


def _silence_stdout() -> Callable[[], object]:
    kept, sys.stdout = sys.stdout, io.StringIO()

    def put_back() -> None:
        sys.stdout = kept

    return put_back


# numpy's matrix products in one thread. With more they are rounded otherwise, so that a run's bytes
# would depend on the runs beside it; and frames are made side by side already.
one_blas_thread = ProcessWide(_limit_blas)
# The process's stderr nowhere: MediaPipe's C++ log has no other switch.
no_stderr = ProcessWide(_silence_stderr)
# Python's stdout nowhere, for libraries that print.
no_stdout = ProcessWide(_silence_stdout)
