"""A span's new motion and poses, by a generator whose motion is known."""

from dataclasses import replace

import numpy as np
import pytest

from gesticulate.keypoints import layout
from gesticulate.keypoints.face import CANONICAL_FACE, NeutralFace
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import CANONICAL, REST, Person, from_motion
from gesticulate.keypoints.poses import Poses
from gesticulate.motion.manner import AS_MADE, Manner
from gesticulate.pipelines.edit.edits import Edit
from gesticulate.pipelines.edit.span import Span
from gesticulate.speech.track import SpeechFeatures

FRAMES, FIRST, LAST = 100, 25, 75
WRISTS = [layout.LEFT_WRIST, layout.RIGHT_WRIST]


class Waving:
    """Waves both arms, and nods, everywhere; so what is outside the span is told to be kept."""

    name = "waving"
    fps = 25.0

    def infill(self, speech, motion, span, *, streams=("face", "body"), seed=0):
        points = motion.points.copy()
        wave = 0.2 * np.sin(np.arange(len(motion)) / 4)
        points[:, 70:74, 1] += wave[:, None]
        points[:, layout.MOTION_FACE.start + layout.FACE_NOSE_TIP, 1] += wave
        return Motion(points, motion.confidence, motion.fps)


@pytest.fixture(scope="module")
def own() -> Poses:
    """A person at rest, 100 pixels from shoulder to shoulder."""
    face = NeutralFace(
        100 * CANONICAL_FACE.shape, 100 * CANONICAL_FACE.scale, 100 * CANONICAL_FACE.eye_opening
    )
    person = replace(CANONICAL, width=100.0, neck=np.array([150.0, 120.0]), face=face)
    motion = Motion(np.tile(REST, (FRAMES, 1, 1)), np.ones((FRAMES, 116)))
    return from_motion(motion, person, (300, 300))


@pytest.fixture(scope="module")
def speech() -> SpeechFeatures:
    level = np.ones(FRAMES, np.float32)
    return SpeechFeatures(np.zeros((FRAMES, 4), np.float32), level, level, level, 25.0)


def new_poses(own: Poses, speech: SpeechFeatures, parts: str, manner: Manner = AS_MADE) -> Poses:
    span = Span(Edit(1.0, 3.0, parts), FIRST, LAST, 0, own, Person.measure(own))
    return span.new_poses(span.new_motion(Waving(), speech, 0, manner), own[:1])


@pytest.mark.parametrize("parts", ["arms", "head", "hands,arms,head,face"])
def test_only_the_span_and_its_parts_are_new(own, speech, parts):
    way = np.linalg.norm(new_poses(own, speech, parts).xy - own.xy, axis=-1)
    assert way[:FIRST].max() == way[LAST:].max() == 0
    assert (way[FIRST:LAST, WRISTS].max() > 5) == ("arms" in parts)
    assert (way[FIRST:LAST, layout.NOSE].max() > 5) == ("head" in parts)
    # A neck leans no farther than a quarter of the shoulders' width.
    assert way[:, layout.NOSE].max() < 25.5


def test_a_span_is_in_the_manner_asked_for(own, speech):
    made, calmer = (
        np.abs(new_poses(own, speech, "arms", manner).xy - own.xy)[:, WRISTS, 1]
        for manner in (AS_MADE, Manner(amplitude=0.5))
    )
    inside = slice(FIRST + 15, LAST - 15)
    assert calmer[inside].max() < 0.75 * made[inside].max()
    assert calmer[:FIRST].max() == calmer[LAST:].max() == 0
