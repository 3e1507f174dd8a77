"""Two people's speech told apart: by channel, by file, and by a diariser."""

import numpy as np
import pytest
import soundfile

from gesticulate.errors import InputError, UsageError
from gesticulate.speech import diarise
from gesticulate.speech.load import count_channels
from gesticulate.speech.track import SAMPLE_RATE, Speech
from gesticulate.speech.turns import Conversation, of_two, read_conversation, told_apart
from gesticulate.speech.voice_activity import voice_activity


def syllables(seconds: float, pitch: float = 120.0) -> np.ndarray:
    """A made-up voice, [S] at 16 kHz."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 20))
    return (0.2 * buzz * np.clip(np.sin(2 * np.pi * 4 * time), 0, None)).astype(np.float32)


def turns(seconds: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """Two voices: one in the first half, one in the second."""
    half = int(seconds / 2 * SAMPLE_RATE)
    low, high = syllables(seconds), syllables(seconds, 210.0)
    low[half:], high[:half] = 0, 0
    return low, high


def energy(speech: Speech) -> tuple[float, float]:
    """Power of both halves."""
    halves = np.array_split(speech.waveform.astype(float), 2)
    return float((halves[0] ** 2).mean()), float((halves[1] ** 2).mean())


def write(path, *channels):
    soundfile.write(path, np.stack(channels, axis=1), SAMPLE_RATE)
    return path


def test_a_stereo_file_has_a_speaker_a_channel(tmp_path):
    path = write(tmp_path / "talk.wav", *turns())
    talk = read_conversation([path])
    assert talk.together == path
    assert [voice.channel for voice in talk.voices] == [0, 1]
    assert energy(talk.left)[0] > 1e-3 > 1e-8 > energy(talk.left)[1]
    assert energy(talk.right)[1] > 1e-3 > 1e-8 > energy(talk.right)[0]
    np.testing.assert_allclose(talk.mix.waveform, talk.left.waveform + talk.right.waveform)


def test_swapped_speakers_say_each_others_words(tmp_path):
    talk = read_conversation([write(tmp_path / "talk.wav", *turns())])
    other = talk.swapped()
    assert np.array_equal(other.left.waveform, talk.right.waveform)
    assert other.voices == talk.voices[::-1]
    # As it is, the file would play the left person's words on the right.
    assert other.together is None


def test_a_microphone_that_hears_the_other_one_is_silenced():
    low, high = turns(6.0)
    noise = np.random.default_rng(0).normal(0, 1e-4, (2, len(low))).astype(np.float32)
    leak = 10 ** (-22 / 20)
    talk = of_two(
        Speech(low + leak * high + noise[0]), Speech(0.3 * (high + leak * low) + noise[1])
    )
    left, right = voice_activity(talk.left, 25.0), voice_activity(talk.right, 25.0)
    assert left[:70].mean() > 0.6
    assert left[80:].mean() < 0.02
    assert right[80:].mean() > 0.6
    assert right[:70].mean() < 0.02
    both = of_two(Speech(low), Speech(syllables(6.0, 210.0)))
    assert voice_activity(both.right, 25.0)[:70].mean() > 0.6, "talking at once stays"


def test_files_of_different_lengths_end_in_silence(tmp_path, caplog):
    low, high = turns()
    paths = [tmp_path / "left.wav", tmp_path / "right.wav"]
    soundfile.write(paths[0], low[: SAMPLE_RATE * 5 // 2], SAMPLE_RATE)
    soundfile.write(paths[1], high, SAMPLE_RATE)
    talk = read_conversation(paths)
    assert talk.left.duration == talk.right.duration == talk.duration == 4.0
    assert not talk.left.waveform[SAMPLE_RATE * 5 // 2 :].any()
    assert "2.50 s" in caplog.text
    assert [voice.path for voice in talk.voices] == paths
    with pytest.raises(InputError, match=r"1\.00 s and 2\.00 s"):
        Conversation(Speech(np.zeros(SAMPLE_RATE)), Speech(np.zeros(2 * SAMPLE_RATE)))


def test_other_numbers_of_files_and_channels_are_refused(tmp_path):
    path = write(tmp_path / "four.wav", *(turns() * 2))
    assert count_channels(path) == 4
    with pytest.raises(InputError, match="4 channels"):
        read_conversation([path])
    with pytest.raises(UsageError, match="Got 3 sound files"):
        read_conversation([path] * 3)
    with pytest.raises(InputError, match="no sound file"):
        read_conversation([tmp_path / "none.wav"])


@pytest.mark.skipif(diarise.available(), reason="the extra that tells voices apart is installed")
@pytest.mark.parametrize("channels", [1, 2])
def test_a_mix_without_the_extra_says_what_to_do(tmp_path, channels):
    low, high = turns()
    path = write(tmp_path / "mixed.wav", *[low + high] * channels)
    with pytest.raises(UsageError, match=r"mixed\.wav.*one speaker a channel.*two files.*whisperx"):
        read_conversation([path])


def test_a_mix_is_cut_by_its_turns(tmp_path):
    low, high = turns()
    path = tmp_path / "mixed.wav"
    mixed = Speech(low + high, path)

    def diariser(speech, device):
        return [("b", 2.0, 3.0), ("a", 0.0, 1.9), ("b", 3.2, 4.0)]

    talk = told_apart(mixed, diariser, "cpu")
    assert talk.together == path
    assert [voice.spans for voice in talk.voices] == [((0.0, 1.9),), ((2.0, 3.0), (3.2, 4.0))]
    assert np.array_equal(
        talk.left.waveform[: int(1.9 * SAMPLE_RATE)], low[: int(1.9 * SAMPLE_RATE)]
    )
    assert not talk.right.waveform[: 2 * SAMPLE_RATE].any()
    assert talk.swapped().together == path
    alone = told_apart(mixed, lambda *_: [("a", 0.0, 4.0)], "cpu")
    assert not alone.right.waveform.any()
    assert diarise.by_speaker([]) == ((), ())
