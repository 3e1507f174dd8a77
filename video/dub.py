"""A video's sound with other sound in some spans."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..ffmpeg_binary import ffmpeg_path, file_url, running
from ..media_input import sound
from ..media_probe import Media, sound_of

_RATE = 48_000


def dub(
    video: Media,
    seconds: float,
    spans: Sequence[tuple[float, float, Path]],
    out: Path,
) -> None:
    """Write the sound track of a video with spans replaced, as a WAV file.

    video: where it has no sound, there is silence around the spans. seconds: of the video. spans:
    (start, end, sound file) in seconds; a sound that is longer is cut off, one that is shorter
    leaves silence.
    Raises: InputError where one of them cannot be read.
    """
    import ffmpeg

    if video.sound is not None:
        track = sound(video, _RATE)
    else:
        track = ffmpeg.input(f"anullsrc=r={_RATE}:cl=mono", f="lavfi", t=seconds)
    for start, end, path in spans:
        silent = f"between(t,{start:.6f},{end:.6f})"
        track = track.filter("volume", 0, enable=silent)
        new = sound(sound_of(path), _RATE)
        new = new.filter("atrim", end=end - start)
        new = new.filter("adelay", delays=round(start * 1000), all=1)
        track = ffmpeg.filter([track, new], "amix", inputs=2, duration="first", normalize=0)
    command = ffmpeg.output(track, file_url(out), format="wav", loglevel="error")
    with running(ffmpeg.compile(command, cmd=ffmpeg_path(), overwrite_output=True)) as writer:
        writer.stdout.read()
        if writer.process.wait() != 0:
            raise InputError(
                f"The new sound could not be put in. ffmpeg said:\n{writer.messages()}"
            )
