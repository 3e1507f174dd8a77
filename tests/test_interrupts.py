"""Signals that end a process as Ctrl-C does."""

import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")

PROGRAM = """
import os, signal, sys
from gesticulate.interrupts import end_as_interrupted
end_as_interrupted()
try:
    os.kill(os.getpid(), int(sys.argv[1]))
    print("lives")
except KeyboardInterrupt as error:
    os.kill(os.getpid(), signal.SIGTERM)
    print("cleaned up", error.exit_code)
"""


def said(number: int, **options) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(int(number))],
        capture_output=True, text=True, check=True, **options,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_stack_unwinds_and_a_second_signal_does_not_break_it_off(number, code):
    assert said(number) == f"cleaned up {code}"


def test_what_the_caller_ignores_stays_ignored():
    """As nohup has it."""
    ignore = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    assert said(signal.SIGHUP, **ignore) == "lives"
