"""The main job on real stages: what goes in, what comes out, and what is refused."""

import itertools

import numpy as np
import pytest
from nod_generator import NodGenerator

from gesticulate.errors import InputError, UsageError
from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses
from gesticulate.motion.manner import AS_MADE, Manner
from gesticulate.pipelines.dialogue.pipeline import DialoguePipeline
from gesticulate.pipelines.edit.pipeline import EditPipeline
from gesticulate.pipelines.gesture_video import GestureVideoPipeline
from gesticulate.speech.features import MelEncoder
from gesticulate.speech.load import load
from gesticulate.speech.track import SAMPLE_RATE, Speech
from gesticulate.video.read import VideoReader, probe_video

SMALL = 128


def still(points: np.ndarray) -> float:
    """Largest distance of any seen point from where it begins, in pixels. points: [T, 133, 3]."""
    seen = points[0, :, 2] > 0
    return float(np.abs(points[:, seen, :2] - points[:1, seen, :2]).max())


@pytest.mark.parametrize("fps", [25.0, 30.0, 12.5])
def test_the_video_lasts_as_long_as_the_speech(pipeline, photo, speech, tmp_path, fps):
    out = tmp_path / "talk.mp4"
    events = []
    video = pipeline(photo, speech, out, fps=fps, size=SMALL, callback=events.append)
    wanted = round(speech.duration * fps)
    assert video.num_frames == len(video.poses) == wanted
    assert sum(1 for _ in VideoReader(out)) == wanted
    info = probe_video(out)
    assert info.size == video.size == (SMALL, SMALL)
    assert info.fps == pytest.approx(fps)
    assert len(load(out).waveform) / SAMPLE_RATE == pytest.approx(speech.duration, abs=0.05)
    assert set(video.timings) == {"photo", "features", "motion", "render", "encode"}
    assert {event.stage for event in events} >= {"photo", "motion", "render"}
    assert [e.done for e in events if e.stage == "render"] == list(range(wanted + 1))
    assert list(tmp_path.iterdir()) == [out]


def test_without_a_file_the_frames_are_a_stream(pipeline, photo, speech):
    video = pipeline(photo, speech, size=SMALL)
    first = next(video.frames)
    assert first.shape == (SMALL, SMALL, 3)
    assert len(list(video.frames)) == video.num_frames - 1


def test_a_seed_decides_the_motion(pipeline, photo, speech):
    runs = [pipeline(photo, speech, size=SMALL, seed=seed).poses.points for seed in (1, 1, 2)]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_expressiveness_scales_the_motion(pipeline, photo, speech):
    moves = [
        still(pipeline(photo, speech, size=SMALL, expressiveness=level).poses.points)
        for level in ("low", "medium", "high", 0.0)
    ]
    assert moves[3] < moves[0] < moves[1] < moves[2]
    with pytest.raises(UsageError, match="'huge'"):
        pipeline(photo, speech, expressiveness="huge")


def test_a_manner_changes_the_hands_alone(pipeline, photo, speech):
    poses = [
        pipeline(photo, speech, size=SMALL, manner=manner).poses
        for manner in (AS_MADE, Manner(amplitude=0.0))
    ]
    free = [layout.LEFT_ELBOW, layout.LEFT_WRIST, layout.RIGHT_ELBOW, layout.RIGHT_WRIST]
    assert still(poses[0].points[:, free]) > 2 * still(poses[1].points[:, free])
    others = np.ones(layout.NUM_POINTS, bool)
    others[[*free, *range(layout.LEFT_HAND.start, layout.RIGHT_HAND.stop)]] = False
    assert np.array_equal(poses[0].points[:, others], poses[1].points[:, others])
    with pytest.raises(UsageError, match="for new motion"):
        pipeline(photo, speech, poses=poses[0], manner=Manner(rate=0.5))


def test_saved_poses_make_the_same_video(pipeline, photo, speech, tmp_path):
    saved = tmp_path / "talk.npz"
    first = pipeline(photo, speech, size=SMALL, seed=7, save_poses=saved)
    again = pipeline(photo, speech, size=SMALL, poses=saved)
    assert again.speech is None
    assert np.array_equal(first.poses.points, again.poses.points)
    for one, other in itertools.islice(zip(first.frames, again.frames, strict=True), 5):
        assert np.array_equal(one, other)
    larger = pipeline(photo, speech, size=2 * SMALL, fps=50, poses=saved)
    assert larger.num_frames == round(speech.duration * 50)
    assert larger.poses.size == (2 * SMALL, 2 * SMALL)


