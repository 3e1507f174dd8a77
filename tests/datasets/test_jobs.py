"""Work spread over processes."""

from __future__ import annotations

import os
from functools import partial

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
