"""Any sound file, or the sound track of a video -> Speech."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..ffmpeg_binary import ffmpeg_path, file_url, running
from .track import SAMPLE_RATE, Speech

MIN_SECONDS = 0.4
SILENCE_DB = -60.0

# Below every voice. Rumble and a constant offset (seen in real recordings, even for seconds at
# a stretch) would else be taken for the loudest thing in the file.
_HIGH_PASS_HZ = 30

_log = logging.getLogger(__name__)


def load(path: str | Path, channel: int | None = None) -> Speech:
    """The speech of a file that ffmpeg can read, a video included.

    channel: which channel of the recording, counted from 0; None mixes all to mono.
    What lies below 30 Hz is taken out.
    Time 0 is the file's beginning: where a video's sound starts later than its pictures, the gap
    is silence, so that sound and frames stay together.
    A recording below -60 dB everywhere is taken with a warning: the person will rest.
    Raises: InputError where the file is missing, unreadable, without sound, without that channel,
    or shorter than 0.4 s.
    """
    path = Path(path)
    _check_file(path)
    waveform = _decode(path, channel)
    seconds = len(waveform) / SAMPLE_RATE
    if seconds < MIN_SECONDS:
        raise InputError(
            f"{path} holds {seconds:.2f} s of sound; speech needs at least {MIN_SECONDS} s. "
            "Give a longer recording."
        )
    if is_silent(waveform):
        _log.warning(
            "%s is silent (nothing above %.0f dB): the person will rest with the mouth closed. "
            "If you expected speech, check the recording%s.",
            path,
            SILENCE_DB,
            "" if channel is None else f" or take another channel than {channel}",
        )
    return Speech(waveform, source=path)


def count_channels(path: str | Path) -> int:
    """How many channels a file's sound has.

    Raises: InputError where the file is missing, unreadable, or without sound.
    """
    import ffmpeg

    path = Path(path)
    _check_file(path)
    # A WAV header tells; ffmpeg's prose names layouts, of which there are dozens.
    stream = ffmpeg.output(
        ffmpeg.input(file_url(path))["a:0"], "pipe:", format="wav", acodec="pcm_s16le", t=0.1,
        loglevel="error",
    )  # fmt: skip
    with running(ffmpeg.compile(stream, cmd=ffmpeg_path())) as decoder:
        header = decoder.stdout.read(24)
        decoder.stdout.read()
        decoder.process.wait()
        messages = decoder.messages()
    if len(header) < 24:
        raise InputError(_why_nothing(path, None, messages))
    return int.from_bytes(header[22:24], "little")


def is_silent(waveform: np.ndarray) -> bool:
    """Whether no 100 ms of the recording reach -60 dB RMS. waveform: [S] at 16 kHz."""
    length = SAMPLE_RATE // 10
    whole = len(waveform) // length * length
    blocks = waveform[:whole].reshape(-1, length) if whole else waveform[None]
    power = np.einsum("bs,bs->b", blocks, blocks) / blocks.shape[1]
    return bool(power.max() < 10 ** (SILENCE_DB / 10))


def _check_file(path: Path) -> None:
    if not path.exists():
        raise InputError(f"there is no sound file {path}. Check the name and the folder.")
    if path.is_dir():
        raise InputError(f"{path} is a folder; give one sound or video file.")
    if path.stat().st_size == 0:
        raise InputError(f"the sound file {path} is empty (0 bytes). Record or copy it again.")


def _decode(path: Path, channel: int | None) -> np.ndarray:
    """[S] float32 at 16 kHz, read in pieces so that an hour costs its own 230 MB and no more."""
    import ffmpeg

    # Whole numbers have no NaN: one such sample would silence all that follows in the high-pass.
    sound = ffmpeg.input(file_url(path))["a:0"].filter("aformat", sample_fmts="s32")
    if channel is not None:
        sound = sound.filter("channelmap", map=str(channel), channel_layout="mono")
    # async fills gaps between time stamps, first_pts the gap before the first one, with silence.
    sound = sound.filter("aresample", SAMPLE_RATE, **{"async": 1, "first_pts": 0})
    sound = sound.filter("highpass", _HIGH_PASS_HZ)
    stream = ffmpeg.output(sound, "pipe:", format="f32le", ac=1, loglevel="error")
    pieces = bytearray()
    with running(ffmpeg.compile(stream, cmd=ffmpeg_path())) as decoder:
        while piece := decoder.stdout.read(1 << 20):
            pieces += piece
        code = decoder.process.wait()
        messages = decoder.messages()
    waveform = np.frombuffer(pieces, dtype="<f4")
    if len(waveform) == 0:
        raise InputError(_why_nothing(path, channel, messages))
    if code != 0:
        raise InputError(
            f"{path} could not be read to its end ({len(waveform) / SAMPLE_RATE:.1f} s were). "
            f"Convert it to WAV and try again. ffmpeg said:\n{messages}"
        )
    return waveform


def _why_nothing(path: Path, channel: int | None, messages: str) -> str:
    said = messages.lower()
    if "matches no streams" in said or "does not contain any stream" in said:
        return f"{path} has no sound. Give a sound file, or a video with a sound track."
    if channel is not None and "channelmap" in said:
        return f"{path} has no channel {channel} (they are counted from 0). Choose one it has."
    return (
        f"{path} is not a sound or video file that ffmpeg can read, or it is damaged. "
        f"ffmpeg said:\n{messages or 'nothing'}"
    )
