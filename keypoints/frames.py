"""Checks on the pictures that pose estimators are given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ..errors import InputError


def check_frame(frame: np.ndarray) -> None:
    """Raises: InputError where a picture is not [H, W, 3] uint8."""
    if not isinstance(frame, np.ndarray) or frame.ndim != 3 or frame.shape[2] != 3:
        got = list(frame.shape) if isinstance(frame, np.ndarray) else type(frame).__name__
        raise InputError(f"A picture must be an RGB array [H, W, 3], got {got}.")
    if frame.dtype != np.uint8:
        raise InputError(f"A picture must hold uint8 values 0..255, got {frame.dtype}.")
    if 0 in frame.shape:
        raise InputError(f"A picture must have pixels, got {list(frame.shape)}.")


def one_size(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The frames of a video, checked one by one.

    Raises: InputError where there is no frame, a frame is no picture, or frames differ in size.
    """
    first = None
    for index, frame in enumerate(frames):
        check_frame(frame)
        first = first or frame.shape
        if frame.shape != first:
            raise InputError(
                f"All frames must have one size: frame {index} is {frame.shape[1]}x{frame.shape[0]}"
                f", the first is {first[1]}x{first[0]}. Convert the video to one size."
            )
        yield frame
    if first is None:
        raise InputError("No frame to look at: the video is empty, expected at least one frame.")
