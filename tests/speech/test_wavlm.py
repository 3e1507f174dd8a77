"""WavLM at a tiny size, with random weights, from a folder."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import WavLMConfig, WavLMModel

from gesticulate.errors import WeightsError
from gesticulate.pipelines.stages import SpeechEncoder
from gesticulate.speech import wavlm
from gesticulate.speech.features import MelEncoder
from gesticulate.speech.track import SAMPLE_RATE, Speech
from gesticulate.speech.wavlm import WavLMEncoder, pieces

WIDTH = 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wavlm")
    torch.manual_seed(0)
    config = WavLMConfig(
        hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        conv_dim=[8] * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2,
        feat_extract_norm="layer", do_stable_layer_norm=True,
    )  # fmt: skip
    WavLMModel(config).save_pretrained(path)
    return path


def noise(seconds: float) -> Speech:
    rng = np.random.default_rng(3)
    return Speech((0.1 * rng.standard_normal(round(seconds * SAMPLE_RATE))).astype(np.float32))


@pytest.mark.parametrize(("seconds", "fps"), [(0.4, 25), (2.013, 30), (3.0, 24000 / 1001)])
def test_frame_clock_and_channels(folder: Path, seconds: float, fps: float) -> None:
    encoder, speech = WavLMEncoder(folder), noise(seconds)
    assert isinstance(encoder, SpeechEncoder)
    features = encoder.encode(speech, fps)
    assert encoder.channels == WIDTH + MelEncoder.channels
    assert features.features.shape == (speech.num_frames(fps), encoder.channels)
    assert features.features.dtype == np.float32
    assert np.isfinite(features.features).all()
    mel = MelEncoder().encode(speech, fps)
    assert np.array_equal(features.features[:, WIDTH:], mel.features)
    assert np.array_equal(features.voice, mel.voice)


def test_rows_against_the_model_itself(folder: Path) -> None:
    """At 25 fps the middle of frame t is sample 640 t + 320, between rows 2 t and 2 t + 1."""
    speech = noise(2.0)
    learned = WavLMEncoder(folder).encode(speech, 25).features[:, :WIDTH]
    waveform = speech.waveform
    normal = (waveform - waveform.mean()) / np.sqrt(waveform.var() + 1e-7)
    with torch.no_grad():
        rows = WavLMModel.from_pretrained(folder).eval()(torch.from_numpy(normal)[None])
    rows = rows.last_hidden_state[0].numpy()
    part = (320 - 200) / 320
    for t in (0, 10, 48):
        expected = (1 - part) * rows[2 * t] + part * rows[2 * t + 1]
        assert np.allclose(learned[t], expected, atol=1e-4)


@pytest.mark.parametrize("samples", [400, 6_400, 320_000, 320_080, 1_000_003, 16_000 * 61])
def test_pieces_cover_every_row_once(samples: int) -> None:
    total = (samples - 400) // 320 + 1
    seen = []
    for sound, kept in pieces(samples):
        assert sound.stop <= samples
        rows = (sound.stop - sound.start - 400) // 320 + 1
        assert kept.stop <= rows
        seen += [sound.start // 320 + k for k in range(kept.start, kept.stop)]
    assert seen == list(range(total))


def test_long_sound_has_no_seam(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut into pieces of 1 s with a context of 1 s, the rows stay nearly those of the whole."""
    speech, encoder = noise(5.0), WavLMEncoder(folder)
    whole = encoder.encode(speech, 25).features[:, :WIDTH]
    monkeypatch.setattr(wavlm, "_PIECE_SECONDS", 1)
    monkeypatch.setattr(wavlm, "_CONTEXT_SECONDS", 1)
    cut = encoder.encode(speech, 25).features[:, :WIDTH]
    assert cut.shape == whole.shape
    assert np.abs(cut - whole).mean() < 0.1 * whole.std()


def test_missing_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match="could not be loaded"):
        WavLMEncoder(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match=r"'mel', which needs none"):
        WavLMEncoder("nobody/has-this-model")
