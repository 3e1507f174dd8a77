"""Frames of a span of a video, at 25 a second and no larger than asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..ffmpeg_binary import ffmpeg_path, running
from ..media_input import pictures
from ..media_probe import video_of
from .options import FPS
from .shots import Span


def scaled_size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """(width, height) with the longer side at most ``longest``, the shape kept, even numbers."""
    factor = min(1.0, longest / max(size))
    if factor == 1.0:
        return size
    return (max(2, 2 * round(size[0] * factor / 2)), max(2, 2 * round(size[1] * factor / 2)))


def read_span(
    path: Path,
    span: Span,
    size: tuple[int, int],
    square: tuple[int, int, int] | None = None,
) -> Iterator[np.ndarray]:
    """The frames of a span, as a stream.

    size: (width, height) to give them, in pixels. square: x, y and side in the video's pixels, to
    see no more of it than that. Yields [height, width, 3] uint8 RGB, at most
    ``span.num_frames``; fewer where the file ends early.
    Raises: InputError where not one frame can be decoded.
    """
    import ffmpeg

    stream = pictures(video_of(path), FPS, start=span.start)
    if square is not None:
        x, y, side = square
        stream = stream.filter("crop", side, side, x, y)
    stream = stream.filter("scale", *size, flags="area")
    output = ffmpeg.output(
        stream, "pipe:", format="rawvideo", pix_fmt="rgb24", vframes=span.num_frames,
        loglevel="error",
    )  # fmt: skip
    length = size[0] * size[1] * 3
    with running(ffmpeg.compile(output, cmd=ffmpeg_path())) as decoder:
        count = 0
        while len(data := decoder.stdout.read(length)) == length:
            count += 1
            yield np.frombuffer(data, np.uint8).reshape(size[1], size[0], 3)
        if count == 0:
            decoder.process.wait()
            raise InputError(
                f"{path} gives no frame at {span.start:.2f} s. ffmpeg said:\n{decoder.messages()}"
            )
