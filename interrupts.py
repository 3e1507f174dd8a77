"""Signals that end a run, made into what Ctrl-C makes: the stack unwinds, and cleans up."""

from __future__ import annotations

import signal
import threading
from types import FrameType

# Those of the shell: 128 and the signal's number.
INTERRUPTED = 130
_NAMES = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP


class Ended(KeyboardInterrupt):
    """The process was asked to end by a signal. exit_code: 143 by SIGTERM, 129 by SIGHUP."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


def end_as_interrupted() -> None:
    """Raise `Ended` in the main thread at the first such signal; later ones are ignored, so that
    nothing breaks off the cleaning up.

    A signal that the caller had ignored, as nohup does with SIGHUP, stays ignored. Of no effect in
    another thread than the main one, where no handler can be set.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, _: FrameType | None) -> None:
    for name in _NAMES:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    raise Ended(number)
