"""Who speaks when in one mixed recording, by WhisperX and pyannote where they are installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.util import find_spec

from ..errors import UsageError, WeightsError
from .track import Speech

MODEL = "pyannote/speaker-diarization-3.1"
# A speaker, and from when to when, in seconds.
Turn = tuple[str, float, float]
Diariser = Callable[[Speech, str], Iterable[Turn]]


def available() -> bool:
    """Whether the extra that tells voices apart is installed."""
    return find_spec("whisperx") is not None


def diarise(speech: Speech, device: str = "cpu") -> tuple[Turn, ...]:
    """The turns of two speakers in a mixed recording.

    Raises: UsageError where WhisperX is not installed; WeightsError where its models cannot be
    loaded or fetched.
    """
    if not available():
        raise UsageError(
            f"{speech.source or 'The recording'} holds both speakers in one channel. Give a stereo "
            "file with one speaker a channel, or two files (--speech left.wav right.wav). To have "
            "the voices told apart, install WhisperX: pip install 'gesticulate[whisperx]'"
        )
    from whisperx.diarize import DiarizationPipeline

    try:
        pipeline = DiarizationPipeline(MODEL, device=device)
        table = pipeline(speech.waveform, num_speakers=2)
    # pyannote gives None instead of a pipeline where the hub refuses it: an AttributeError.
    except (OSError, ValueError, RuntimeError, LookupError, AttributeError) as error:
        raise WeightsError(
            f"The models that tell voices apart ({MODEL}) could not be loaded: {error}. Accept "
            f"their terms at https://huggingface.co/{MODEL}, log in with `hf auth login`, and "
            "connect to the network once so that they are fetched."
        ) from error
    return tuple((str(row.speaker), float(row.start), float(row.end)) for row in table.itertuples())


def by_speaker(
    turns: Iterable[Turn],
) -> tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]:
    """The spans (start, end) of who speaks first, and of everybody else."""
    ordered = sorted(turns, key=lambda turn: turn[1])
    if not ordered:
        return (), ()
    first = ordered[0][0]
    return (
        tuple((start, end) for speaker, start, end in ordered if speaker == first),
        tuple((start, end) for speaker, start, end in ordered if speaker != first),
    )
