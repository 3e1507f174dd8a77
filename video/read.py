"""Videos -> RGB frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..ffmpeg_binary import ffmpeg_path, running
from ..media_input import pictures
from ..media_probe import Media, VideoTrack, video_of


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video before it is decoded.

    size: (width, height) in square pixels, upright: a phone's rotation mark is already applied.
    fps: frames per second; of a video with a changing rate, the one its frames are laid on.
    duration: seconds, of the longer of pictures and sound.
    has_sound: whether there is a sound track. sound_codec: ffmpeg's name of how it is stored.
    """

    size: tuple[int, int]
    fps: float
    duration: float
    has_sound: bool
    sound_codec: str | None = None

    @property
    def num_frames(self) -> int:
        """round(duration * fps): what is to be expected; only decoding tells exactly."""
        return max(1, round(self.duration * self.fps))


def probe_video(path: str | Path) -> VideoInfo:
    """Look at a video without decoding more than its first frames.

    Raises: InputError where the file is missing, or holds no picture that can be decoded.
    """
    return _info(video_of(path))


def _info(media: Media) -> VideoInfo:
    track, sound = media.video, media.sound
    assert track is not None
    return VideoInfo(
        size=track.size,
        fps=track.fps,
        duration=media.duration,
        has_sound=sound is not None,
        sound_codec=None if sound is None else sound.codec,
    )


class VideoReader:
    """The frames of a video, decoded as they are asked for.

    Each iteration starts anew: [H, W, 3] uint8 RGB, upright, with square pixels, in sRGB, on a
    constant frame rate that begins at the file's beginning, where its sound begins too.
    """

    def __init__(self, path: str | Path, fps: float | None = None) -> None:
        """fps: frames per second to give, by repeating and leaving out; None keeps the video's."""
        self.path = Path(path)
        self.media = video_of(path)
        self.info = _info(self.media)
        self.fps = self.info.fps if fps is None else fps

    @cached_property
    def track(self) -> VideoTrack:
        """How the pictures are stored."""
        assert self.media.video is not None
        return self.media.video

    @property
    def num_frames(self) -> int:
        """How many frames to expect; only decoding tells exactly."""
        return max(1, round(self.info.duration * self.fps))

    def __iter__(self) -> Iterator[np.ndarray]:
        return self._decoded("rgb24", np.dtype(np.uint8))

    def deep(self) -> Iterator[np.ndarray]:
        """The same frames with all the bits that they are stored with: [H, W, 3] uint16, where
        257 is a step of 8 bits."""
        return self._decoded("rgb48le", np.dtype("<u2"))

    def _decoded(self, pixels: str, dtype: np.dtype) -> Iterator[np.ndarray]:
        import ffmpeg

        width, height = self.info.size
        stream = ffmpeg.output(
            pictures(self.media, self.fps), "pipe:", format="rawvideo", pix_fmt=pixels,
            loglevel="error",
        )  # fmt: skip
        with running(ffmpeg.compile(stream, cmd=ffmpeg_path())) as decoder:
            count = 0
            while True:
                frame = np.empty((height, width, 3), dtype=dtype)
                if decoder.stdout.readinto(frame.data.cast("B")) < frame.nbytes:
                    break
                yield frame
                count += 1
            if decoder.process.wait() != 0 or count == 0:
                raise InputError(
                    f"{self.path} could be decoded for {count} frames only. Convert it and try "
                    f"again. ffmpeg said:\n{decoder.messages()}"
                )
