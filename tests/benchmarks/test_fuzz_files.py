"""Broken files are used or refused, never more; 300 here, as many as asked by the script."""

from fuzz_files import KINDS, fuzz


def test_broken_files_are_used_or_refused():
    counts, wrong = fuzz(300)
    assert not wrong, wrong[0]
    for kind in KINDS:
        assert sum(counts[kind].values()) == 60
        assert counts[kind]["refused"] > 0
