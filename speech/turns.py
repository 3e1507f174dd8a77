"""Two people's speech apart: one a channel, one a file, or told apart in one mixed recording."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import InputError, UsageError
from . import diarise
from .load import count_channels, load
from .track import SAMPLE_RATE, Speech

Spans = tuple[tuple[float, float], ...]

# Channels that agree this much hold the same mix twice, not one speaker each.
_SAME = 0.7
# A microphone also hears the other speaker, 15 to 30 dB below; this much below the other one's,
# relative to the own usual level or as it is, a sound is taken for that.
_BLEED_DB, _BLEED_ABSOLUTE_DB = 15.0, 20.0
# Sounds this far below the usual level are pauses.
_RANGE_DB = 35.0
_BLOCK_SECONDS, _LEVEL_SECONDS, _HOLD_SECONDS = 0.02, 0.1, 0.2
# Files of two microphones may end a little apart; beyond this it is said.
_SAME_LENGTH = 0.5

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Voice:
    """Where one speaker's sound lies as it was recorded.

    channel: of the file, None for all of it. spans: (start, end) in seconds in which this speaker
    is heard there; None for throughout.
    """

    path: Path
    channel: int | None = None
    spans: Spans | None = None


@dataclass(frozen=True)
class Conversation:
    """Two people talking.

    left, right: what each says, equally long, silent where only the other one speaks.
    voices: where both lie as they were recorded; None where the waveforms are all there is.
    together: the file whose sound is the conversation as it is, one speaker a channel or mixed;
    None where there is no such file.
    """

    left: Speech
    right: Speech
    voices: tuple[Voice, Voice] | None = None
    together: Path | None = None

    def __post_init__(self) -> None:
        if len(self.left.waveform) != len(self.right.waveform):
            raise InputError(
                f"The two sides of a conversation last {self.left.duration:.2f} s and "
                f"{self.right.duration:.2f} s. Make them equally long (turns.of_two does)."
            )

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.left.duration

    def num_frames(self, fps: float) -> int:
        """Frames of the video that this fills: round(duration * fps), at least one."""
        return self.left.num_frames(fps)

    @property
    def mix(self) -> Speech:
        """Both together."""
        return Speech(self.left.waveform + self.right.waveform)

    def swapped(self) -> Conversation:
        """Each one's words in the other one's mouth."""
        voices = None if self.voices is None else (self.voices[1], self.voices[0])
        # One speaker a channel would be heard from the other one's side.
        mixed = voices is not None and voices[0].channel is None
        return Conversation(self.right, self.left, voices, self.together if mixed else None)


def read_conversation(files: Sequence[str | Path], device: str = "cpu") -> Conversation:
    """Two people's speech.

    files: two, the left person's and the right one's; or one, with the left person in the left
    channel, or a mix in which the left person is who speaks first. device: for telling apart.
    Raises: InputError where a file cannot be read or has more than two channels; UsageError for
    another number of files, or a mix where what tells voices apart is not installed; WeightsError.
    """
    paths = [Path(file) for file in files]
    if len(paths) == 2:
        voices = Voice(paths[0]), Voice(paths[1])
        return replace(of_two(load(paths[0]), load(paths[1])), voices=voices)
    if len(paths) != 1:
        raise UsageError(
            f"Got {len(paths)} sound files. Expected one with both speakers, or two with one each."
        )
    path = paths[0]
    channels = count_channels(path)
    if channels > 2:
        raise InputError(
            f"{path} has {channels} channels. Expected one or two: make a stereo file with one "
            "speaker a channel, or give two files."
        )
    if channels == 2:
        sides = load(path, 0), load(path, 1)
        if not _alike(*sides):
            return replace(of_two(*sides), voices=(Voice(path, 0), Voice(path, 1)), together=path)
    return told_apart(load(path), diarise.diarise, device)


def of_two(left: Speech, right: Speech) -> Conversation:
    """Two recordings of one conversation that begin together.

    The shorter one is silent to the end of the longer one. Where a microphone heard the other
    speaker, it is silenced.
    """
    if abs(left.duration - right.duration) > _SAME_LENGTH:
        _log.warning(
            "The left speaker's recording lasts %.2f s, the right one's %.2f s: the shorter one is "
            "taken to be silent from there on.",
            left.duration,
            right.duration,
        )
    length = max(len(left.waveform), len(right.waveform))
    a, b = (np.pad(side.waveform, (0, length - len(side.waveform))) for side in (left, right))
    return Conversation(
        Speech((a * _kept(a, b)).astype(np.float32)), Speech((b * _kept(b, a)).astype(np.float32))
    )


def told_apart(mixed: Speech, diariser: diarise.Diariser, device: str) -> Conversation:
    """One recording of both; the left one is who speaks first.

    While both speak at once, each is given the mix. Raises: as the diariser does.
    """
    first, second = diarise.by_speaker(diariser(mixed, device))
    if not second:
        _log.warning("Only one voice was found in %s: the right person listens.", mixed.source)
    left, right = (Speech(mixed.waveform * _within(spans, mixed)) for spans in (first, second))
    voices = None
    if mixed.source is not None:
        voices = Voice(mixed.source, None, first), Voice(mixed.source, None, second)
    return Conversation(left, right, voices, mixed.source)


def _within(spans: Spans, speech: Speech) -> np.ndarray:
    """[S] float32, 1 within the spans."""
    gain = np.zeros(len(speech.waveform), np.float32)
    for start, end in spans:
        gain[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] = 1
    return gain


def _alike(left: Speech, right: Speech) -> bool:
    """Whether both channels hold the same sound."""
    a, b = left.waveform.astype(np.float64), right.waveform.astype(np.float64)
    return float(a @ b) > _SAME * max(float(a @ a), float(b @ b), 1e-12)


def _kept(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """[S], 0 where a microphone hears only the other speaker. own, other: [S] at 16 kHz."""
    from scipy.ndimage import maximum_filter1d

    mine, theirs = _levels(own), _levels(other)
    usual, other_usual = np.percentile(mine, 95), np.percentile(theirs, 95)
    bleeds = mine - usual < theirs - other_usual - _BLEED_DB
    bleeds |= mine < theirs - _BLEED_ABSOLUTE_DB
    # Pauses of both tell nothing; what is around an own sound belongs to it.
    speaks = ~bleeds & (mine > usual - _RANGE_DB)
    hold = 2 * round(_HOLD_SECONDS / _BLOCK_SECONDS) + 1
    kept = (maximum_filter1d(speaks.astype(np.uint8), hold) > 0) & ~bleeds
    block = round(_BLOCK_SECONDS * SAMPLE_RATE)
    at = (np.arange(len(kept)) + 0.5) * block
    return np.interp(np.arange(len(own)), at, kept)


def _levels(waveform: np.ndarray) -> np.ndarray:
    """Level of each block in dB, smoothed over `_LEVEL_SECONDS`, not below -80."""
    from scipy.ndimage import uniform_filter1d

    block = round(_BLOCK_SECONDS * SAMPLE_RATE)
    blocks = np.pad(waveform, (0, -len(waveform) % block)).reshape(-1, block)
    power = np.einsum("bs,bs->b", blocks, blocks, dtype=np.float64) / block
    power = uniform_filter1d(power, round(_LEVEL_SECONDS / _BLOCK_SECONDS), mode="nearest")
    return 10 * np.log10(np.maximum(power, 1e-8))
