"""A real run, killed at a random moment, and the one after it."""

import random
import sys

import pytest
from killed_runs import judge, prepare

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="needs the locks of POSIX"),
    pytest.mark.slow,
]


def test_the_main_job(tmp_path):
    commands = prepare(tmp_path / "inputs")
    outcome = judge("video", commands["video"], tmp_path / "out", 2, random.Random(3))
    assert outcome.kills == 2
    assert outcome.fine, outcome
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["talk.mp4"]


def test_half_a_file_would_be_found(tmp_path):
    """The check itself."""
    from killed_runs import incomplete

    prepare(tmp_path)
    video = tmp_path / "clips" / "one.mp4"
    assert not incomplete(tmp_path)
    video.write_bytes(video.read_bytes()[:2000])
    (wrong,) = incomplete(tmp_path)
    assert wrong.startswith("clips/one.mp4")
