"""A pipeline of real stages, with a motion generator that needs no weights."""

from pathlib import Path

import numpy as np
import pytest
from nod_generator import NodGenerator

from gesticulate.examples import demo_photo, demo_speech
from gesticulate.keypoints.mediapipe import MediaPipeEstimator
from gesticulate.pipelines.gesture_video import GestureVideoPipeline
from gesticulate.speech.features import MelEncoder
from gesticulate.speech.load import load
from gesticulate.speech.track import SAMPLE_RATE, Speech
from gesticulate.warping.renderer import PuppetRenderer


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    """[512, 512, 3] uint8 RGB, one person."""
    return demo_photo()


@pytest.fixture(scope="session")
def speech() -> Speech:
    """1.01 s of talk: not a whole number of frames."""
    recording = load(demo_speech())
    return Speech(recording.waveform[SAMPLE_RATE : SAMPLE_RATE + int(1.01 * SAMPLE_RATE)])


@pytest.fixture(scope="session")
def pipeline() -> GestureVideoPipeline:
    return GestureVideoPipeline(
        MediaPipeEstimator(), MelEncoder(), NodGenerator(), PuppetRenderer()
    )


@pytest.fixture(scope="session")
def talk(pipeline, photo, speech, tmp_path_factory) -> Path:
    """A video to be edited: 1.8 s of the person in the photo, nodding; 128 x 128."""
    longer = Speech(np.tile(speech.waveform, 2)[: round(1.8 * SAMPLE_RATE)])
    path = tmp_path_factory.mktemp("talk") / "talk.mp4"
    pipeline(photo, longer, path, size=128)
    return path
