"""The alignment: speech in another order, its losses against plain loops, its weights."""

import math

import numpy as np
import pytest
import torch

from gesticulate.errors import WeightsError
from gesticulate.motion.alignment import (
    AlignmentOptions,
    Pooling,
    SpeechGestureAlignment,
    contrast,
    distillation,
)
from gesticulate.motion.checkpoint import load_alignment, load_generator, save_alignment
from gesticulate.motion.chronology import PAUSE, boundaries, cuts, shuffled
from gesticulate.speech.features import PROSODY
from gesticulate.speech.track import Word

TINY = AlignmentOptions(
    speech_channels=9, width=16, heads=2, hidden=24, layers=1, dropout=0.0, face_reach=3,
    body_reach=5, embedding=8, waves=6, window=30,
)  # fmt: skip


def speech_with(onsets=(), silence=()):
    """[40, 9] features whose prosody has onsets at frames and no voice in a range."""
    features = np.zeros((40, 3 + len(PROSODY)), np.float32)
    features[:, 3 + PROSODY.index("voice")] = 1
    features[list(silence), 3 + PROSODY.index("voice")] = 0
    for frame, strength in onsets:
        features[frame, 3 + PROSODY.index("onset")] = strength
    return features


def test_speech_is_cut_at_pauses_and_onsets():
    strength = boundaries(speech_with([(8, 0.9), (20, 0.5), (30, 0.1)], range(12, 15)))
    assert dict(enumerate(strength.tolist()))[8] == pytest.approx(0.9)
    assert np.flatnonzero(strength).tolist() == [8, 12, 15, 20]
    assert strength[12] == strength[15] == PAUSE


def test_known_words_decide_where_speech_is_cut():
    words = [Word("one", 0.0, 0.4), Word("two", 0.4, 0.8), Word("three", 1.2, 1.5)]
    strength = boundaries(speech_with([(3, 1.0)]), words)
    # Beginnings of words at frames 10 and 30; a pause begins at 20, another at 37 or 38.
    assert np.flatnonzero(strength).tolist() in ([10, 20, 30, 37], [10, 20, 30, 38])
    assert strength[10] < strength[20] == PAUSE


def test_cuts_keep_their_distance_and_prefer_strong_places():
    strength = np.zeros(40, np.float32)
    strength[[3, 12, 15, 24, 38]] = [9, 1, 2, 1, 9]
    assert cuts(strength, shortest=5) == [15, 24]
    assert cuts(np.zeros(40), shortest=5) == [20]


def test_shuffling_moves_pieces_whole():
    rng = np.random.default_rng(0)
    for _ in range(20):
        order = shuffled(40, [10, 15, 30], rng)
        assert sorted(order.tolist()) == list(range(40))
        breaks = np.flatnonzero(np.diff(order) != 1) + 1
        assert 1 <= len(breaks) <= 3
        assert set(order[breaks].tolist()) <= {0, 10, 15, 30}
    assert shuffled(6, [2], rng).tolist() == [2, 3, 4, 5, 0, 1]


def unit(*shape):
    return torch.nn.functional.normalize(torch.randn(*shape), dim=-1)


def test_the_contrast_agrees_with_plain_loops():
    torch.manual_seed(0)
    gestures, speeches, negatives = unit(5, 4), unit(5, 4), unit(5, 2, 4)
    total = 0.0
    for i in range(5):
        row = [float(gestures[i] @ speeches[j]) / 0.3 for j in range(5)]
        row += [float(gestures[i] @ negatives[i, m]) / 0.3 for m in range(2)]
        column = [float(gestures[j] @ speeches[i]) / 0.3 for j in range(5)]
        for scores in (row, column):
            total += math.log(sum(map(math.exp, scores))) - scores[i]
    assert float(contrast(gestures, speeches, 0.3, negatives)) == pytest.approx(total / 10, 1e-5)
    assert contrast(gestures, speeches, 0.3) < contrast(gestures, speeches, 0.3, negatives)


def test_the_distillation_agrees_with_plain_loops():
    torch.manual_seed(0)
    made, taught = torch.randn(2, 5, 4), torch.randn(2, 5, 4)
    valid = torch.ones(2, 5, dtype=torch.bool)
    valid[1, 3:] = False
    cosines = [
        float(made[b, t] @ taught[b, t] / made[b, t].norm() / taught[b, t].norm())
        for b, t in valid.nonzero().tolist()
    ]
    found = float(distillation(made, taught, valid))
    assert found == pytest.approx(-sum(cosines) / 8, rel=1e-5)
    assert float(distillation(taught, 3 * taught, valid)) == pytest.approx(-1, rel=1e-5)


def test_pooling_agrees_with_plain_loops_and_hears_the_order():
    torch.manual_seed(0)
    pooling = Pooling(8, 4, 6)
    content = torch.randn(1, 10, 8)
    followed = pooling.followed(content)[0]
    values = [content[0].mean(0)]
    for k in range(1, 4):
        total = sum(
            math.sqrt(2) * math.cos(math.pi * k * (t + 0.5) / 10) * followed[t] for t in range(10)
        )
        values.append(total / math.sqrt(10))
    expected = pooling.project(torch.cat(values))
    torch.testing.assert_close(pooling(content)[0], expected / expected.norm())
    other = content[:, torch.tensor([5, 6, 7, 8, 9, 0, 1, 2, 3, 4])]
    assert (pooling(content) - pooling(other)).abs().max() > 1e-3
    mean = Pooling(8, 1, 6)
    torch.testing.assert_close(mean(content), mean(other))


def test_every_frame_has_its_content_and_every_window_one_embedding():
    torch.manual_seed(0)
    alignment = SpeechGestureAlignment(TINY).eval()
    for frames in (7, 30):
        vectors, speech = torch.randn(2, frames, 96), torch.randn(2, frames, 9)
        assert alignment.body.content(vectors).shape == (2, frames, 16)
        part = alignment.body
        for embedding in (part.embed_gesture(vectors), part.embed_speech(speech)):
            assert embedding.shape == (2, 8)
            torch.testing.assert_close(embedding.norm(dim=-1), torch.ones(2))


def test_weights_come_back(tmp_path):
    torch.manual_seed(0)
    alignment = SpeechGestureAlignment(TINY).half().float().eval()
    path = tmp_path / "alignment.safetensors"
    save_alignment(path, alignment)
    again = load_alignment(path)
    assert again.options == TINY
    vectors = torch.randn(1, 12, 136)
    assert torch.equal(again.face.embed_gesture(vectors), alignment.face.embed_gesture(vectors))
    with pytest.raises(WeightsError, match="holds 'motion-alignment'"):
        load_generator(path)
