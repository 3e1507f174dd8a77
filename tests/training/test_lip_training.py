"""The lip model learns lips that follow the speech, and its figures are what they say."""

import json

import numpy as np
import pytest
import soundfile
import torch

from gesticulate.datasets.talking_faces import FaceClip
from gesticulate.motion.lip_network import CHANNELS, OPENING, WIDTH, load_lips
from gesticulate.training.lips import concordance, likeness, train_lips
from gesticulate.training.mouths import Talking, describe_mouth
from gesticulate.training.options import LipTraining, LoopOptions

FRAMES = 50


def face(opening: np.ndarray, width: np.ndarray) -> np.ndarray:
    """[T, 68, 2]: eyes 100 pixels apart, the mouth as wanted, in pixels."""
    points = np.zeros((len(opening), 68, 2), np.float32)
    points[:, 36], points[:, 45], points[:, 27] = (50, 80), (150, 80), (100, 80)
    points[:, 8] = np.stack([np.full_like(opening, 100), 190 + 0.6 * opening], 1)
    for i, x in enumerate((90, 100, 110)):
        points[:, 61 + i] = x, 150
        points[:, 67 - i] = np.stack([np.full_like(opening, x), 150 + opening], 1)
        points[:, 58 - i] = np.stack([np.full_like(opening, x), 160 + opening], 1)
    points[:, 48, 0], points[:, 54, 0] = 100 - width / 2, 100 + width / 2
    return points


def test_a_mouth_in_its_own_widths():
    opening = np.repeat([0.0, 20.0, 0.0, -2.0], 10)
    width = np.repeat([50.0, 50.0, 40.0, 60.0], 10)
    found = describe_mouth(face(opening, width))
    assert found.shape == (40, len(CHANNELS))
    np.testing.assert_allclose(found[:, OPENING], np.repeat([0, 0.4, 0, 0], 10), atol=1e-6)
    np.testing.assert_allclose(found[:, WIDTH], np.repeat([0, 0, -0.2, 0.2], 10), atol=1e-6)
    np.testing.assert_allclose(found[10:30, 2], np.repeat([0.24, 0], 10), atol=0.03)


def test_concordance_against_its_definition():
    rng = np.random.default_rng(0)
    told, real = rng.standard_normal((2, 1, 30, 1))
    weight = np.ones((1, 30, 1))
    weight[:, 20:] = 0
    a, b = told[0, :20, 0], real[0, :20, 0]
    covariance = ((a - a.mean()) * (b - b.mean())).mean()
    expected = 2 * covariance / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)
    found = concordance(*(torch.from_numpy(x) for x in (told, real, weight)))
    assert float(found) == pytest.approx(expected, abs=1e-5)


@pytest.fixture
def folder(tmp_path):
    """Three clips whose lips open with the loudness of a buzz, two to train on."""
    rng = np.random.default_rng(1)
    for number, split in enumerate(("train", "train", "val")):
        steps = rng.uniform(0, 1, FRAMES // 5 + 2)
        loud = np.interp(np.arange(FRAMES) / 5, np.arange(len(steps)), steps)
        samples = np.interp(np.arange(FRAMES * 640) / 640 - 0.5, np.arange(FRAMES), loud)
        buzz = np.sign(np.sin(2 * np.pi * 120 * np.arange(FRAMES * 640) / 16000))
        clip = tmp_path / f"clip{number}"
        clip.mkdir()
        soundfile.write(clip / "speech.wav", 0.3 * samples * buzz, 16000)
        points = face(20 * loud, 50 + 5 * loud)
        np.savez(clip / "landmarks.npz", points=points, confidence=np.ones(FRAMES))
        (clip / "split").write_text(split)
    return tmp_path


def test_it_learns_and_says_how_well(folder, tmp_path):
    loop = LoopOptions(
        tmp_path / "run", steps=60, batch=4, learning_rate=5e-3, warmup=5, validate_every=30
    )
    options = LipTraining(folder, loop, speech_encoder="mel", window=32, width=8)
    network = load_lips(train_lips(options))
    assert network.options.speech_encoder == "mel"
    lines = [json.loads(x) for x in (loop.output / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["val"]["opening"] > 0.8
    assert lines[-1]["train"]["loss"] < lines[0]["train"]["loss"]
    with torch.no_grad():
        told = network(torch.zeros(1, 40, network.options.speech_channels))
    assert told.shape == (1, 40, len(CHANNELS))


def test_likeness_leaves_unseen_frames_out():
    class Echo(torch.nn.Module):
        def forward(self, features):
            return features[..., :4]

    rng = np.random.default_rng(2)
    mouth = rng.standard_normal((2, 40, 4)).astype(np.float32)
    weight = np.ones(40, np.float32)
    weight[30:] = 0
    clips = []
    for number in range(2):
        heard = mouth[number].copy()
        heard[30:] = -5 * heard[30:]
        clips.append(Talking(str(number), "real", heard, mouth[number], weight))
    np.testing.assert_allclose(likeness(Echo(), clips), 1, atol=1e-6)
    expected = [np.corrcoef(mouth[0, :30, 0], mouth[1, :30, 0])[0, 1]] * 2
    assert likeness(Echo(), clips, shuffled=True)[0] == pytest.approx(np.mean(expected), abs=1e-5)


def test_a_clip_is_no_longer_than_its_sound(tmp_path):
    from gesticulate.speech.features import MelEncoder
    from gesticulate.training.mouths import hear

    soundfile.write(tmp_path / "s.wav", 0.1 * np.sin(np.arange(16000) / 9), 16000)
    points = face(np.linspace(0, 20, 60), np.full(60, 50.0))
    clip = FaceClip("a", "real", points, np.ones(60), tmp_path / "s.wav")
    talking = hear(clip, MelEncoder())
    assert len(talking.features) == len(talking.mouth) == len(talking.weight) == 25
