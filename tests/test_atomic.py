"""Files that are complete or not there, whatever ends the process that writes them."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from gesticulate.atomic import PARTS, complete_files, complete_or_nothing, temporary_folder
from gesticulate.keypoints.poses import Poses
from gesticulate.video.read import VideoReader
from gesticulate.video.write import write_video

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs the locks of POSIX")

# Each writes into the folder of argv[1] and says so, then waits or is killed.
BEGINS = """
import sys, time
from gesticulate.atomic import complete_or_nothing
with complete_or_nothing(sys.argv[1] + "/talk.npz") as part:
    part.write_text("half")
    print("writing", flush=True)
    sys.stdin.read()
"""
ENCODES = """
import os, signal, sys
import numpy as np
from gesticulate.video.write import write_video
def frames():
    for at in range(99):
        if at == 40:
            os.kill(os.getpid(), signal.SIGKILL)
        yield np.full((64, 64, 3), at, np.uint8)
class Silence:
    waveform, source = np.zeros(16000, np.float32), None
write_video(sys.argv[1] + "/talk.mp4", frames(), fps=25, size=(64, 64), sound=Silence(),
            num_frames=99)
"""
SAVES = """
import os, signal, sys
import numpy as np
from gesticulate.keypoints.poses import Poses
np.savez_compressed = lambda file, **_: (file.write(b"half"), os.kill(os.getpid(), signal.SIGKILL))
Poses(np.zeros((9, 133, 3), np.float32), (64, 64)).save(sys.argv[1] + "/talk.npz")
"""


def start(program: str, folder: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", program, folder],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_complete_and_replaces_an_older_one(tmp_path):
    path = tmp_path / "talk.npz"
    path.write_text("old")
    with complete_or_nothing(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
        assert part.name == path.name, "writers that go by the ending need it"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["talk.npz"]


def test_what_fails_leaves_the_older_file_and_nothing_else(tmp_path):
    path = tmp_path / "talk.npz"
    path.write_text("old")

    def write() -> None:
        with complete_or_nothing(path) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["talk.npz"]


def test_a_folder_appears_complete(tmp_path):
    with complete_or_nothing(tmp_path / "v001") as part:
        part.mkdir()
        (part / "clips.csv").touch()
        assert names(tmp_path) == [PARTS]
    assert names(tmp_path) == ["v001"]
    assert names(tmp_path / "v001") == ["clips.csv"]


def test_any_name_that_the_file_system_takes(tmp_path):
    name = "ö" * 125 + ".mp4"
    with complete_or_nothing(tmp_path / name) as part:
        part.touch()
    assert names(tmp_path) == [name]


def test_a_link_is_followed(tmp_path):
    target = tmp_path / "far" / "talk.npz"
    target.parent.mkdir()
    (tmp_path / "link.npz").symlink_to(target)
    with complete_or_nothing(tmp_path / "link.npz") as part:
        part.write_text("new")
    assert target.read_text() == "new"
    assert (tmp_path / "link.npz").is_symlink()


def test_what_is_being_written_is_no_file_of_a_folder(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "done.npz").touch()
    with complete_or_nothing(tmp_path / "talk.npz") as part:
        part.touch()
        assert complete_files(tmp_path, "*.npz") == [tmp_path / "below" / "done.npz"]
    assert len(complete_files(tmp_path)) == 2


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), complete_or_nothing(tmp_path / "no" / "talk.npz"):
        pass


def test_two_that_write_one_path_do_not_mix(tmp_path):
    path = tmp_path / "talk.npz"
    first, second = ExitStack(), ExitStack()
    one, other = (run.enter_context(complete_or_nothing(path)) for run in (first, second))
    one.write_text("first")
    other.write_text("second")
    first.close()
    assert path.read_text() == "first"
    second.close()
    assert path.read_text() == "second"
    assert names(tmp_path) == ["talk.npz"]


@pytest.mark.parametrize("program", [ENCODES, SAVES])
def test_the_next_write_removes_what_a_killed_process_left(tmp_path, program):
    killed = start(program, tmp_path)
    assert killed.wait(60) == -signal.SIGKILL
    assert names(tmp_path) == [PARTS]
    points = np.zeros((9, 133, 3), np.float32)
    Poses(points, (64, 64)).save(tmp_path / "talk.npz")
    assert names(tmp_path) == ["talk.npz"]
    frames = (np.full((64, 64, 3), at, np.uint8) for at in range(9))
    write_video(tmp_path / "talk.mp4", frames, fps=25, size=(64, 64))
    assert names(tmp_path) == ["talk.mp4", "talk.npz"]
    assert len(list(VideoReader(tmp_path / "talk.mp4"))) == 9


def test_what_a_living_process_writes_is_left_alone(tmp_path):
    other = start(BEGINS, tmp_path)
    try:
        assert other.stdout.readline() == "writing\n"
        with temporary_folder(tmp_path) as ours:
            assert len(names(ours.parent)) == 2
        assert len(names(tmp_path / PARTS)) == 1
        other.communicate("", timeout=60)
        assert (tmp_path / "talk.npz").read_text() == "half"
        assert names(tmp_path) == ["talk.npz"]
    finally:
        other.kill()
        other.wait()
