"""A span's new motion and poses, by a generator whose motion is known."""

from dataclasses import replace

import numpy as np
import pytest

from gesticulate.errors import InputError
from gesticulate.evaluation.seams import seams
from gesticulate.keypoints import layout
from gesticulate.keypoints.face import CANONICAL_FACE, NeutralFace
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import CANONICAL, REST, Person, from_motion
from gesticulate.keypoints.poses import Poses
from gesticulate.motion.manner import AS_MADE, Manner
from gesticulate.pipelines.edit.edits import Edit
from gesticulate.pipelines.edit.span import Span, measure_span
from gesticulate.pipelines.progress import Meter
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


def test_seams_are_as_smooth_as_the_rest(own, speech):
    new = new_poses(own, speech, "arms,head").xy[FIRST - 8 : LAST + 8]
    for points in (WRISTS, [layout.NOSE]):
        found = seams(new[:, points], [8, 8 + LAST - FIRST])
        assert found.speed_ratio < 0.5
        assert found.acceleration_ratio < 1


class Film:
    """Frames at 25 a second: a dark shot and a bright one behind it."""

    fps = 25.0

    def __init__(self, dark: int, bright: int) -> None:
        self.shots = [(20, dark), (220, bright)]

    def __iter__(self):
        for grey, count in self.shots:
            yield from [np.full((48, 48, 3), grey, np.uint8)] * count


class Standing:
    """Sees one pose, for so many frames of every ten."""

    def __init__(self, pose: np.ndarray, size: tuple[int, int], seen: int = 10) -> None:
        self.pose, self.size, self.seen = pose, size, seen

    def track(self, frames, fps):
        points = np.stack([self.pose for _ in frames])
        points[np.arange(len(points)) % 10 >= self.seen, :, 2] = 0
        return Poses(points, self.size, fps)


@pytest.mark.parametrize(
    ("start", "stop", "section", "count", "first", "last"),
    [
        (1.2, 2.4, 30, 70, 1.0, 0.0),  # begins at the cut: nothing to fade from
        (0.4, 1.2, 0, 30, 0.0, 1.0),  # ends at it
        (1.6, 2.4, 30, 70, 0.0, 0.0),
    ],
)
def test_a_span_looks_no_farther_than_its_shot(own, start, stop, section, count, first, last):
    standing = Standing(own.points[0], own.size)
    edit = Edit(start, stop, "arms")
    span = measure_span(edit, Film(30, 70), 100, standing, Meter(None))
    assert (span.section, len(span.own)) == (section, count)
    assert (span.first, span.last) == (round(25 * start), round(25 * stop))
    share = span.share()[span.within]
    assert (share[0] > 0.5, share[-1] > 0.5) == (first > 0.5, last > 0.5)


def test_a_cut_inside_and_too_few_faces_are_said(own):
    standing = Standing(own.points[0], own.size)
    with pytest.raises(InputError, match=r"a cut inside, at 1\.20 s.*each side of the cut"):
        measure_span(Edit(0.8, 2.0, "arms"), Film(30, 70), 100, standing, Meter(None))
    for seen in (4, 0):
        seldom = Standing(own.points[0], own.size, seen)
        with pytest.raises(InputError, match=rf"No person is seen .*{seen}0?% of the frames"):
            measure_span(Edit(0.8, 2.0, "arms"), Film(100, 0), 100, seldom, Meter(None))
