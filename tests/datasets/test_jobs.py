"""Work spread over processes."""

from __future__ import annotations

import os
import sys
import time
from functools import partial

import psutil
import pytest

from gesticulate.datasets.jobs import run_jobs
from gesticulate.errors import GesticulateError, WeightsError

# Standard functions stand for work and tool: what runs in a spawned process must be importable
# there, and test modules are not.


def test_one_worker_works_here() -> None:
    assert list(run_jobs(max, [3, 9], partial(int, "5"), workers=1)) == [(3, 5), (9, 9)]


def test_nothing_to_do_builds_no_tool() -> None:
    assert list(run_jobs(max, [], partial(int, "no number"), workers=2)) == []


def test_several_workers_give_every_result_once() -> None:
    results = dict(run_jobs(max, [1, 7, 3], partial(int, "5"), workers=2))
    assert results == {1: 5, 7: 7, 3: 5}


def test_a_tool_that_cannot_be_built_says_why() -> None:
    with pytest.raises(ValueError, match="no number"):
        list(run_jobs(max, [1, 2], partial(int, "no number"), workers=2))


def test_a_worker_that_is_killed_is_explained() -> None:
    with pytest.raises(GesticulateError, match="fewer --workers") as caught:
        list(run_jobs(os.kill, [9, 9], os.getpid, workers=2))
    assert not isinstance(caught.value, WeightsError)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_workers_end_with_a_parent_that_is_killed() -> None:
    """They would wait for work for ever."""
    program = (
        "import signal\n"
        "from gesticulate.datasets.jobs import run_jobs\n"
        "list(run_jobs(signal.sigtimedwait, [600, 600], list, workers=2))"
    )
    parent = psutil.Popen([sys.executable, "-c", program])
    try:
        workers: list[psutil.Process] = []
        while len(workers) < 2:
            assert parent.poll() is None
            time.sleep(0.05)
            spawned = parent.children()
            workers = [child for child in spawned if "spawn_main" in " ".join(child.cmdline())]
    finally:
        parent.kill()
        parent.wait()
    assert not psutil.wait_procs(workers, timeout=120)[1]
