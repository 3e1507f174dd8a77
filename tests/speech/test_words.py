"""Words with times."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from gesticulate.errors import UsageError
from gesticulate.speech.load import load
from gesticulate.speech.track import Speech, Word
from gesticulate.speech.words import available, recognise, timed, words

installed = importlib.util.find_spec("whisperx") is not None
quick = importlib.util.find_spec("faster_whisper") is not None


def test_times_of_words_as_whisperx_gives_them() -> None:
    items = [
        {"word": "we", "start": 1.0, "end": 1.2, "score": 0.9},
        {"word": " met ", "start": 1.3, "end": 1.5},
    ]
    assert timed([(1.0, 2.0, items)]) == (Word("we", 1.0, 1.2), Word("met", 1.3, 1.5))


def test_words_without_times_share_the_gap() -> None:
    items = [
        {"word": "in"},
        {"word": "May", "start": 2.0, "end": 2.4},
        {"word": "19"},
        {"word": "84"},
        {"word": "we", "start": 3.4, "end": 3.5},
        {"word": "2"},
    ]
    found = timed([(1.6, 4.0, items)])
    assert [w.text for w in found] == ["in", "May", "19", "84", "we", "2"]
    spans = [(w.start, w.end) for w in found]
    expected = [(1.6, 2.0), (2.0, 2.4), (2.4, 2.9), (2.9, 3.4), (3.4, 3.5), (3.5, 4.0)]
    assert np.allclose(spans, expected)


def test_segments_come_in_order_and_may_be_empty() -> None:
    late = (5.0, 6.0, [{"word": "b", "start": 5.0, "end": 5.5}])
    early = (1.0, 2.0, [{"word": "a"}])
    found = timed([late, (3.0, 4.0, []), early])
    assert found == (Word("a", 1.0, 2.0), Word("b", 5.0, 5.5))


@pytest.mark.skipif(installed or quick, reason="a recogniser is installed")
def test_without_a_recogniser() -> None:
    speech = Speech(np.zeros(16_000, dtype=np.float32))
    assert not available()
    assert words(speech) == ()
    with pytest.raises(UsageError, match=r"pip install 'gesticulate\[words\]'"):
        recognise(speech)


@pytest.mark.skipif(
    not (installed or quick), reason="neither of the extras 'words' and 'whisperx' is installed"
)
def test_real_words(data_dir: Path) -> None:
    from gesticulate.errors import WeightsError

    speech = load(data_dir / "speech" / "welcome-af_heart.wav")
    try:
        found = recognise(speech, language="en")
    except WeightsError as error:
        pytest.skip(str(error))
    text = (data_dir / "speech" / "welcome.txt").read_text()
    assert abs(len(found) - len(text.split())) <= 3
    assert all(0 <= w.start <= w.end <= speech.duration + 0.1 for w in found)
