"""A client can send anything: every value is checked where it arrives."""

import math

import pytest

pytest.importorskip("gradio", reason="the extra `studio` is not installed")

from gesticulate.errors import InputError, UsageError
from gesticulate.pipelines.edit.edits import Edit, load_edits, save_edits
from gesticulate.studio.edit_state import Editing, Takes, chosen_wish, edits_wish, span_of
from gesticulate.studio.engine import check_preset, presets
from gesticulate.studio.options import StudioOptions
from gesticulate.studio.uploads import check_length, check_list, check_photo, check_recording
from gesticulate.studio.wishes import point_wish, settings_wish

GOOD = ("puppet", "high", 1.0, 1.0, "as made", 3, 25, None)


def with_value(at, value):
    return (*GOOD[:at], value, *GOOD[at + 1 :])


def test_settings_are_what_the_page_says():
    settings = settings_wish(*with_value(7, 256))
    assert (settings.preset, settings.seed, settings.size) == ("puppet", 3, 256)
    assert settings.style is None
    assert settings_wish(*with_value(4, "calm")).style == "calm"


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, "train-renderer-lean"), (0, "/etc/passwd"), (0, "own.yaml"), (0, None), (0, ["puppet"]),
        (1, "highest"), (1, 1.4), (2, -1), (2, math.nan), (2, "1"), (3, 99), (3, True),
        (4, "../poses.npz"), (5, 0.5), (5, -1), (5, 2**40), (5, None), (6, 0), (6, math.inf),
        (7, 1), (7, 10**6), (7, {"path": "x"}),
    ],
)  # fmt: skip
def test_other_settings_are_refused(at, value):
    with pytest.raises(UsageError):
        settings_wish(*with_value(at, value))


def test_presets_are_those_that_make_a_video():
    assert "contextual" in presets()
    assert not [name for name in presets() if name.startswith("train")]
    assert check_preset("dialogue") == "dialogue"


@pytest.mark.parametrize("point", [[0.5], [0.5, 2], ["a", "b"], "ab", [math.nan, 0]])
def test_a_place_in_the_photo_is_two_shares(point):
    assert point_wish([0.25, 1]) == (0.25, 1.0)
    assert point_wish(None) is None
    with pytest.raises(UsageError):
        point_wish(point)


@pytest.fixture
def editing(tmp_path):
    return Editing(tmp_path / "v.mp4", "played", 4.0, 25.0, {"abc": tmp_path / "new.wav"})


def span(**changed):
    return {"id": "a", "from": 1.0, "to": 2.0, "parts": ["hands"], **changed}


def test_spans_become_edits(editing, tmp_path):
    timeline = {
        "spans": [span(**{"from": 2.5, "to": 4.02}), span(speech_id="abc", seed=7, photo=0)]
    }
    edits = edits_wish(timeline, editing)
    assert edits == (
        Edit(1.0, 2.0, ("hands",), tmp_path / "new.wav", 7, 0.0),
        Edit(2.5, 4.0, ("hands",)),
    )
    assert span_of(edits[0], "x") == {
        "id": "x", "from": 1.0, "to": 2.0, "parts": ["hands"], "seed": 7, "photo": 0.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "timeline",
    [
        None, [], {"spans": []}, {"spans": "x"}, {"spans": [1]}, {"spans": [span()] * 65},
        {"spans": [span(to=9)]}, {"spans": [span(to=1.1)]}, {"spans": [span(**{"from": "0"})]},
        {"spans": [span(**{"from": math.nan})]}, {"spans": [span(parts=["legs"])]},
        {"spans": [span(parts="hands")]}, {"spans": [span(parts=[["hands"]])]},
        {"spans": [span(speech_id="another")]}, {"spans": [span(speech_id=["abc"])]},
        {"spans": [span(seed=-1)]}, {"spans": [span(photo=99)]}, {"spans": [span(), span()]},
    ],
)  # fmt: skip
def test_hostile_spans_are_refused(timeline, editing):
    with pytest.raises(UsageError):
        edits_wish(timeline, editing)
    with pytest.raises(UsageError):
        edits_wish({"spans": [span()]}, {"video": "/etc/passwd"})


@pytest.mark.parametrize("chosen", [None, [1], [1, 3], [1, -1], [1, "1"], [1, 0.5], {"0": 1}])
def test_takes_are_chosen_by_number(chosen, tmp_path):
    edits = (Edit(0, 1), Edit(1, 2))
    takes = Takes(edits, "puppet", None, (0, 1), (0.0, 0.0), (tmp_path, tmp_path))
    assert chosen_wish({"chosen": [0, 2]}, takes) == (0, 2)
    with pytest.raises(UsageError):
        chosen_wish({"chosen": chosen}, takes)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"hello", b"#EXTM3U\n#EXTINF:1,\nhttp://example.org/x.ts\n", b"ffconcat version 1.0\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"RIFF\0\0\0\0ACON", b"\x7fELF" + bytes(20),
    ],
)  # fmt: skip
def test_files_are_judged_by_their_content(content, tmp_path, photo, speech):
    assert check_photo(photo) == photo
    assert check_recording(speech) == speech
    named = tmp_path / "speech.wav"
    named.write_bytes(content)
    with pytest.raises(InputError):
        check_recording(named)
    picture = tmp_path / "photo.jpg"
    picture.write_bytes(content)
    with pytest.raises(InputError):
        check_photo(picture)


def test_a_missing_file_and_a_long_one_are_refused(tmp_path):
    with pytest.raises(InputError, match="Which speech"):
        check_recording(None)
    with pytest.raises(InputError, match="gone"):
        check_photo(tmp_path / "gone.jpg")
    with pytest.raises(InputError, match="lasts 21 s"):
        check_length(21.0, 20.0, "speech")


def test_edit_lists_come_back_and_references_do_not(tmp_path):
    path = tmp_path / "edits.yaml"
    edits = [Edit(0.5, 1.5, ("head",), None, 3, 0.25), Edit(2.0, 3.0)]
    save_edits(path, edits)
    assert load_edits(check_list(path)) == edits
    path.write_text("- &a {from: 0, to: 1}\n- *a\n")
    with pytest.raises(InputError, match="references"):
        check_list(path)
    path.write_bytes(b"x" * 100_000)
    with pytest.raises(InputError, match="kB"):
        check_list(path)


def test_options_that_cannot_be_meant_are_refused():
    StudioOptions(auth=("anna:secret:er",)).check()
    assert StudioOptions(auth=("anna:secret:er",)).logins() == [("anna", "secret:er")]
    for wrong in (
        {"share": True}, {"auth": ("anna",)}, {"auth": (":x",)}, {"port": 99999}, {"max_upload": 0},
        {"keep_hours": -1.0},
    ):  # fmt: skip
        with pytest.raises(UsageError):
            StudioOptions(**wrong).check()
