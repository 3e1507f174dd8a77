"""Whisper's encoder: its front end against a plain one, its clock, its windows, its errors."""

from pathlib import Path

import numpy as np
import pytest
from stage_contracts import check_speech_encoder

from gesticulate import registry
from gesticulate.errors import WeightsError
from gesticulate.examples import demo_speech
from gesticulate.speech.features import MelEncoder
from gesticulate.speech.features.whisper import WhisperEncoder, log_mel, windows
from gesticulate.speech.load import load
from gesticulate.speech.track import SAMPLE_RATE, Speech

WIDTH, SECONDS = 384, 10
ROWS = 50 * SECONDS


@pytest.fixture(scope="module")
def encoder() -> WhisperEncoder:
    return WhisperEncoder()


@pytest.fixture(scope="module")
def speech() -> Speech:
    return Speech(load(demo_speech()).waveform)


def test_contract(encoder: WhisperEncoder):
    check_speech_encoder(encoder)
    assert encoder.channels == WIDTH


def plain_log_mel(sound: np.ndarray) -> np.ndarray:
    """Whisper's published front end, written out: 25 ms Hann windows every 10 ms, 80 Slaney bands
    to 8 kHz, base-10 logarithm, 80 dB of range below the window's loudest, to about -1..1."""
    padded = np.pad(np.pad(sound, (0, SECONDS * SAMPLE_RATE - len(sound))), 200, mode="reflect")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = np.stack([padded[160 * m : 160 * m + 400] for m in range(100 * SECONDS)]) * hann
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2

    def slaney(hz):
        return np.where(
            hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1) / 1000) / np.log(6.4)
        )

    def hertz(mel):
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))

    corners = hertz(np.linspace(slaney(np.array(0.0)), slaney(np.array(8000.0)), 82))
    bins = np.arange(201) * 40.0
    filters = np.zeros((201, 80))
    for band in range(80):
        low, mid, high = corners[band : band + 3]
        triangle = np.minimum((bins - low) / (mid - low), (high - bins) / (high - mid))
        filters[:, band] = np.maximum(triangle, 0) * 2 / (high - low)
    logarithm = np.log10(np.maximum(power @ filters, 1e-10))
    return ((np.maximum(logarithm, logarithm.max() - 8) + 4) / 4).T


def test_front_end_against_a_plain_one(speech: Speech):
    sound = speech.waveform[: 3 * SAMPLE_RATE + 77]
    found = log_mel(sound, SECONDS)
    assert found.shape == (80, 100 * SECONDS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, plain_log_mel(sound.astype(np.float64)), atol=2e-3)


def test_a_frame_is_heard_when_it_is_spoken(encoder: WhisperEncoder, speech: Speech):
    """Silence of a second in front moves the features by 25 frames."""
    late = Speech(np.concatenate([np.zeros(SAMPLE_RATE, np.float32), speech.waveform]))
    first, second = (encoder.encode(s, 25).features for s in (speech, late))
    near = first[3:-3].ravel()
    length = len(first) - 6
    likeness = {
        lag: np.corrcoef(near, second[28 + lag : 28 + lag + length].ravel())[0, 1]
        for lag in range(-3, 4)
    }
    assert max(likeness, key=likeness.__getitem__) == 0
    assert likeness[0] > 0.8


@pytest.mark.parametrize("total", [1, 149, 499, 500, 501, 850, 851, 9000])
def test_windows_share_every_row(total: int):
    shares = np.zeros(total)
    for first, share in windows(total, ROWS):
        assert len(share) == min(ROWS, total - first)
        shares[first : first + len(share)] += share
    np.testing.assert_allclose(shares, 1, atol=1e-6)


def test_a_long_recording_has_no_seam(encoder: WhisperEncoder, speech: Speech):
    """From row to row nothing changes more where two windows meet than elsewhere."""
    sound = np.tile(speech.waveform, 3)[: 20 * SAMPLE_RATE]
    rows = encoder.rows(sound)
    assert rows.shape == (1000, WIDTH)
    change = np.sqrt(np.square(np.diff(rows, axis=0)).sum(axis=1))
    meet = np.zeros(len(change), bool)
    meet[350:500] = meet[700:850] = True
    assert change[meet].max() <= 1.05 * change[~meet].max()
    assert change[meet].mean() <= 1.05 * change[~meet].mean()
    # The first window alone, where it alone is heard.
    np.testing.assert_array_equal(rows[:375], encoder.rows(sound[: 10 * SAMPLE_RATE])[:375])


def test_threads_do_not_change_the_numbers(encoder: WhisperEncoder, speech: Speech):
    import onnxruntime
    import torch

    from gesticulate import weights

    mel = log_mel(speech.waveform[: SECONDS * SAMPLE_RATE], SECONDS)
    answers = []
    for threads in (1, 3):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        path = str(weights.resolve("whisper-tiny-encoder"))
        session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
        answers.append(session.run(["last_hidden_state"], {"input_features": mel[None]})[0])
    np.testing.assert_array_equal(*answers)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        np.testing.assert_array_equal(
            log_mel(speech.waveform[: SECONDS * SAMPLE_RATE], SECONDS), mel
        )
    finally:
        torch.set_num_threads(before)


def test_mel_channels_follow(speech: Speech):
    both = registry.build("speech_encoders", "whisper+mel")
    mel = MelEncoder()
    assert both.name == "whisper+mel"
    assert both.channels == WIDTH + mel.channels
    found, expected = both.encode(speech, 25), mel.encode(speech, 25)
    np.testing.assert_array_equal(found.features[:, WIDTH:], expected.features)
    np.testing.assert_array_equal(found.voice, expected.voice)


def test_weights_that_are_none(tmp_path: Path):
    with pytest.raises(WeightsError, match="No Whisper encoder at"):
        WhisperEncoder(str(tmp_path / "absent.onnx"))
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"not a model")
    with pytest.raises(WeightsError, match="cannot be loaded as an ONNX model"):
        WhisperEncoder(str(bad))


def test_another_network_is_refused(tmp_path: Path):
    from onnx import TensorProto, helper, save

    node = helper.make_node("Identity", ["x"], ["y"])
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3]) for n in "xy"]
    graph = helper.make_graph([node], "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    save(model, str(tmp_path / "other.onnx"))
    with pytest.raises(WeightsError, match="expected a Whisper encoder"):
        WhisperEncoder(str(tmp_path / "other.onnx"))
