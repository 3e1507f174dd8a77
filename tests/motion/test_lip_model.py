"""The lip model behind a speech encoder, at a tiny size and as it is shipped."""

import numpy as np
import pytest
import torch

from gesticulate.errors import WeightsError
from gesticulate.examples import demo_speech
from gesticulate.motion.lip_model import EncoderWithLips, LipModel
from gesticulate.motion.lip_network import LipNetwork, LipOptions, load_lips, save_lips
from gesticulate.pipelines.stages import SpeechEncoder
from gesticulate.speech.features import MelEncoder
from gesticulate.speech.load import load
from gesticulate.speech.track import SAMPLE_RATE, Speech


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("lips") / "tiny.safetensors"
    save_lips(path, LipNetwork(LipOptions("mel", MelEncoder.channels, width=8, dilations=(1,))))
    return path


@pytest.fixture(scope="module")
def speech():
    return Speech(load(demo_speech()).waveform[: 3 * SAMPLE_RATE])


def test_weights_come_back_as_they_were(tiny):
    network = load_lips(tiny)
    assert network.options.dilations == (1,)
    assert not network.training
    with pytest.raises(WeightsError, match="No weights at"):
        LipModel(str(tiny.with_name("absent.safetensors")))


@pytest.mark.parametrize("fps", [25.0, 30.0])
def test_features_are_the_encoders_and_lips_come_along(tiny, speech, fps):
    own, model = MelEncoder(), LipModel(str(tiny))
    encoder = EncoderWithLips(own, model)
    assert isinstance(encoder, SpeechEncoder)
    heard, alone = encoder.encode(speech, fps), own.encode(speech, fps)
    np.testing.assert_array_equal(heard.features, alone.features)
    assert heard.lips.shape == (speech.num_frames(fps), 4)
    assert heard.lips.dtype == np.float32
    lips = model(speech)
    assert len(lips) == speech.num_frames(25)
    if fps == 25:
        np.testing.assert_array_equal(heard.lips, lips)
    else:
        # The middle of frame 17 of 30 a second is that of frame 14 of 25 and 1/12 of a frame.
        expected = lips[14] + (17.5 * 25 / 30 - 14.5) * (lips[15] - lips[14])
        np.testing.assert_allclose(heard.lips[17], expected, atol=1e-6)


def test_mel_features_that_are_there_are_used(speech):
    """The shipped model: the same lips, whether mel features are known or not."""
    model = LipModel()
    known = MelEncoder().encode(speech, 25.0)
    np.testing.assert_array_equal(model(speech, known), model(speech))


def test_the_shipped_model_opens_in_speech_and_closes_in_silence(speech):
    """Second 1 to 2 is speech, the rest silence."""
    silence = np.zeros(SAMPLE_RATE, np.float32)
    word = speech.waveform[SAMPLE_RATE : 2 * SAMPLE_RATE]
    opening = LipModel()(Speech(np.concatenate([silence, word, silence])))[:, 0]
    assert opening[25:50].max() > 0.15
    assert np.abs(opening[5:15]).max() < 0.1
    assert np.abs(opening[62:]).max() < 0.1
