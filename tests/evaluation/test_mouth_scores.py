"""The numbers of a mouth's opening, on openings made for them."""

import numpy as np
import pytest

from gesticulate.evaluation.mouth_scores import (
    closed_in_pauses,
    opening_90,
    seen_of_commanded,
    vowels_over_bilabials,
)
from gesticulate.evaluation.phones import Phone

FPS = 25.0


def test_percentile_leaves_unseen_frames_out():
    opening = np.arange(101) / 100
    assert opening_90(opening) == pytest.approx(0.9)
    assert opening_90(np.concatenate([opening, [np.nan] * 50])) == pytest.approx(0.9)


def test_share_of_what_is_commanded():
    commanded = np.abs(np.sin(np.arange(200) / 5)) * 0.2
    assert seen_of_commanded(0.3 * commanded, commanded) == pytest.approx(0.3)


def test_pauses_are_judged_in_their_middle():
    """25 frames of voice, 25 of pause, 25 of voice; lips part 3 frames before the voice."""
    voice = np.repeat([1.0, 0.0, 1.0], 25)
    opening = np.where(voice > 0, 0.15, 0.0)
    opening[47:50] = 0.1
    assert closed_in_pauses(opening, voice, FPS) == 1
    opening[30:35] = 0.1
    assert closed_in_pauses(opening, voice, FPS) == pytest.approx(1 - 5 / 19)
    assert np.isnan(closed_in_pauses(opening, np.ones(75), FPS))


def test_pairs_of_vowels_and_bilabials():
    phones = [
        Phone("M", 0.0, 0.08), Phone("AA", 0.08, 0.24), Phone("P", 0.24, 0.32),
        Phone("S", 0.32, 0.4), Phone("IY", 0.4, 0.6),
    ]  # fmt: skip
    opening = np.full(15, 0.1)
    opening[[0, 1, 6, 7]] = 0.01
    opening[8:10] = 0.05
    assert vowels_over_bilabials(opening, phones, FPS) == 1
    opening[5:9] = 0.12
    assert vowels_over_bilabials(opening, phones, FPS) == pytest.approx((1 + 1 + 0.5 + 0) / 4)
    assert np.isnan(vowels_over_bilabials(opening, phones[:1], FPS))