def test_poses_of_another_speech_or_photo_are_refused(pipeline, photo, speech):
    poses = pipeline(photo, speech, size=SMALL).poses
    longer = Speech(np.tile(speech.waveform, 2))
    with pytest.raises(InputError, match=r"last 1\.00 s, the speech 2\.02 s"):
        pipeline(photo, longer, size=SMALL, poses=poses)
    with pytest.raises(InputError, match="another shape"):
        pipeline(photo[:300], speech, size=SMALL, poses=poses)


def test_the_preview_draws_the_skeleton(pipeline, photo, speech):
    frame = next(pipeline(photo, speech, size=SMALL, preview="skeleton").frames)
    assert frame.shape == (SMALL, SMALL, 3)
    assert 0.01 < frame.any(axis=-1).mean() < 0.5


def test_a_photo_keeps_its_shape(pipeline, photo, speech):
    video = pipeline(photo[:, 60:401], speech, size=201)
    assert video.size == (134, 201)
    assert next(video.frames).shape == (201, 134, 3)


def test_silence_rests_and_says_so(pipeline, photo, tmp_path):
    import soundfile

    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE)
    video = pipeline(photo, path, size=SMALL)
    assert any("silent" in note for note in video.notes)
    assert video.num_frames == 25


def test_too_short_a_speech_is_refused(pipeline, photo):
    with pytest.raises(InputError, match=r"0\.30 s.*0\.4 s"):
        pipeline(photo, Speech(np.zeros(int(0.3 * SAMPLE_RATE), np.float32)))


@pytest.mark.parametrize("size", [10, 10_000])
def test_a_size_out_of_range_is_refused(pipeline, photo, speech, size):
    with pytest.raises(UsageError, match=f"size {size}"):
        pipeline(photo, speech, size=size)


@pytest.mark.parametrize("fps", [0.0, 500.0])
def test_a_frame_rate_out_of_range_is_refused(pipeline, photo, speech, fps):
    with pytest.raises(UsageError, match="fps"):
        pipeline(photo, speech, fps=fps)


def test_a_renderer_that_stops_early_leaves_no_file(pipeline, photo, speech, tmp_path):
    class Stops:
        name = "stops"

        def prepare(self, photo, photo_pose):
            self.photo = photo
            return self

        def render(self, poses):
            yield self.photo
            raise InputError("no more")

    stages = (pipeline.estimator, pipeline.speech_encoder, pipeline.motion_generator)
    broken = GestureVideoPipeline(*stages, Stops())
    with pytest.raises(InputError, match="no more"):
        broken(photo, speech, tmp_path / "talk.mp4", size=SMALL)
    assert not list(tmp_path.iterdir())


def test_a_renderer_of_the_first_contract_is_told_what_to_change(pipeline):
    """It had one method for all, and prepared the photo anew at each call."""

    class Old:
        name = "old"

        def render(self, photo, photo_pose, poses):
            yield photo

    stages = (pipeline.estimator, pipeline.speech_encoder)
    for kind in (GestureVideoPipeline, DialoguePipeline, EditPipeline):
        with pytest.raises(UsageError, match=r"'old'.*prepare\(photo, photo_pose\)"):
            kind(*stages, pipeline.motion_generator, Old())


def test_the_encoder_must_be_the_generators(pipeline):
    class Wavelets(MelEncoder):
        name = "wavelets"

    with pytest.raises(UsageError, match=r"'mel' features.*'wavelets'"):
        GestureVideoPipeline(pipeline.estimator, Wavelets(), NodGenerator(), pipeline.renderer)


def test_an_hour_costs_kilobytes_a_frame(pipeline, photo):
    """Skeletons are held, pictures are not: what one frame adds must not depend on its size."""
    import tracemalloc

    speech = Speech(np.zeros(int(600 * SAMPLE_RATE), np.float32))
    poses = Poses(np.zeros((15_000, layout.NUM_POINTS, 3), np.float32), (SMALL, SMALL))
    tracemalloc.start()
    video = pipeline(photo, speech, size=SMALL, poses=poses, preview="skeleton")
    before, _ = tracemalloc.get_traced_memory()
    for _ in itertools.islice(video.frames, 300):
        pass
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 5 * SMALL * SMALL * 3
