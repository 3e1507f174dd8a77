"""Forced alignment of the demo's text."""

from itertools import pairwise

import numpy as np
import pytest

from gesticulate.errors import InputError
from gesticulate.evaluation.phones import BILABIALS, VOWELS, align_phones
from gesticulate.examples import demo_speech
from gesticulate.speech.load import load

pytest.importorskip("pocketsphinx", reason="forced alignment is an extra: pip install .[metrics]")


def test_the_demos_phones_are_in_order_and_where_the_sound_is():
    speech = load(demo_speech())
    text = demo_speech().with_suffix(".txt").read_text(encoding="utf-8")
    phones = align_phones(speech, text)
    assert all(phone.start < phone.end for phone in phones)
    assert all(a.end <= b.start + 1e-9 for a, b in pairwise(phones))
    assert phones[-1].end <= speech.duration
    assert {phone.name for phone in phones} & BILABIALS

    def loudness(names: frozenset[str]) -> float:
        """Root mean square within the middle of those phones."""
        squares = []
        for phone in phones:
            if phone.name in names:
                middle, third = (phone.start + phone.end) / 2, (phone.end - phone.start) / 6
                span = slice(int((middle - third) * 16000), int((middle + third) * 16000))
                squares.append(np.mean(speech.waveform[span] ** 2))
        return float(np.sqrt(np.mean(squares)))

    assert loudness(VOWELS) > 2 * loudness(frozenset("PBTK"))


def test_words_that_no_dictionary_has():
    with pytest.raises(InputError, match="lacks 'xqzt'"):
        align_phones(load(demo_speech()), "hello xqzt")
    with pytest.raises(InputError, match="lacks any word"):
        align_phones(load(demo_speech()), "42")
