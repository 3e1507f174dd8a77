"""What several runs in one process share: whoever changes it for a while, all get it back."""

import io
import os
import sys
import threading
from contextlib import ExitStack

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from gesticulate.process_wide import ProcessWide, no_stderr, no_stdout, one_blas_thread
from gesticulate.warping.side_by_side import side_by_side


@pytest.fixture
def blas_of_two():
    with threadpool_limits(2, user_api="blas"):
        yield


def blas_threads() -> set[int]:
    """Of each BLAS that has threads; OpenCV's own has none."""
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {pool["num_threads"] for pool in pools if pool["threading_layer"] != "disabled"}


def overlapping(*contexts) -> None:
    """Enter them in order, and leave them in that order: as threads, and streams read in turns,
    do."""
    stacks = [ExitStack() for _ in contexts]
    for stack, context in zip(stacks, contexts, strict=True):
        stack.enter_context(context)
    for stack in stacks:
        stack.close()


def test_the_first_changes_and_the_last_puts_back():
    seen = []

    def change():
        seen.append("changed")
        return lambda: seen.append("back")

    shared = ProcessWide(change)
    overlapping(shared.held(), shared.held(), shared.held())
    assert seen == ["changed", "back"]
    with pytest.raises(KeyError), shared.held(), shared.held():
        raise KeyError
    assert seen == ["changed", "back"] * 2


def test_streams_read_in_turns_leave_the_threads_as_they_were(blas_of_two):
    torch_threads = torch.get_num_threads()
    seen = []

    def make(item):
        seen.append((blas_threads(), torch.get_num_threads()))
        return item

    first, second = (side_by_side(make, range(6), workers=2) for _ in range(2))
    assert [next(first), next(second)] == [0, 0]
    # Where torch has not yet counted its threads, it takes the number that was set last.
    found = []
    other = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    other.start()
    other.join()
    assert found == [torch_threads]
    assert list(first) == list(second) == [1, 2, 3, 4, 5]
    assert blas_threads() == {2}
    assert torch.get_num_threads() == torch_threads
    assert seen == [({1}, 1)] * 12


def test_a_stream_that_is_left_gives_the_threads_back(blas_of_two):
    frames = side_by_side(str, range(9), workers=2)
    next(frames)
    frames.close()
    assert blas_threads() == {2}


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_frame_is_made_with_depends_on_no_number_of_workers(blas_of_two, workers):
    """BLAS rounds otherwise with more threads."""
    assert list(side_by_side(lambda _: blas_threads(), range(3), workers)) == [{1}] * 3


def test_overlapping_runs_get_stderr_back():
    """Of two graphs that were built at once, the second kept what the first had put there."""
    before = os.fstat(2)
    overlapping(no_stderr.held(), no_stderr.held())
    assert os.fstat(2) == before


def test_overlapping_runs_get_stdout_back(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    overlapping(no_stdout.held(), no_stdout.held())
    assert sys.stdout is out
    with no_stdout.held():
        print("lost")
    assert not out.getvalue()


def test_one_blas_thread_is_put_back_by_the_last(blas_of_two):
    with one_blas_thread.held(), one_blas_thread.held():
        assert blas_threads() == {1}
    assert blas_threads() == {2}
