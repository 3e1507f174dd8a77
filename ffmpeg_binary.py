"""The ffmpeg program: one that works is chosen once, and run with its errors kept."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from io import BufferedReader
from typing import IO

from .errors import GesticulateError

# ffmpeg explains itself in its last lines; a damaged file can make thousands of them.
_KEPT_LINES = 8
# Seconds that a trial may take; it takes a tenth of one where the machine is quiet.
_PATIENCE = 60.0
_QUIET = "-hide_banner -loglevel error -nostdin -y"
# Every option and filter that a later command depends on, in one encoding of five frames.
_PICTURES = (
    "bwdif=mode=send_frame:deint=interlaced,fps=25:start_time=0,"
    "scale=64:64:in_color_matrix=bt709:in_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,"
    "format=rgb24,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,"
    "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
)
_SOUND = (
    "aformat=sample_fmts=s32,pan=mono|c0<c0+-1*c1,aresample=16000:async=1:first_pts=0,"
    "highpass=30,asetnsamples=80:0,volume=0:enable=between(t\\,0\\,1),apad=whole_len=3200,"
    "atrim=end_sample=3200"
)
_TRIAL = [
    *_QUIET.split(), "-f", "lavfi", "-i", "color=s=64x64:r=25:d=0.2",
    "-f", "lavfi", "-t", "0.2", "-i", "anullsrc=r=48000:cl=stereo", "-filter_complex",
    f"[0:v]{_PICTURES}[v];[1:a]asplit[a][b];[a]{_SOUND}[c];[b]channelmap=map=0:channel_layout=mono,"
    "aresample=16000,adelay=delays=9:all=1[d];[c][d]amix=inputs=2:duration=first:normalize=0[s]",
    "-map", "[v]", "-map", "[s]", "-c:v", "libx264", "-preset", "veryfast", "-crf", "17",
    "-c:a", "aac", "-b:a", "192k", "-map_metadata", "-1", "-f", "mp4", "-movflags", "+faststart",
]  # fmt: skip

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """The ffmpeg that all work is done with.

    version: as it says itself, "5.1.9-0+deb12u1" for instance. passed_over: why the one on PATH
    was not taken, '' where it was or where there is none.
    """

    path: str
    version: str
    passed_over: str = ""

    def __str__(self) -> str:
        told = f"ffmpeg {self.version} ({self.path})"
        return told + (f"; not the one on PATH: {self.passed_over}" if self.passed_over else "")


def ffmpeg_path() -> str:
    """The ffmpeg to run. Raises: GesticulateError where none works, see `chosen`."""
    return chosen().path


@lru_cache(maxsize=1)
def chosen() -> Choice:
    """The ffmpeg on PATH if it can do all that is asked of it, else imageio-ffmpeg's static one.

    Each is tried with an encoding of a few frames, so that one which is broken, too old for an
    option or built without an encoder is found out before the work begins.
    Raises: GesticulateError where neither works, with what each said.
    """
    failures: list[str] = []
    for path in filter(None, (shutil.which("ffmpeg"), _bundled())):
        try:
            found = Choice(path, _tried(path), "; ".join(failures))
        except _UnfitError as error:
            failures.append(f"{path} {error}")
        else:
            _log.info("Using %s", found)
            return found
    raise GesticulateError(
        "No ffmpeg works here: "
        + ("; ".join(failures) or "there is none on PATH, and imageio-ffmpeg brings none here")
        + ". Install ffmpeg 5.1 or later with libx264 and aac, or reinstall the bundled one with: "
        "pip install --force-reinstall imageio-ffmpeg"
    )


def _bundled() -> str | None:
    import imageio_ffmpeg

    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        return None


class _UnfitError(Exception):
    """Why an ffmpeg cannot be used, as the end of a sentence."""


def _tried(path: str) -> str:
    """The version of an ffmpeg that has done the trial. Raises: _UnfitError."""
    with tempfile.TemporaryDirectory() as folder:
        video = os.path.join(folder, "trial.mp4")
        words = _said([path, "-version"])
        _said([path, *_TRIAL, video])
    return words.split()[2] if words.startswith("ffmpeg version ") else "of unknown version"


def _said(command: list[str]) -> str:
    """What a command writes. Raises: _UnfitError where it fails or never ends."""
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise _UnfitError(f"cannot be started ({error.strerror})") from error
    except subprocess.TimeoutExpired as error:
        raise _UnfitError(f"did not answer within {_PATIENCE:g} s") from error
    if ended.returncode != 0:
        last = ended.stderr.strip().splitlines()[-_KEPT_LINES:]
        raise _UnfitError(
            f"cannot do what is needed (exit code {ended.returncode}): "
            + (" / ".join(line.strip() for line in last) or "it said nothing")
        )
    return ended.stdout


@lru_cache(maxsize=64)
def can_encode(codec: str, pixels: str) -> bool:
    """Whether the chosen ffmpeg has an encoder and that encoder takes such pixels: an x265 of 8
    bits, say, has the name but not the depth."""
    command = f"{_QUIET} -f lavfi -i color=s=128x128:d=0.04 -vf scale,format={pixels}"
    # Without the plus ffmpeg takes other pixels by itself where the encoder does not know these.
    command += f" -c:v {codec} -pix_fmt +{pixels} -f null -"
    try:
        _said([ffmpeg_path(), *command.split()])
    except _UnfitError:
        return False
    return True


@lru_cache(maxsize=16)
def can_filter(filters: str) -> bool:
    """Whether the chosen ffmpeg has been built with the filters of a chain: tried on one frame."""
    try:
        _said([ffmpeg_path(), *_QUIET.split(), "-f", "lavfi", "-i", "color=s=64x64:d=0.04",
               "-vf", filters, "-f", "null", "-"])  # fmt: skip
    except _UnfitError:
        return False
    return True


# Bytes of a name that are no UTF-8 are lone surrogates in Python, which ffmpeg-python cannot hash:
# they travel through it as private characters.
_TO_PRIVATE = {0xDC00 + byte: 0x10FE00 + byte for byte in range(0x80, 0x100)}
_FROM_PRIVATE = {private: surrogate for surrogate, private in _TO_PRIVATE.items()}


def file_url(path: str | os.PathLike[str]) -> str:
    """A file's name for `running`, whatever is in it: "-" would be standard input to ffmpeg,
    "12:30.wav" and "concat:a.wav" protocols."""
    return f"file:{os.path.abspath(path)}".translate(_TO_PRIVATE)


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

    arguments: as ``ffmpeg.compile(stream, cmd=ffmpeg_path())`` gives them, files by `file_url`.
    Its messages go to a file: a pipe that nobody empties would stop it once it is full.
    """
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [argument.translate(_FROM_PRIVATE) for argument in arguments],
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
