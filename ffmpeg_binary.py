"""The ffmpeg program: found once, run with its errors kept."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from io import BufferedReader
from typing import IO

from .errors import GesticulateError

# ffmpeg explains itself in its last lines; a damaged file can make thousands of them.
_KEPT_LINES = 8


@lru_cache(maxsize=1)
def ffmpeg_path() -> str:
    """The ffmpeg on PATH, else the static one that imageio-ffmpeg brings."""
    found = shutil.which("ffmpeg")
    if found:
        return found
    import imageio_ffmpeg

    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise GesticulateError(
            "no ffmpeg found: neither on PATH nor in the package imageio-ffmpeg. "
            "Install ffmpeg, or reinstall with: pip install --force-reinstall imageio-ffmpeg"
        ) from error


class FFmpeg:
    """A running ffmpeg whose messages can be asked for at the end."""

    def __init__(self, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        self.process = process
        self._log = log

    @property
    def stdin(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def stdout(self) -> BufferedReader:
        assert isinstance(self.process.stdout, BufferedReader)
        return self.process.stdout

    def messages(self, lines: int | None = _KEPT_LINES) -> str:
        """The last lines that ffmpeg wrote, '' where it wrote none; None gives them all."""
        self._log.seek(0)
        said = self._log.read().decode("utf-8", "replace").strip().splitlines()
        return "\n".join(line.rstrip() for line in (said if lines is None else said[-lines:]))


@contextmanager
def running(arguments: list[str], *, feed: bool = False) -> Iterator[FFmpeg]:
    """ffmpeg under way: read its stdout, or write to its stdin if feed. Never outlives the block.

    arguments: as ``ffmpeg.compile(stream, cmd=ffmpeg_path())`` gives them.
    Its messages go to a file: a pipe that nobody empties would stop it once it is full.
    """
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if feed else subprocess.PIPE,
            stderr=log,
        )
        try:
            yield FFmpeg(process, log)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    # What was left to flush has no reader any more.
                    with suppress(OSError):
                        pipe.close()
