"""Frames and sound -> an MP4 that plays everywhere: H.264 and AAC, complete or not there at all."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
from scipy.io import wavfile

from .. import media_input
from ..atomic import complete_or_nothing, temporary_folder
from ..errors import GesticulateError, UsageError
from ..ffmpeg_binary import FFmpeg, ffmpeg_path, file_url, running
from ..media_probe import Media, sound_of
from .encodings import Encoding

# The rate of a sound's waveform: ``speech.track.SAMPLE_RATE``, which this folder may not import.
WAVEFORM_RATE = 16_000
SUFFIXES = (".mp4", ".m4v", ".mov")
_SOUND_BITRATE = "192k"
_MAX_FPS = 240
# What MP4 holds without being encoded anew.
COPIED_SOUND = ("aac", "mp3", "ac3", "eac3", "alac")


class Sound(Protocol):
    """What is needed of a ``speech.track.Speech``."""

    @property
    def waveform(self) -> np.ndarray:
        """[S] float32 in -1..1, at 16 kHz."""
        ...

    @property
    def source(self) -> Path | None:
        """The file that holds the sound untouched, if there is one."""
        ...

    def num_frames(self, fps: float) -> int:
        """Frames of a video as long as the sound."""
        ...


def check_writable(path: str | Path) -> None:
    """Find out before the work starts whether a video can be written there.

    Raises: UsageError where the name is no video's, or the folder is missing or cannot be
    written to; GesticulateError where no ffmpeg works.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"the output {path} needs one of the endings {', '.join(SUFFIXES)}, "
            f"got {path.suffix or 'none'}."
        )
    if path.exists() and not path.is_file():
        raise UsageError(f"the output {path} exists and is not a file. Choose another name.")
    check_folder(path)
    ffmpeg_path()


def check_folder(path: str | Path) -> None:
    """Find out whether a file can be written beside that path.

    Raises: UsageError where the folder is missing or cannot be written to.
    """
    folder = Path(path).resolve().parent
    if not folder.is_dir():
        raise UsageError(f"The output folder {folder} does not exist. Create it first.")
    try:
        # Only trying tells: permissions, a read-only disk and a full one all look alike before.
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0")
    except OSError as error:
        raise UsageError(
            f"The output folder {folder} cannot be written to ({error.strerror}). "
            "Choose another folder, or change its permissions."
        ) from error


def write_video(
    path: str | Path,
    frames: Iterable[np.ndarray],
    *,
    fps: float,
    size: tuple[int, int],
    sound: Sound | str | Path | None = None,
    num_frames: int | None = None,
    metadata: Mapping[str, str] | None = None,
    copy_sound: bool = False,
    encoding: Encoding = Encoding(),  # noqa: B008 (frozen)
) -> None:
    """Encode a stream of frames, with sound, to H.264 + AAC.

    frames: [height, width, 3] uint8 RGB each; uint16 where the encoding has more than 8 bits, with
        257 for a step of 8 bits. Only one is held at a time.
    size: (width, height). Pixels are never scaled. H.264 stores even sizes only, so an odd side
        grows by one pixel, which repeats its neighbour.
    sound: a Speech, whose source file's own sound (all channels, its own rate) is used where it
        has one; or a sound or video file. It begins with the first frame and is neither cut nor
        stretched to the pictures.
    num_frames: how many frames must come; of a Speech, round(duration * fps) where not given.
    metadata: tags of the file; "title", "comment", "description", "artist", "copyright" and
        "date" survive in MP4.
    copy_sound: take the sound's packets as they are, instead of encoding them anew; of a file
        whose codec (`read.VideoInfo.sound_codec`) is one of `COPIED_SOUND`.
    encoding: how pictures are stored where not as H.264 with 8 bits; see `encodings.like`.

    The file appears under its name only when it is complete. Whatever ends the writing early,
    an interrupt included, leaves nothing behind and an older file as it was.
    Raises: UsageError as ``check_writable``; InputError where the sound cannot be read;
    GesticulateError where the disk is full or the encoder fails; ValueError where a frame has
    another shape or the number of frames is another than promised.
    """
    check_writable(path)
    if not 0 < fps <= _MAX_FPS:
        raise UsageError(f"a video needs between 0 and {_MAX_FPS} frames a second, got {fps}.")
    if num_frames is None and sound is not None and not isinstance(sound, (str, Path)):
        num_frames = sound.num_frames(fps)
    dtype = np.dtype("<u2" if encoding.deep else "u1")
    folder = Path(path).resolve().parent
    with _sound_input(sound, folder) as sound_input, complete_or_nothing(path) as part:
        command = _command(part, fps, size, sound_input, metadata or {}, copy_sound, encoding)
        with running(command, feed=True) as encoder:
            try:
                for frame in _counted(frames, num_frames):
                    encoder.stdin.write(_even(frame, size, dtype))
                encoder.stdin.close()
            except BrokenPipeError:
                pass  # ffmpeg gave up; its exit code and last words say why
            if encoder.process.wait() != 0:
                raise _failure(encoder, Path(path))


