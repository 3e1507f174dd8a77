"""Numbers of a mouth's opening over time: how wide, closed in pauses, open for vowels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.ndimage import binary_erosion

from .phones import BILABIALS, VOWELS, Phone

# A face mesh reads so much of closed lips that touch, in distances of the outer eye corners.
CLOSED = 0.04
# Lips take so long to close when a voice ends, and part so long before it begins.
MARGIN_SECONDS = 0.12
# Frames about a bilabial in which its closure may lie.
REACH_SECONDS = 0.04


def opening_90(opening: np.ndarray) -> float:
    """The 90th percentile of the opening, [T]; frames with NaN are left out."""
    return float(np.nanquantile(opening, 0.9))


def seen_of_commanded(seen: np.ndarray, commanded: np.ndarray) -> float:
    """How much of the opening that a skeleton asks for is seen: the ratio of the 90th percentiles.

    Both [T], in distances of the outer eye corners. 1 is all.
    """
    return opening_90(seen) / opening_90(commanded)


def closed_in_pauses(opening: np.ndarray, voice: np.ndarray, fps: float) -> float:
    """The share of frames in pauses with closed lips; NaN where there is no pause.

    opening: [T]. voice: [T] voice activity in 0..1. A pause begins `MARGIN_SECONDS` after a voice
    and ends as long before the next.
    """
    margin = round(MARGIN_SECONDS * fps)
    silent = binary_erosion(np.asarray(voice) < 0.5, iterations=margin, border_value=1)
    judged = silent & np.isfinite(opening)
    return float((opening[judged] < CLOSED).mean()) if judged.any() else float("nan")


def vowels_over_bilabials(opening: np.ndarray, phones: Sequence[Phone], fps: float) -> float:
    """The share of pairs of a vowel and a bilabial in which the lips open wider for the vowel.

    The area under the ROC curve, 0.5 by chance (Hanley and McNeil, Radiology 143, 1982). opening:
    [T], the widest within a vowel's frames and the narrowest within a bilabial's and the frame to
    either side stand for it. NaN where the text has no vowel or no bilabial.
    """
    times = (np.arange(len(opening)) + 0.5) / fps
    vowels = _extremes(opening, phones, VOWELS, times, np.nanmax, 0.0)
    closures = _extremes(opening, phones, BILABIALS, times, np.nanmin, REACH_SECONDS)
    if not len(vowels) or not len(closures):
        return float("nan")
    above = vowels[:, None] - closures
    return float((above > 0).mean() + 0.5 * (above == 0).mean())


def _extremes(
    opening: np.ndarray,
    phones: Sequence[Phone],
    names: frozenset[str],
    times: np.ndarray,
    extreme: Callable[[np.ndarray], float],
    reach: float,
) -> np.ndarray:
    """[N], one value a phone of those names that has a frame in which the mouth is seen."""
    found = []
    for phone in phones:
        if phone.name in names:
            inside = opening[(times >= phone.start - reach) & (times <= phone.end + reach)]
            if np.isfinite(inside).any():
                found.append(extreme(inside))
    return np.array(found)
