"""Words with their times, by WhisperX where it is installed."""

from __future__ import annotations

from importlib.util import find_spec

from ..errors import UsageError, WeightsError
from .track import Speech, Word

MODEL = "small"


def available() -> bool:
    """Whether the extra that recognises words is installed."""
    return find_spec("whisperx") is not None


def words(speech: Speech) -> tuple[Word, ...]:
    """The words of a speech in order of time; none where WhisperX is not installed."""
    return recognise(speech) if available() else ()


def recognise(
    speech: Speech, model: str = MODEL, language: str | None = None, device: str = "cpu"
) -> tuple[Word, ...]:
    """The words of a speech in order of time.

    model: a Whisper model's name or folder. language: a code like "en"; None has it detected.
    Words that the aligner could not place (figures, mostly) share the time between neighbours.
    Raises: UsageError where WhisperX is not installed; WeightsError where its models cannot be
    loaded or fetched.
    """
    if not available():
        raise UsageError(
            "words with times need WhisperX, which is not installed. "
            "Install it with: pip install 'gesticulate[whisperx]'"
        )
    import whisperx

    precision = "int8" if device == "cpu" else "float16"
    try:
        recogniser = whisperx.load_model(model, device, compute_type=precision, language=language)
        heard = recogniser.transcribe(speech.waveform, batch_size=8)
        aligner, facts = whisperx.load_align_model(heard["language"], device)
        # The aligner fetches a sentence splitter too, on its first run.
        aligned = whisperx.align(heard["segments"], aligner, facts, speech.waveform, device)
    except (OSError, ValueError, RuntimeError, LookupError) as error:
        raise WeightsError(
            f"WhisperX's models ({model!r} and the aligner of its language) could not be loaded: "
            f"{error}. Connect to the network once so that they are fetched, or give the folder "
            "of a model."
        ) from error
    return timed(
        [
            (segment["start"], segment["end"], segment.get("words", []))
            for segment in aligned["segments"]
        ]
    )


def timed(segments: list[tuple[float, float, list[dict]]]) -> tuple[Word, ...]:
    """Words of segments (start, end, words of WhisperX) with a span for each.

    A word without times lies between its neighbours in the segment; several share the gap.
    """
    result: list[Word] = []
    for start, end, items in segments:
        known = [i for i, item in enumerate(items) if "start" in item and "end" in item]
        for i, item in enumerate(items):
            text = item["word"].strip()
            if i in known:
                result.append(Word(text, float(item["start"]), float(item["end"])))
                continue
            before = max((k for k in known if k < i), default=-1)
            after = min((k for k in known if k > i), default=len(items))
            low = items[before]["end"] if before >= 0 else start
            high = items[after]["start"] if after < len(items) else end
            part = max(0.0, high - low) / (after - before - 1)
            begin = low + part * (i - before - 1)
            result.append(Word(text, float(begin), float(begin + part)))
    return tuple(sorted(result, key=lambda word: word.start))