def _counted(frames: Iterable[np.ndarray], promised: int | None) -> Iterator[np.ndarray]:
    if promised is None:
        yield from frames
        return
    frames = iter(frames)
    count = 0
    for frame in islice(frames, promised):
        yield frame
        count += 1
    if count < promised:
        raise ValueError(f"{promised} frames were promised, only {count} came")
    if next(frames, None) is not None:
        raise ValueError(f"{promised} frames were promised, more came")


def _even(frame: np.ndarray, size: tuple[int, int], dtype: np.dtype) -> memoryview:
    """A frame's bytes, its last column or row repeated where the side is odd."""
    width, height = size
    if frame.shape != (height, width, 3) or frame.dtype != dtype:
        raise ValueError(
            f"frames need the shape [{height}, {width}, 3] and {dtype}, "
            f"got {list(frame.shape)} and {frame.dtype}"
        )
    if width % 2 or height % 2:
        frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(frame).data.cast("B")


def _command(
    part: Path,
    fps: float,
    size: tuple[int, int],
    sound: Media | None,
    metadata: Mapping[str, str],
    copy_sound: bool,
    encoding: Encoding,
) -> list[str]:
    import ffmpeg

    width, height = (side + side % 2 for side in size)
    rate = str(Fraction(fps).limit_denominator(100_000))
    frames = ffmpeg.input(
        "pipe:", format="rawvideo", pix_fmt="rgb48le" if encoding.deep else "rgb24",
        s=f"{width}x{height}", framerate=rate,
    ).video  # fmt: skip
    streams = [media_input.tagged_bt709(frames, encoding.pixels)]
    options = {
        "vcodec": encoding.codec, **encoding.options,
        "format": "mov" if encoding.codec == "prores_ks" else "mp4",
        "movflags": "+faststart", "map_metadata": -1, "loglevel": "error",
        **{f"metadata:g:{i}": f"{key}={value}" for i, (key, value) in enumerate(metadata.items())},
    }  # fmt: skip
    # Of a broadcast's packets the time would be lost at which they begin.
    if sound is not None and copy_sound and not sound.discontinuous:
        streams.append(media_input.packets(sound))
        options |= {"acodec": "copy"}
    elif sound is not None:
        streams.append(media_input.sound(sound))
        options |= {"acodec": "aac", "audio_bitrate": _SOUND_BITRATE}
    return ffmpeg.compile(
        ffmpeg.output(*streams, file_url(part), **options),
        cmd=ffmpeg_path(),
        overwrite_output=True,
    )


@contextmanager
def _sound_input(given: Sound | str | Path | None, beside: Path) -> Iterator[Media | None]:
    """The file of a sound; a waveform without one lies in a temporary one meanwhile, in the
    output's folder ``beside``, where there is room for it."""
    path = Path(given) if isinstance(given, (str, Path)) else getattr(given, "source", None)
    if given is None or isinstance(given, (str, Path)) or path is not None:
        yield None if path is None else sound_of(path)
        return
    with temporary_folder(beside) as folder:
        raw = folder / "sound.wav"
        wavfile.write(raw, WAVEFORM_RATE, np.ascontiguousarray(given.waveform, dtype="<f4"))
        yield sound_of(raw)


def _failure(encoder: FFmpeg, path: Path) -> GesticulateError:
    said = encoder.messages()
    limit = -getattr(signal, "SIGXFSZ", 0)  # the signal that ends who writes beyond ``ulimit -f``
    full = ("No space left", "File too large", "quota exceeded")
    if encoder.process.returncode == limit or any(words in said for words in full):
        free = shutil.disk_usage(path.resolve().parent).free / 1e6
        return GesticulateError(
            f"the disk of {path} is full ({free:.1f} MB free), or a limit on the size of files "
            f"was reached. Make room or choose another folder. ffmpeg said:\n{said or 'nothing'}"
        )
    return GesticulateError(
        f"ffmpeg could not write {path} (exit code {encoder.process.returncode}). "
        f"It said:\n{said or 'nothing'}"
    )
