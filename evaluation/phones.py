"""When each phone of a known text is spoken: forced alignment, for measuring lips.

By pocketsphinx (Huggins-Daines et al., "PocketSphinx: a free, real-time continuous speech
recognition system for hand-held devices", ICASSP 2006) and its acoustic model of US English.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError, UsageError
from ..speech.track import SAMPLE_RATE, Speech

if TYPE_CHECKING:
    from pocketsphinx import Decoder

# ARPAbet, as pocketsphinx's dictionary writes them.
VOWELS = frozenset("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split())
BILABIALS = frozenset(("P", "B", "M"))
# Rows of the aligner a second.
_RATE = 100


@dataclass(frozen=True)
class Phone:
    """A phone by its ARPAbet name, and its span in seconds."""

    name: str
    start: float
    end: float


def align_phones(speech: Speech, text: str) -> list[Phone]:
    """The phones of an English text as they are spoken, in order, without silences.

    Raises: UsageError where pocketsphinx is not installed; InputError for a text with a word that
    its dictionary lacks, or one that the recording does not say.
    """
    try:
        from pocketsphinx import Decoder
    except ImportError as error:
        raise UsageError(
            "Alignment needs pocketsphinx. Install it by `pip install gesticulate[metrics]`."
        ) from error
    words = re.findall(r"[a-z']+", text.lower())
    decoder = Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")
    unknown = [word for word in words if decoder.lookup_word(word) is None]
    if unknown or not words:
        raise InputError(
            f"The aligner's dictionary lacks {', '.join(map(repr, unknown)) or 'any word of it'}. "
            "Write numbers and abbreviations out, in English."
        )
    sound = (np.clip(speech.waveform, -1, 1) * 32767).astype(np.int16).tobytes()
    decoder.set_align_text(" ".join(words))
    _hear(decoder, sound)
    if decoder.hyp() is None:
        raise InputError("The text could not be aligned. Give the words that the recording says.")
    # The second pass goes from words to phones.
    decoder.set_alignment()
    _hear(decoder, sound)
    return [
        Phone(phone.name, phone.start / _RATE, (phone.start + phone.duration) / _RATE)
        for word in decoder.get_alignment()
        for phone in word
        if phone.name not in ("SIL", "+NSN+", "+SPN+")
    ]


def _hear(decoder: Decoder, sound: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()
