"""The weights that come along make motion from the example's speech."""

from pathlib import Path

import numpy as np
import pytest

import gesticulate.examples
from gesticulate import registry, weights
from gesticulate.evaluation.gestures import amplitude, speed
from gesticulate.evaluation.lip_sync import lip_opening
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST
from gesticulate.motion.finish import make_motion
from gesticulate.speech.features import MelEncoder
from gesticulate.speech.load import load
from gesticulate.speech.track import SAMPLE_RATE, Speech

WELCOME = Path(gesticulate.examples.__file__).with_name("welcome.wav")


@pytest.fixture(scope="module")
def speech():
    """Four seconds of the example, after a second of silence."""
    waveform = load(WELCOME).waveform[: 4 * SAMPLE_RATE]
    return MelEncoder().encode(Speech(np.pad(waveform, (SAMPLE_RATE, 0))), 25.0)


@pytest.mark.parametrize("name", sorted(registry.BUILT_IN["motion_generators"]))
def test_shipped_weights_talk_and_gesture(name, speech):
    if weights.get(name if name != "contextual" else "motion-generator").train:
        pytest.skip(f"the weights of {name} are not shipped")
    reference = Motion(REST[None].astype(np.float32), np.ones((1, 116), np.float32))
    generator = registry.build("motion_generators", name)
    made = make_motion(generator, speech, reference, seed=1)
    assert made.points.shape == (125, 116, 2)
    # Shoulder widths, and those a second; clips of people have 0.2 and 0.7, without the way up from
    # arms that hang.
    assert 0.02 < amplitude(made, "wrists") < 1.0
    assert 0.05 < speed(made, "wrists") < 2.5
    assert 0.005 < amplitude(made, "head") < 0.3
    opening = lip_opening(made)
    assert opening[5:20].max() < 0.25 * opening[25:].max(), "silence closes the lips"
    assert opening[speech.voice >= 0.5].std() > 0.02, "distances of the eyes"
