"""Ranking motion clips for a speech."""

import numpy as np
import pytest
import torch

from gesticulate.errors import InputError, UsageError
from gesticulate.evaluation.retrieval import recall_table
from gesticulate.keypoints.motion import Motion
from gesticulate.keypoints.person import REST
from gesticulate.motion.alignment import AlignmentOptions, SpeechGestureAlignment
from gesticulate.motion.retrieval import best_place, rank
from gesticulate.motion.vectors import to_vectors
from gesticulate.speech.track import SpeechFeatures

TINY = AlignmentOptions(
    speech_channels=7, width=16, heads=2, hidden=24, layers=1, dropout=0.0, embedding=8, waves=6,
    window=20,
)  # fmt: skip


@pytest.fixture(scope="module")
def alignment():
    torch.manual_seed(0)
    return SpeechGestureAlignment(TINY).eval()


def speech(frames, channels=7):
    rng = np.random.default_rng(frames)
    flat = np.ones(frames, np.float32)
    return SpeechFeatures(
        rng.normal(size=(frames, channels)).astype(np.float32), flat, flat, flat, 25.0
    )


def motion(frames, seed=0, fps=25.0):
    noise = np.random.default_rng(seed).normal(0, 0.1, (frames, 116, 2))
    return Motion(REST + noise, np.ones((frames, 116)), fps)


def test_the_shorter_slides_along_the_longer():
    similar = np.zeros((2, 4))
    similar[0, 1] = similar[1, 2] = 0.8
    similar[0, 3] = 1.0  # a single good pair is not a place
    assert best_place(similar) == (0.8, 0, 1, 2)
    assert best_place(similar.T) == (0.8, 1, 0, 2)
    assert best_place(np.array([[0.3]])) == (pytest.approx(0.3), 0, 0, 1)


def test_scores_are_cosines_of_windows_at_matched_times(alignment):
    heard, clip = speech(20), motion(35)
    match = rank(alignment, heard, [("a", clip)], "face")[0]
    start = round(match.clip_start * 25)
    vectors = torch.from_numpy(to_vectors(clip.points[start : start + 20])[0])[None]
    features = torch.from_numpy(heard.features)[None]
    with torch.no_grad():
        moved = alignment.face.embed_gesture(vectors)
        said = alignment.face.embed_speech(alignment.normalise(features))
    assert match.score == pytest.approx(float((moved * said).sum()), abs=1e-5)
    assert start in (0, 5, 10, 15)
    assert match.seconds == pytest.approx(0.8)


def test_the_best_comes_first_and_what_cannot_be_compared_is_left_out(alignment):
    unseen = Motion(motion(40).points, np.zeros((40, 116)))
    library = [("a", motion(40, 1)), ("short", motion(9)), ("b", motion(60, 2)), ("unseen", unseen)]
    matches = rank(alignment, speech(50), library)
    assert {match.clip for match in matches} == {"a", "b"}
    assert matches[0].score >= matches[1].score
    by_name = {match.clip: match for match in matches}
    assert by_name["a"].clip_start == 0.0
    assert by_name["b"].speech_start == 0.0
    # A speech shorter than the window is compared with as much motion.
    assert len(rank(alignment, speech(12), [("a", motion(14))])) == 1


def test_what_does_not_fit_is_named(alignment):
    with pytest.raises(UsageError, match="reads 7 channels of the speech encoder 'mel', got 9"):
        rank(alignment, speech(30, 9), [("a", motion(30))])
    with pytest.raises(InputError, match="a has 30 frames a second, expected 25"):
        rank(alignment, speech(30), [("a", motion(30, fps=30.0))])
    with pytest.raises(InputError, match="No clip of the library shows the body"):
        rank(alignment, speech(30), [("a", motion(5))])


def test_the_recall_table_has_both_streams_and_directions(alignment):
    torch.manual_seed(0)
    speeches = torch.randn(8, 20, 7)
    table = recall_table(
        alignment, {"face": (torch.randn(8, 20, 136), speeches), "body": (torch.randn(1, 20, 96),
        speeches[:1])}, ranks=(1, 8),
    )  # fmt: skip
    assert table.keys() == {"face"}
    assert table["face"].forth[8] == table["face"].back[8] == 1
    assert table["face"].forth[1] < 1
