"""Text features at a tiny size: RoBERTa with random weights, from a folder."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaModel

from gesticulate import registry
from gesticulate.errors import UsageError, WeightsError
from gesticulate.pipelines.stages import SpeechEncoder
from gesticulate.speech import text
from gesticulate.speech.features import MelEncoder
from gesticulate.speech.text import TextEncoder, pieces
from gesticulate.speech.track import SAMPLE_RATE, Speech, Word
from gesticulate.speech.words import available

WIDTH = 16
SAID = (Word("we", 0.2, 0.4), Word("met", 0.4, 0.42), Word("again", 1.0, 9.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer that knows single letters, so that words have several tokens."""
    path = tmp_path_factory.mktemp("roberta")
    letters = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "Ġ", *"abcdefghijklmnopqrstuvwxyz"]
    vocabulary = {letter: i for i, letter in enumerate(letters)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>",
        unk_token="<unk>", mask_token="<mask>", cls_token="<s>", sep_token="</s>",
        model_max_length=60,
    ).save_pretrained(path)  # fmt: skip
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(letters), hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64, pad_token_id=1, bos_token_id=0,
        eos_token_id=2,
    )  # fmt: skip
    RobertaModel(config, add_pooling_layer=False).save_pretrained(path)
    return path


def noise(seconds: float) -> Speech:
    rng = np.random.default_rng(3)
    return Speech((0.1 * rng.standard_normal(round(seconds * SAMPLE_RATE))).astype(np.float32))


def test_a_word_stands_in_the_frames_that_it_is_spoken_in(folder: Path) -> None:
    encoder, speech = TextEncoder(MelEncoder(), folder, lambda _: SAID, "cpu"), noise(2.0)
    assert isinstance(encoder, SpeechEncoder)
    assert encoder.name == "mel+text"
    found = encoder.encode(speech, 25)
    assert found.features.shape == (50, WIDTH + MelEncoder.channels)
    assert found.features.dtype == np.float32
    assert found.words == SAID
    np.testing.assert_array_equal(
        found.features[:, WIDTH:], MelEncoder().encode(speech, 25).features
    )
    rows = encoder.embed([word.text for word in SAID])
    expected = np.zeros((50, WIDTH), np.float32)
    expected[5:10], expected[10:11], expected[25:] = rows  # the shortest word has a frame, too
    np.testing.assert_array_equal(found.features[:, :WIDTH], expected)


def test_rows_against_the_model_itself(folder: Path) -> None:
    """The tokens of "we met": <s> Ġ w e Ġ m e t </s>."""
    rows = TextEncoder(MelEncoder(), folder, lambda _: (), "cpu").embed(["we", "met"])
    ids = torch.tensor([[0, 5, 28, 10, 5, 18, 10, 25, 2]])
    with torch.no_grad():
        hidden = RobertaModel.from_pretrained(folder, add_pooling_layer=False).eval()(ids)[0][0]
    np.testing.assert_allclose(rows[0], hidden[1:4].mean(0), atol=1e-5)
    np.testing.assert_allclose(rows[1], hidden[4:8].mean(0), atol=1e-5)


def test_long_speeches_are_read_in_pieces(folder: Path, monkeypatch) -> None:
    encoder = TextEncoder(MelEncoder(), folder, lambda _: (), "cpu")
    words = ["ab", "c", "def", "g", "hi", "jk", "l", "m"]
    monkeypatch.setattr(text, "_PIECE", 3)
    monkeypatch.setattr(text, "_CONTEXT", 2)
    assert list(pieces(8)) == [
        (slice(0, 5), slice(0, 3)),
        (slice(1, 8), slice(3, 6)),
        (slice(4, 8), slice(6, 8)),
    ]
    made = encoder.embed(words)
    monkeypatch.undo()
    np.testing.assert_allclose(made[:3], encoder.embed(words[:5])[:3], atol=1e-5)
    np.testing.assert_allclose(made[3:6], encoder.embed(words[1:])[2:5], atol=1e-5)
    np.testing.assert_allclose(made[6:], encoder.embed(words[4:])[2:], atol=1e-5)


def test_silence_says_nothing(folder: Path) -> None:
    found = TextEncoder(MelEncoder(), folder, lambda _: (), "cpu").encode(noise(0.4), 25)
    assert found.features.shape == (10, WIDTH + MelEncoder.channels)
    assert not found.features[:, :WIDTH].any()


def test_missing_models_are_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"text encoder .*empty could not be loaded"):
        TextEncoder(MelEncoder(), tmp_path / "empty", lambda _: (), "cpu")


@pytest.mark.skipif(available(), reason="a recogniser is installed")
def test_without_a_recogniser(folder: Path) -> None:
    with pytest.raises(UsageError, match="need WhisperX or faster-whisper"):
        registry.build("speech_encoders", registry.StageChoice("mel+text", {"model": str(folder)}))
