"""Before a run: can its output be written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import UsageError


def check_outputs(
    video: str | Path | None, poses: str | Path | None, inputs: Iterable[Any] = ()
) -> None:
    """`check_output` for both files of a run, and for the video also its ending."""
    from ..video.write import check_writable

    inputs = tuple(inputs)
    if video is not None:
        check_output(video, inputs)
        check_writable(video)
    if poses is not None:
        check_output(poses, inputs)


def check_output(path: str | Path, inputs: Iterable[Any] = ()) -> None:
    """Fail now rather than after minutes of work.

    inputs: what the run reads; the output may be none of these files.
    Raises: UsageError where the folder is missing or cannot be written to, or the output is a
    folder or one of the inputs.
    """
    from ..video.write import check_folder

    path = Path(path)
    if path.is_dir():
        raise UsageError(f"The output {path} is a folder. Give a file name in it.")
    for given in inputs:
        is_file = isinstance(given, (str, Path)) and Path(given).exists()
        if is_file and path.exists() and path.samefile(given):
            raise UsageError(f"The output {path} is one of the inputs. Choose another name.")
    check_folder(path)
