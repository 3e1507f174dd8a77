"""Words with their times, by WhisperX or faster-whisper where one of them is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from ..errors import UsageError, WeightsError
from .track import Speech, Word

MODEL = "small"


def available() -> bool:
    """Whether a library that recognises words is installed."""
    return _installed("whisperx") or _installed("faster_whisper")


def words(speech: Speech) -> tuple[Word, ...]:
    """The words of a speech in order of time; none where no recogniser is installed."""
    return recognise(speech) if available() else ()


def recognise(
    speech: Speech, model: str = MODEL, language: str | None = None, device: str = "cpu"
) -> tuple[Word, ...]:
    """The words of a speech in order of time.

    model: a Whisper model's name or folder. language: a code like "en"; None has it detected.
    WhisperX goes first, whose aligner places words better; faster-whisper tells the times that
    Whisper's attention gives. Words that the aligner could not place (figures, mostly) share the
    time between neighbours.
    Raises: UsageError where neither is installed; WeightsError where its models cannot be
    loaded or fetched.
    """
    return Recogniser(model, language, device)(speech)


class Recogniser:
    """Speech -> words; see `recognise`. Loads each model once, for many recordings."""

    def __init__(
        self, model: str = MODEL, language: str | None = None, device: str = "cpu"
    ) -> None:
        if not available():
            raise UsageError(
                "words with times need WhisperX or faster-whisper, and neither is installed. "
                "Install one with: pip install 'gesticulate[words]' (or [whisperx])"
            )
        self.model, self.language, self.device = model, language, device
        self._aligners: dict[str, Any] = {}  # of WhisperX, by language
        precision = "int8" if device == "cpu" else "float16"
        try:
            if _installed("whisperx"):
                import whisperx

                self._whisper = whisperx.load_model(
                    model, device, compute_type=precision, language=language
                )
            else:
                from faster_whisper import WhisperModel

                self._whisper = WhisperModel(model, device=device, compute_type=precision)
        except (OSError, ValueError, RuntimeError, LookupError) as error:
            raise self._missing(error) from error

    def __call__(self, speech: Speech) -> tuple[Word, ...]:
        """The words of a speech in order of time. Raises: WeightsError."""
        if not len(speech.waveform):
            return ()
        return timed(self._aligned(speech) if _installed("whisperx") else self._heard(speech))

    def _aligned(self, speech: Speech) -> list[tuple[float, float, list[dict]]]:
        import whisperx

        heard = self._whisper.transcribe(speech.waveform, batch_size=8)
        language = heard["language"]
        try:
            if language not in self._aligners:
                self._aligners[language] = whisperx.load_align_model(language, self.device)
            aligner, facts = self._aligners[language]
            # The aligner fetches a sentence splitter too, on its first run.
            aligned = whisperx.align(
                heard["segments"], aligner, facts, speech.waveform, self.device
            )
        except (OSError, ValueError, RuntimeError, LookupError) as error:
            raise self._missing(error) from error
        return [
            (segment["start"], segment["end"], segment.get("words", []))
            for segment in aligned["segments"]
        ]

    def _heard(self, speech: Speech) -> list[tuple[float, float, list[dict]]]:
        segments, _ = self._whisper.transcribe(
            speech.waveform,
            language=self.language,
            word_timestamps=True,
            # Without it, what was misheard once is repeated to the end.
            condition_on_previous_text=False,
        )
        return [
            (
                segment.start,
                segment.end,
                [
                    {"word": word.word, "start": word.start, "end": word.end}
                    for word in segment.words or []
                ],
            )
            for segment in segments
        ]

    def _missing(self, error: Exception) -> WeightsError:
        return WeightsError(
            f"the recogniser's models ({self.model!r} and, with WhisperX, the aligner of its "
            f"language) could not be loaded: {error}. Connect to the network once so that they are "
            "fetched, or give the folder of a model."
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


def _installed(library: str) -> bool:
    return find_spec(library) is not None
