"""Editing a span of a real video: what changes, what stays, and what is refused."""

import numpy as np
import pytest
import soundfile
from nod_generator import NodGenerator

from gesticulate.errors import InputError, UsageError
from gesticulate.evaluation.seams import seams
from gesticulate.keypoints import layout
from gesticulate.motion.contextual import ContextualGenerator
from gesticulate.pipelines.edit.console import asked_edits
from gesticulate.pipelines.edit.edits import Edit, in_order, load_edits
from gesticulate.pipelines.edit.options import EditOptions
from gesticulate.pipelines.edit.pipeline import EditPipeline, _frames
from gesticulate.speech.load import load
from gesticulate.speech.track import SAMPLE_RATE
from gesticulate.video.read import VideoReader
from gesticulate.video.write import write_video
from gesticulate.warping.renderer import PuppetRenderer

SIZE, FRAMES = 128, 45
HANDS = slice(layout.LEFT_HAND.start, layout.RIGHT_HAND.stop)


@pytest.fixture(scope="module")
def editor(pipeline):
    stages = (pipeline.estimator, pipeline.speech_encoder, ContextualGenerator())
    return EditPipeline(*stages, pipeline.renderer)


@pytest.fixture(scope="module")
def video(talk):
    """1.8 s of the person in the photo, nodding."""
    return talk


def test_the_face_is_made_anew_and_the_rest_stays(editor, video, tmp_path):
    events = []
    out = tmp_path / "edited.mp4"
    edited = editor(
        video, [Edit(0.4, 1.4, "head,face")], out, seed=2, takes=2, callback=events.append
    )
    assert edited.paths == (tmp_path / "edited-1.mp4", tmp_path / "edited-2.mp4")
    assert sorted(tmp_path.iterdir()) == sorted([*edited.paths, tmp_path / "edited.png"])
    assert edited.num_frames == FRAMES
    assert edited.spans == ((10, 35),)
    assert {event.stage for event in events} >= {"read", "look", "motion", "render"}
    before = list(VideoReader(video))
    takes = [list(VideoReader(path)) for path in edited.paths]
    for take in takes:
        assert len(take) == FRAMES
        far = [np.abs(a.astype(int) - b).mean() for a, b in zip(before, take, strict=True)]
        # Outside the span only the encoder has been at work.
        assert max(far[:10] + far[35:]) < 3
        assert max(far[15:30]) > 1.3 * max(far[:10] + far[35:])
        np.testing.assert_array_equal(load(video).waveform, load(edited.paths[0]).waveform)
    assert np.abs(takes[0][22].astype(int) - takes[1][22]).mean() > 0.3

    own, (first,), (second,) = edited.own[0], *edited.poses
    assert np.abs(first.xy - second.xy).max() > 1
    body = [*range(layout.LEFT_SHOULDER, layout.LEFT_HIP), *range(HANDS.start, HANDS.stop)]
    np.testing.assert_array_equal(first.xy[:, body], own.xy[:, body])
    np.testing.assert_array_equal(first.xy[:10], own.xy[:10])
    np.testing.assert_array_equal(first.xy[35:], own.xy[35:])
    seam = seams(first.xy[:, layout.FACE], [10, 35])
    assert seam.speed_ratio < 2
    assert seam.acceleration_ratio < 2


def test_a_spans_photo_is_prepared_once_for_all_takes(editor, video, tmp_path):
    class Counted(PuppetRenderer):
        prepared = 0

        def prepare(self, photo, photo_pose):
            self.prepared += 1
            return super().prepare(photo, photo_pose)

    renderer = Counted()
    stages = (editor.estimator, editor.speech_encoder, editor.motion_generator)
    edits = [Edit(0.1, 0.6, "face"), Edit(1.0, 1.5, "face")]
    EditPipeline(*stages, renderer)(video, edits, tmp_path / "edited.mp4", takes=3)
    assert renderer.prepared == len(edits)


