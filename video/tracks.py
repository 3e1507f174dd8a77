"""Several recordings as the channels of one sound file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from ..errors import InputError
from ..ffmpeg_binary import ffmpeg_path, file_url, running
from ..media_input import mono_sound
from ..media_probe import sound_of

_RATE = 48_000
_BLOCK = _RATE // 200


class Track(Protocol):
    """What is needed of a ``speech.turns.Voice``."""

    @property
    def path(self) -> Path:
        """A sound or video file."""
        ...

    @property
    def channel(self) -> int | None:
        """Which channel of it, counted from 0; None mixes all."""
        ...

    @property
    def spans(self) -> tuple[tuple[float, float], ...] | None:
        """(start, end) in seconds of what is heard, None for all of it."""
        ...


def join_tracks(tracks: Sequence[Track], seconds: float, out: Path) -> None:
    """Write one or two tracks as the channels of a WAV file of exactly so many seconds.

    All begin together; one that ends early is silent from there on.
    Raises: InputError where one of them cannot be read.
    """
    import ffmpeg

    samples = round(seconds * _RATE)
    channels = [_channel(track, samples) for track in tracks]
    sound = channels[0]
    if len(channels) > 1:
        sound = ffmpeg.filter(channels, "join", inputs=2, channel_layout="stereo")
    command = ffmpeg.output(sound, file_url(out), format="wav", loglevel="error")
    with running(ffmpeg.compile(command, cmd=ffmpeg_path(), overwrite_output=True)) as writer:
        writer.stdout.read()
        if writer.process.wait() != 0:
            names = ", ".join(str(track.path) for track in tracks)
            raise InputError(
                f"The sound of {names} could not be read. ffmpeg said:\n{writer.messages()}"
            )


def _channel(track: Track, samples: int) -> Any:
    sound = mono_sound(sound_of(track.path), _RATE, track.channel)
    if track.spans is not None:
        heard = "+".join(f"between(t,{start:.3f},{end:.3f})" for start, end in track.spans)
        # Filters switch at the blocks in which sound is handed on.
        sound = sound.filter("asetnsamples", _BLOCK, 0)
        sound = sound.filter("volume", 0, enable=f"not({heard or 0})")
    return sound.filter("apad", whole_len=samples).filter("atrim", end_sample=samples)
