"""Whether a video's frames come at a steady rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import InputError
from ..ffmpeg_binary import ffmpeg_path, file_url, running

# Containers round times to a millisecond or so; a frame left out or repeated is off by a whole one.
_TOLERANCE = 0.25


def check_steady(path: str | Path) -> None:
    """Only the packets' times are read, nothing is decoded.

    Raises: InputError where the frame rate varies: what is laid on a steady rate would lose and
    repeat frames.
    """
    import ffmpeg

    listing = ffmpeg.output(
        ffmpeg.input(file_url(path))["V:0"],
        "pipe:",
        format="framecrc",
        vcodec="copy",
        loglevel="error",
    )
    with running(ffmpeg.compile(listing, cmd=ffmpeg_path())) as reader:
        lines = reader.stdout.read().decode("ascii", "replace").splitlines()
        reader.process.wait()
    times = sorted(int(line.split(",")[2]) for line in lines if line[:1].isdigit())
    gaps = np.diff(times)
    if len(gaps) < 2:
        return
    usual = float(np.median(gaps))
    odd = np.flatnonzero(np.abs(gaps - usual) > max(1, _TOLERANCE * usual))
    if len(odd):
        raise InputError(
            f"{path} has a varying frame rate: {len(odd)} of {len(gaps)} frames last longer or "
            f"shorter than the others, the first is frame {odd[0]}. Lay it on a steady rate "
            f"first, for instance: ffmpeg -i {Path(path).name} -fps_mode cfr -r 25 steady.mp4"
        )
