"""Any sound file, or the sound track of a video -> Speech."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..ffmpeg_binary import ffmpeg_path, running
from ..media_input import mono_sound, phase_inverted
from ..media_probe import Media, sound_of
from .track import SAMPLE_RATE, Speech

MIN_SECONDS = 0.4
SILENCE_DB = -60.0

# Below every voice. Rumble and a constant offset (seen in real recordings, even for seconds at
# a stretch) would else be taken for the loudest thing in the file.
_HIGH_PASS_HZ = 30

_log = logging.getLogger(__name__)


def load(path: str | Path, channel: int | None = None) -> Speech:
    """The speech of a file that ffmpeg can read, a video included.

    channel: which channel of the recording, counted from 0; None mixes all to mono by their layout,
        or takes the difference of two that are in opposite phase, with a warning.
    Of several tracks the default one is taken, a commentary or audio description only where there
    is nothing else.
    What lies below 30 Hz is taken out.
    Time 0 is the file's beginning: where a video's sound starts later than its pictures, the gap
    is silence, so that sound and frames stay together.
    A recording below -60 dB everywhere is taken with a warning: the person will rest.
    Raises: InputError where the file is missing, unreadable, without sound, without that channel,
    or shorter than 0.4 s.
    """
    media = sound_of(path)
    path = media.path
    waveform = _decode(media, channel)
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
    sound = sound_of(path).sound
    assert sound is not None
    return sound.channels


def is_silent(waveform: np.ndarray) -> bool:
    """Whether no 100 ms of the recording reach -60 dB RMS. waveform: [S] at 16 kHz."""
    length = SAMPLE_RATE // 10
    whole = len(waveform) // length * length
    blocks = waveform[:whole].reshape(-1, length) if whole else waveform[None]
    power = np.einsum("bs,bs->b", blocks, blocks) / blocks.shape[1]
    return bool(power.max() < 10 ** (SILENCE_DB / 10))


def _decode(media: Media, channel: int | None) -> np.ndarray:
    """[S] float32 at 16 kHz, read in pieces so that an hour costs its own 230 MB and no more."""
    import ffmpeg

    path, track = media.path, media.sound
    assert track is not None
    if channel is not None and not 0 <= channel < track.channels:
        raise InputError(
            f"{path} has no channel {channel} (it has {track.channels}, counted from 0). "
            "Choose one it has."
        )
    if channel is None and track.channels == 2 and phase_inverted(media):
        _log.warning(
            "%s has two channels in opposite phase, which cancel each other when they are mixed: "
            "their difference is listened to. Players with one loudspeaker will play nothing.",
            path,
        )
    sound = mono_sound(media, SAMPLE_RATE, channel).filter("highpass", _HIGH_PASS_HZ)
    stream = ffmpeg.output(sound, "pipe:", format="f32le", ac=1, loglevel="error")
    pieces = bytearray()
    with running(ffmpeg.compile(stream, cmd=ffmpeg_path())) as decoder:
        while piece := decoder.stdout.read(1 << 20):
            pieces += piece
        code = decoder.process.wait()
        messages = decoder.messages()
    waveform = np.frombuffer(pieces, dtype="<f4")
    if len(waveform) == 0:
        raise InputError(
            f"{path} holds no sound that can be decoded, or it is damaged. "
            f"ffmpeg said:\n{messages or 'nothing'}"
        )
    if code != 0:
        raise InputError(
            f"{path} could not be read to its end ({len(waveform) / SAMPLE_RATE:.1f} s were). "
            f"Convert it to WAV and try again. ffmpeg said:\n{messages}"
        )
    return waveform
