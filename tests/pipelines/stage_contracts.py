"""What every implementation of a stage must do, as `pipelines/stages.py` promises.

A stage's own tests call the check with a real instance:

    from stage_contracts import check_renderer

    def test_contract(photo, photo_pose):
        check_renderer(PuppetRenderer(), photo, photo_pose)
"""

import numpy as np
import pytest

from gesticulate.errors import InputError
from gesticulate.keypoints import layout
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.poses import Poses
from gesticulate.motion.dialogue.finish import make_talk
from gesticulate.motion.dialogue.talk import Talk
from gesticulate.motion.finish import finish
from gesticulate.motion.lips import opening
from gesticulate.pipelines.stages import (
    DialogueGenerator,
    MotionGenerator,
    PoseEstimator,
    Renderer,
    SpeechEncoder,
)
from gesticulate.speech.track import SAMPLE_RATE, Speech, SpeechFeatures


def spoken(seconds: float = 2.0) -> Speech:
    """A made-up voice: syllables of a buzzing tone, four a second."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 20))
    syllables = np.clip(np.sin(2 * np.pi * 4 * time), 0, None)
    return Speech((0.2 * buzz * syllables).astype(np.float32))


def _check_persons(persons: np.ndarray, width: int, height: int) -> None:
    assert persons.dtype == np.float32
    assert persons.shape[1:] == (layout.NUM_POINTS, 3)
    assert np.isfinite(persons).all()
    assert ((persons[..., 2] >= 0) & (persons[..., 2] <= 1)).all()
    seen = persons[persons[..., 2] > 0.5]
    # A point may lie a little outside the picture, but is in its pixels.
    assert (seen[:, 0] > -0.5 * width).all()
    assert (seen[:, 0] < 1.5 * width).all()
    assert (seen[:, 1] > -0.5 * height).all()
    assert (seen[:, 1] < 1.5 * height).all()


def check_estimator(estimator: PoseEstimator, photo: np.ndarray) -> None:
    """photo: [H, W, 3] uint8 RGB of at least one person, face from the front."""
    assert isinstance(estimator, PoseEstimator)
    assert estimator.name
    height, width = photo.shape[:2]
    before = photo.copy()

    persons = estimator.detect(photo)
    assert len(persons) >= 1
    _check_persons(persons, width, height)
    assert np.array_equal(photo, before)
    face = persons[0, layout.FACE]
    assert face[:, 2].mean() > 0.3
    brows, chin = face[layout.FACE_LEFT_BROW, 1].mean(), face[layout.FACE_CHIN, 1]
    assert brows < chin
    # The person's own left is on the right of a picture taken from the front.
    assert face[layout.FACE_LEFT_EYE, 0].mean() > face[layout.FACE_RIGHT_EYE, 0].mean()
    sizes = [np.ptp(person[layout.FACE, 1]) for person in persons]
    assert sizes[0] >= 0.8 * max(sizes)

    # A seed gives the same motion only if a photo gives the same pose, whatever came before.
    assert np.array_equal(estimator.detect(photo), persons)
    nobody = estimator.detect(np.full_like(photo, 127))
    assert nobody.shape == (0, layout.NUM_POINTS, 3)

    poses = estimator.track([photo, photo, photo], fps=25.0)
    assert (len(poses), poses.size, poses.fps) == (3, (width, height), 25.0)
    _check_persons(poses.points, width, height)
    assert poses.points[0, layout.FACE, 2].mean() > 0.3
    with pytest.raises(InputError):
        estimator.track([], fps=25.0)
    with pytest.raises(InputError):
        estimator.track([photo, photo[:-8]], fps=25.0)


def check_speech_encoder(encoder: SpeechEncoder) -> None:
    assert isinstance(encoder, SpeechEncoder)
    assert encoder.name
    speech = spoken(2.013)
    for fps in (25.0, 30.0):
        features = encoder.encode(speech, fps)
        frames = speech.num_frames(fps)
        assert features.features.shape == (frames, encoder.channels)
        assert features.features.dtype == np.float32
        assert features.fps == fps
        for track in (features.features, features.voice, features.energy, features.onset):
            assert len(track) == frames
            assert np.isfinite(track).all()
        assert features.voice.min() >= 0
        assert features.voice.max() <= 1
        assert features.energy.min() >= -80
        assert features.onset.min() >= 0
    again = encoder.encode(speech, 30.0)
    assert np.array_equal(again.features, features.features)
    silent = encoder.encode(Speech(np.zeros(SAMPLE_RATE, np.float32)), 25.0)
    assert silent.voice.max() == 0
    assert np.isfinite(silent.features).all()
    assert len(encoder.encode(spoken(0.4), 25.0)) == 10


def check_motion_generator(
    generator: MotionGenerator, encoder: SpeechEncoder, reference: Motion
) -> None:
    """encoder: the one the generator names. reference: one frame."""
    assert isinstance(generator, MotionGenerator)
    assert generator.speech_encoder == encoder.name
    features: SpeechFeatures = encoder.encode(spoken(5.0), generator.fps)
    motion = generator.generate(features, reference, seed=3)
    assert len(motion) == len(features)
    assert motion.fps == generator.fps
    assert np.isfinite(motion.points).all()
    assert motion.confidence.min() >= 0
    assert motion.confidence.max() <= 1
    finished = finish(motion, features, reference, seed=3)
    assert np.isfinite(finished.points).all()
    assert np.array_equal(finished.points[0], reference.points[0])
    same = generator.generate(features, reference, seed=3)
    assert np.array_equal(motion.points, same.points)
    other = generator.generate(features, reference, seed=4)
    assert not np.array_equal(motion.points, other.points)
    short = encoder.encode(spoken(0.4), generator.fps)
    assert len(generator.generate(short, reference)) == len(short)


def in_turns(seconds: float = 4.0) -> tuple[Speech, Speech, Speech]:
    """The made-up voice in two halves, one a side, and both together."""
    voice = spoken(seconds).waveform
    left, right = voice.copy(), voice.copy()
    left[len(voice) // 2 :], right[: len(voice) // 2] = 0, 0
    return Speech(left), Speech(right), Speech(voice)


def check_dialogue_generator(
    generator: DialogueGenerator, encoder: SpeechEncoder, references: tuple[Motion, Motion]
) -> None:
    """encoder: the one the generator names. references: one frame each, and different."""
    assert isinstance(generator, DialogueGenerator)
    assert generator.speech_encoder == encoder.name
    talk = Talk(*(encoder.encode(speech, generator.fps) for speech in in_turns()))
    motions = make_talk(generator, talk, references, seed=3)
    for motion, reference in zip(motions, references, strict=True):
        assert len(motion) == len(talk)
        assert motion.fps == generator.fps
        assert np.isfinite(motion.points).all()
        assert np.array_equal(motion.points[0], reference.points[0])
    # Who is who lies in the speech and the reference, and not in the side.
    swapped = make_talk(generator, talk.swapped(), references[::-1], seed=3)
    for mine, theirs in zip(motions, swapped[::-1], strict=True):
        assert np.array_equal(mine.points, theirs.points)
    other = make_talk(generator, talk, references, seed=4)
    assert not np.array_equal(motions[0].points, other[0].points)
    # From half a second after the turn on, the left person listens.
    listens = slice(round(2.6 * generator.fps), None)
    assert opening(motions[0])[listens].max() < 0.005
    away = np.abs(motions[0].points - references[0].points)[:, layout.MOTION_BODY]
    assert away[listens][15:].max() < 0.02
    short = Talk(*(encoder.encode(speech, generator.fps) for speech in in_turns(0.4)))
    assert [len(motion) for motion in generator.converse(short, references)] == [len(short)] * 2


def check_renderer(renderer: Renderer, photo: np.ndarray, photo_pose: Poses) -> None:
    """photo: [H, W, 3] uint8 RGB. photo_pose: one frame, in its pixels."""
    assert isinstance(renderer, Renderer)
    assert renderer.name
    before = photo.copy()
    still = Poses(np.repeat(photo_pose.points, 3, axis=0), photo_pose.size, 25.0)
    points = still.points.copy()
    points[..., 0] += np.arange(3)[:, None]
    moved = Poses(points, photo_pose.size, 25.0)
    prepared = renderer.prepare(photo, photo_pose)
    frames = prepared.render(moved)
    assert iter(frames) is frames, "render must hand out frames as a stream"
    made = list(frames)
    assert len(made) == 3
    for frame in made:
        assert frame.shape == photo.shape
        assert frame.dtype == np.uint8
    # Prepared once, rendered often, two streams in turns: each is as if it were alone.
    turns = list(zip(prepared.render(still), prepared.render(moved), strict=True))
    for one, (_, other) in zip(made, turns, strict=True):
        assert np.array_equal(one, other)
    assert np.array_equal(photo, before)
    half = (photo_pose.size[0] // 2, photo_pose.size[1] // 2)
    with pytest.raises(InputError):
        list(prepared.render(still.scaled(half)))
    with pytest.raises(InputError):
        renderer.prepare(photo, photo_pose.scaled(half))
