"""Whether a video's frames come at a steady rate."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..media_probe import Media, packet_times

# Containers round times to a millisecond or so; a frame left out or repeated is off by a whole one.
_TOLERANCE = 0.25


def check_steady(media: Media) -> None:
    """Only the packets' times are read, nothing is decoded.

    Raises: InputError where the frame rate varies: what is laid on a steady rate would lose and
    repeat frames.
    """
    times = packet_times(media)
    gaps = np.diff(times)
    if len(gaps) < 2:
        return
    usual = float(np.median(gaps))
    odd = np.flatnonzero(np.abs(gaps - usual) > _TOLERANCE * usual)
    if len(odd):
        raise InputError(
            f"{media.path} has a varying frame rate: {len(odd)} of {len(gaps)} frames last "
            f"longer or shorter than the others, the first is frame {odd[0]}. Lay it on a steady "
            f"rate first, for instance: ffmpeg -i {media.path.name} -fps_mode cfr -r 25 steady.mp4"
        )