def test_new_speech_is_heard_in_its_span(editor, video, speech, tmp_path):
    new = tmp_path / "new.wav"
    soundfile.write(new, 0.5 * speech.waveform[: SAMPLE_RATE // 2], SAMPLE_RATE)
    out = tmp_path / "dubbed.mp4"
    editor(video, [Edit(0.6, 1.2, "face", new)], out)
    own, dubbed = load(video).waveform, load(out).waveform
    kept, replaced = slice(1600, 8800), slice(10400, 17000)
    assert np.abs(dubbed[kept] - own[kept]).mean() < 0.1 * np.abs(own[kept]).mean()
    assert np.abs(dubbed[replaced] - own[replaced]).mean() > 0.5 * np.abs(own[replaced]).mean()
    long = tmp_path / "long.wav"
    soundfile.write(long, speech.waveform, SAMPLE_RATE)
    with pytest.raises(InputError, match=r"lasts 1\.01 s, its span 0\.50"):
        editor(video, [Edit(0.6, 1.1, "face", long)], out)


@pytest.mark.parametrize(
    ("span", "said"),
    [((1.0, 3.0), r"not within the video, which lasts 1\.80"), ((9, 10), "within")],
)
def test_a_span_outside_the_video_is_refused(editor, video, tmp_path, span, said):
    with pytest.raises(UsageError, match=said):
        editor(video, [Edit(*span)], tmp_path / "out.mp4")
    assert not list(tmp_path.iterdir())


def test_frames_outside_the_spans_are_handed_on_as_they_are():
    frames = [np.full((2, 2, 3), at, np.uint8) for at in range(12)]
    drawn = {
        2: iter([lambda frame: frame + 100] * 3),
        5: iter([lambda frame: frame + 200] * 3),
    }
    made = list(_frames(frames, drawn))
    assert [at for at in range(12) if made[at] is frames[at]] == [0, 1, 8, 9, 10, 11]
    assert [int(frame[0, 0, 0]) for frame in made[2:8]] == [102, 103, 104, 205, 206, 207]


def test_a_change_of_8_bits_leaves_all_other_bits_alone():
    frame = np.arange(64, dtype=np.uint16).reshape(8, 8, 1).repeat(3, 2) * 1000 + 77

    def change(coarse):
        changed = coarse.copy()
        changed[2:4] = 200
        return changed

    (made,) = _frames([frame], {0: iter([change])})
    assert made.dtype == np.uint16
    assert np.array_equal(np.delete(made, [2, 3], 0), np.delete(frame, [2, 3], 0))
    assert np.abs(made[2:4].astype(int) - 200 * 257).max() <= 129


def test_no_person_a_cut_and_no_sound_are_refused(editor, video, photo, tmp_path):
    frames = list(VideoReader(video))
    wall = np.full_like(frames[0], 90)
    flat = tmp_path / "wall.mp4"
    write_video(flat, [wall] * 40, fps=25, size=(SIZE, SIZE), sound=None)
    new = tmp_path / "new.wav"
    soundfile.write(new, load(video).waveform[: SAMPLE_RATE // 2], SAMPLE_RATE)
    with pytest.raises(InputError, match=r"no sound to gesture to.*--speech"):
        editor(flat, [Edit(0.4, 1.0)], tmp_path / "out.mp4")
    with pytest.raises(InputError, match="No person is seen"):
        editor(flat, [Edit(0.4, 1.0, "face", new)], tmp_path / "out.mp4")
    both = tmp_path / "both.mp4"
    inverted = [255 - frame for frame in frames[:20]]
    write_video(both, frames[:20] + inverted, fps=25, size=(SIZE, SIZE))
    with pytest.raises(InputError, match=r"a cut inside, at 0\.80 s"):
        editor(both, [Edit(0.4, 1.2, "face", new)], tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_outputs_are_checked_first(editor, video, tmp_path):
    with pytest.raises(UsageError, match="one of the inputs"):
        editor(video, [Edit(0.4, 1.2)], video)
    with pytest.raises(UsageError, match="does not exist"):
        editor(video, [Edit(0.4, 1.2)], tmp_path / "no" / "out.mp4")
    with pytest.raises(UsageError, match="Expected 1 to 16"):
        editor(video, [Edit(0.4, 1.2)], tmp_path / "out.mp4", takes=0)


def test_a_generator_that_cannot_edit_is_named(pipeline):
    with pytest.raises(UsageError, match="'nod' cannot make a span anew"):
        EditPipeline(pipeline.estimator, pipeline.speech_encoder, NodGenerator(), pipeline.renderer)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((2.0, 1.0), "from 2 s to 1 s"),
        ((-1.0, 1.0), "at least 0"),
        ((1.0, 1.1), "too short"),
        ((float("nan"), 1.0), "from nan s to 1 s"),
        ((1.0, float("nan")), "from 1 s to nan s"),
        ((1.0, 2.0, ""), "No part"),
        ((1.0, 2.0, []), "No part"),
        ((1.0, 2.0, "hand"), "no part 'hand'.*hands, arms, head, face.*mean 'hands'"),
    ],
)
def test_edits_that_mean_nothing_are_refused(arguments, said):
    with pytest.raises(UsageError, match=said):
        Edit(*arguments)


def test_edits_come_in_order_and_do_not_overlap():
    one, other = Edit(3, 4), Edit(1, 2)
    assert in_order([one, other]) == (other, one)
    with pytest.raises(UsageError, match="overlap"):
        in_order([one, Edit(3.5, 5)])
    with pytest.raises(UsageError, match="No span"):
        in_order([])


def test_an_edit_list_is_read(tmp_path):
    path = tmp_path / "edits.yaml"
    path.write_text("- {from: 2.0, to: 4.5, parts: [hands]}\n- {from: 7, to: 8, speech: a.wav}\n")
    edits = load_edits(path)
    assert edits[0] == Edit(2.0, 4.5, ("hands",))
    assert edits[1] == Edit(7, 8, ("hands", "arms"), tmp_path / "a.wav")
    assert asked_edits(EditOptions(path, edits=path)) == edits
    with pytest.raises(UsageError, match="--edits replaces"):
        asked_edits(EditOptions(path, edits=path, start=1.0))
    with pytest.raises(UsageError, match="--edits replaces"):
        asked_edits(EditOptions(path, edits=path, parts="face"))
    with pytest.raises(UsageError, match="Which span"):
        asked_edits(EditOptions(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("from: 2", "no edit list"),
        ("- {from: 1, to: 2, part: hands}", "entry 1: there is no 'part'"),
        ("- {from: 1}", "needs 'from' and 'to'"),
        ("- {from: 1, to: 3, parts: nose}", "entry 1: There is no part 'nose'"),
        ("- {from: 1, to: 3, parts: 5}", "entry 1: There is no part '5'"),
        ("- {from: 1, to: 3, parts: }", "entry 1: No part is asked for"),
        ("- {from: 1, to: 3, parts: []}", "entry 1: No part is asked for"),
        ("- {from: .nan, to: 3}", "entry 1: The span goes from nan s"),
        ("- 5", "entry 1"),
    ],
)
def test_a_wrong_edit_list_is_refused(tmp_path, content, said):
    path = tmp_path / "edits.yaml"
    path.write_text(content)
    with pytest.raises(UsageError, match=said):
        load_edits(path)
    with pytest.raises(InputError, match="cannot be read"):
        load_edits(tmp_path / "missing.yaml")


def test_a_span_has_its_own_seed_and_frame(editor, video, tmp_path):
    span = (0.4, 1.4, "head,face", None)
    first = editor(video, [Edit(*span)], tmp_path / "a.mp4", seed=3)
    again = editor(video, [Edit(*span, 3, first.photos[0] / 25)], tmp_path / "b.mp4", seed=8)
    assert first.photos == again.photos
    np.testing.assert_array_equal(first.poses[0][0].points, again.poses[0][0].points)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    with pytest.raises(InputError, match=r"Choose one from 0\.00 s"):
        editor(video, [Edit(*span, None, 99.0)], tmp_path / "c.mp4")


def test_seeds_and_frames_of_a_list_are_numbers(tmp_path):
    path = tmp_path / "edits.yaml"
    path.write_text("- {from: 0, to: 1, seed: 4, photo: 0.5}")
    assert load_edits(path) == [Edit(0.0, 1.0, seed=4, photo=0.5)]
    for wrong in ("seed: 0.5", "seed: true", "seed: -1", "photo: now", "photo: -1"):
        path.write_text(f"- {{from: 0, to: 1, {wrong}}}")
        with pytest.raises(UsageError, match="entry 1"):
            load_edits(path)
