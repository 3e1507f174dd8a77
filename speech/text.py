"""What is said, beside how it sounds: RoBERTa's embedding of the word that is being spoken.

Liu et al., "RoBERTa: A robustly optimized BERT pretraining approach", 2019; Contextual Gesture
(3.1) has it beside WavLM and mel features. Its weights (0.5 GB, MIT licence) are fetched once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import WeightsError
from .features import MelEncoder
from .track import Encoder, Speech, SpeechFeatures, Word
from .wavlm import choose_device, first_line

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

REPOSITORY = "roberta-base"
# Words at a time, and words on both sides that are read along: well below RoBERTa's 512 tokens.
_PIECE, _CONTEXT = 160, 40


class TextEncoder:
    """Speech -> [T, 768 + C]: the spoken word's last hidden state, then another encoder's features.

    Frames in which no word is spoken have zeros. (768 is roberta-base's width; another model brings
    its own.)
    """

    def __init__(
        self,
        beside: Encoder,
        model: str | Path = REPOSITORY,
        recognise: Callable[[Speech], Sequence[Word]] | None = None,
        device: str = "auto",
    ) -> None:
        """beside: the encoder whose features follow. model: a repository on the Hugging Face hub,
        or a folder with config, weights and tokenizer. recognise: tells the words of a speech;
        without it, `words.Recogniser` does. device: as torch names it; "auto" takes a GPU where
        there is one.

        Raises: WeightsError where models are neither there nor to be fetched; UsageError where no
        recogniser is installed.
        """
        self.device = choose_device() if device == "auto" else device
        self._beside = beside
        self._tokens, network = _load(model)
        self._network = network.to(self.device).eval()
        if recognise is None:
            from .words import Recogniser

            recognise = Recogniser(device=self.device)
        self._recognise = recognise
        self.name = f"{self._beside.name}+text"
        self.channels = network.config.hidden_size + self._beside.channels

    def encode(self, speech: Speech, fps: float) -> SpeechFeatures:
        """Features of T = speech.num_frames(fps) frames; row t sees [t, t + 1) / fps seconds."""
        heard = self._beside.encode(speech, fps)
        words = heard.words or tuple(self._recognise(speech))
        rows = self.embed([word.text for word in words])
        meaning = np.zeros((len(heard), self.channels - self._beside.channels), np.float32)
        for row, word in zip(rows, words, strict=True):
            start = min(max(0, round(word.start * fps)), len(meaning) - 1)
            meaning[start : max(start + 1, round(word.end * fps))] = row
        return SpeechFeatures(
            features=np.concatenate([meaning, heard.features], axis=1),
            voice=heard.voice,
            energy=heard.energy,
            onset=heard.onset,
            fps=fps,
            words=words,
        )

    def embed(self, words: Sequence[str]) -> np.ndarray:
        """[W, C]: each word's mean over its tokens, read in the context of the words around it."""
        import torch

        rows = np.zeros((len(words), self._network.config.hidden_size), np.float32)
        for read, kept in pieces(len(words)):
            # Words are given one by one, so that tokens can be told whose they are.
            batch = self._tokens(
                list(words[read]), is_split_into_words=True, truncation=True, return_tensors="pt"
            )
            with torch.inference_mode():
                hidden = self._network(**batch.to(self.device)).last_hidden_state[0]
            owners = np.array([-1 if i is None else i + read.start for i in batch.word_ids()])
            values = hidden.float().cpu().numpy()
            for word in range(kept.start, kept.stop):
                if (own := owners == word).any():
                    rows[word] = values[own].mean(0)
        return rows


def mel_and_text(model: str = REPOSITORY, device: str = "auto") -> TextEncoder:
    """RoBERTa beside mel features and prosody: the speech encoder `mel+text`."""
    return TextEncoder(MelEncoder(), model, device=device)


def wavlm_and_text(model: str = REPOSITORY, device: str = "auto") -> TextEncoder:
    """RoBERTa beside WavLM, as in Contextual Gesture: the speech encoder `wavlm+text`."""
    from .wavlm import WavLMEncoder

    return TextEncoder(WavLMEncoder(device=device), model, device=device)


def pieces(count: int) -> Iterator[tuple[slice, slice]]:
    """Of ``count`` words, spans to read and the spans of them to keep, which follow each other."""
    for first in range(0, count, _PIECE):
        last = min(first + _PIECE, count)
        yield slice(max(0, first - _CONTEXT), min(count, last + _CONTEXT)), slice(first, last)


def _load(model: str | Path) -> tuple[PreTrainedTokenizerBase, nn.Module]:
    from transformers import AutoTokenizer, RobertaModel

    try:
        tokens = AutoTokenizer.from_pretrained(str(model), add_prefix_space=True)
        return tokens, RobertaModel.from_pretrained(str(model), add_pooling_layer=False)
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"the text encoder {model} could not be loaded: {first_line(error)} "
            "Connect to the network once so that it is fetched, give a folder that holds its "
            "config.json, weights and tokenizer, or use a speech encoder without '+text', which "
            "needs none."
        ) from error
