"""`gesticulate edit` as it is typed: what it writes, what it says, and its exit codes."""

import json

import ffmpeg
import numpy as np
import pytest
import soundfile

from gesticulate.cli import main
from gesticulate.errors import UsageError
from gesticulate.ffmpeg_binary import ffmpeg_path
from gesticulate.speech.load import load
from gesticulate.speech.track import SAMPLE_RATE, Speech
from gesticulate.video.read import VideoReader
from gesticulate.video.write import write_video


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def silent(talk, folder):
    """The talk without its sound."""
    path = folder / "silent.mp4"
    write_video(path, VideoReader(talk), fps=25, size=(128, 128), sound=None)
    return path


@pytest.fixture
def varying(talk, folder):
    """The talk with some frames left out."""
    path = folder / "varying.mp4"
    pictures = ffmpeg.input(str(talk)).filter("select", "lt(n,20)+not(mod(n,4))")
    ffmpeg.output(pictures, str(path), fps_mode="vfr").run(cmd=ffmpeg_path(), quiet=True)
    return path


def test_takes_of_an_edit_list_are_made(talk, folder, capsys):
    (folder / "spans.yaml").write_text(
        "- {from: 1.2, to: 1.6, parts: [head, face]}\n- {from: 0.4, to: 0.9, parts: head}\n"
    )
    code = main(
        [
            "edit", str(talk), "-o", "new.mp4", "--edits", "spans.yaml", "--takes", "2",
            "--style", "calm", "--json-progress",
        ]
    )  # fmt: skip
    told = capsys.readouterr()
    assert code == 0, told.err
    done = json.loads(told.out.splitlines()[-1])
    assert done["stage"] == "done"
    assert done["paths"] == ["new-1.mp4", "new-2.mp4"]
    assert done["sheet"] == "new.png"
    assert done["spans"] == [[10, 22], [30, 40]]
    assert done["frames"] == 45
    names = {"new-1.mp4", "new-2.mp4", "new.png", "spans.yaml"}
    assert {path.name for path in folder.iterdir()} == names
    before, first, second = (
        np.array(list(VideoReader(path))).astype(int) for path in (talk, *done["paths"])
    )
    assert len(first) == len(second) == 45
    change = np.abs(first - before).mean(axis=(1, 2, 3))
    outside = [*range(10), *range(22, 30), *range(40, 45)]
    assert change[[15, 16, 35]].min() > 1.2 * change[outside].max()
    assert np.abs(first - second)[[16, 35]].mean() > 0.2
    np.testing.assert_array_equal(load(talk).waveform, load("new-1.mp4").waveform)


SPAN = ("--from", "0.4", "--to", "1.2")


@pytest.mark.parametrize(
    ("video", "arguments", "code", "said"),
    [
        ("talk", (), 2, "Give --from and --to in seconds, or --edits"),
        ("talk", ("--from", "1.0", "--to", "3.0"), 2, "lasts 1.80 s"),
        ("talk", ("--from", "1.0", "--to", "1.1"), 2, "too short"),
        ("talk", (*SPAN, "--parts", "hand"), 2, "hands, arms, head, face. Did you mean 'hands'"),
        ("talk", (*SPAN, "--parts", ","), 2, "No part is asked for"),
        ("talk", (*SPAN, "--takes", "0"), 2, "Expected 1 to 16"),
        ("talk", (*SPAN, "--style", "clam"), 2, "Did you mean 'calm'"),
        ("talk", ("--edits", "no.yaml"), 1, "cannot be read"),
        ("talk", ("--edits", "no.yaml", "--parts", "face"), 2, "--edits replaces"),
        ("talk", (*SPAN, "--speech", "no.wav"), 1, "no.wav"),
        ("talk", (*SPAN, "--speech", "long.wav"), 1, "Widen the span or shorten the speech"),
        ("silent", SPAN, 1, "no sound to gesture to"),
        ("varying", SPAN, 1, "varying frame rate"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_loads(
    request, folder, capsys, monkeypatch, video, arguments, code, said
):
    path = request.getfixturevalue(video)
    soundfile.write("long.wav", np.full(3 * SAMPLE_RATE, 0.1), SAMPLE_RATE)

    def load_stages(*_, **__):
        raise UsageError("the stages were loaded")

    monkeypatch.setattr("gesticulate.pipelines.edit.pipeline.EditPipeline.from_preset", load_stages)
    assert main(["edit", str(path), "-o", "new.mp4", *arguments]) == code
    assert said in capsys.readouterr().err
    assert not list(folder.glob("new*"))


def test_no_person_and_a_cut_inside_are_said(talk, folder, capsys):
    frames = list(VideoReader(talk))
    sound = Speech(load(talk).waveform[: round(1.2 * SAMPLE_RATE)])
    wall = [np.full_like(frames[0], 90)] * 30
    cut = frames[:15] + [255 - frame for frame in frames[15:30]]
    for name, pictures, said in (
        ("wall.mp4", wall, "No person is seen from 0.2 s to 1 s"),
        ("cut.mp4", cut, "has a cut inside, at 0.60 s"),
    ):
        write_video(folder / name, pictures, fps=25, size=(128, 128), sound=sound)
        command = ["edit", name, "-o", "new.mp4", "--from", "0.2", "--to", "1.0"]
        assert main([*command, "--parts", "face"]) == 1
        assert said in capsys.readouterr().err
        assert not list(folder.glob("new*"))
