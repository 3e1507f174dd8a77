"""Which recordings' lips follow their sound, and by how many frames they are off.

Collected videos are often dubbed, re-cut or delayed. Lips trained on them learn to ignore the
speech, and lips trained on sources with different delays learn to blur.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import butter, sosfiltfilt

from ..datasets.options import FPS
from ..evaluation.lip_sync import lip_opening
from ..keypoints.motion import Motion
from .clips import Clip

# Syllables: slower changes are loudness and posture, faster ones are jitter.
BAND_HZ = (1.5, 8.0)
MAX_LAG = 3
# A peak over seven lags of unrelated signals stays below this for a few hundred frames.
FOLLOWS = 0.1
# With less material than this the best lag is chance.
ENOUGH_FRAMES = 600


@dataclass(frozen=True)
class Sync:
    """lag: frames by which lips come after the sound (negative: before). correlation: there."""

    lag: int
    correlation: float

    @property
    def follows(self) -> bool:
        """Whether the lips follow this sound at all."""
        return self.correlation >= FOLLOWS


def source_of(clip: Clip) -> str:
    """Where a clip comes from: the part of its speaker's name before the colon."""
    return clip.person.partition(":")[0]


def measure(clips: Sequence[Clip]) -> Sync:
    """Lag and correlation of lip opening and loudness over the clips of one source."""
    band = butter(2, BAND_HZ, "bandpass", fs=FPS, output="sos")
    by_lag = np.zeros(2 * MAX_LAG + 1)
    frames = 0
    for clip in clips:
        if clip.speech is None or len(clip) < 4 * MAX_LAG + 25:
            continue
        opening = lip_opening(Motion(clip.points, clip.confidence))
        opening = np.nan_to_num(opening, nan=np.nanmedian(opening) if len(opening) else 0.0)
        lips, sound = (sosfiltfilt(band, x.astype(float)) for x in (opening, clip.energy))
        inner = slice(MAX_LAG, len(clip) - MAX_LAG)
        for lag in range(-MAX_LAG, MAX_LAG + 1):
            a, b = np.roll(lips, -lag)[inner], sound[inner]
            spread = a.std() * b.std()
            if spread > 1e-12:
                by_lag[lag + MAX_LAG] += len(a) * np.mean((a - a.mean()) * (b - b.mean())) / spread
        frames += len(clip) - 2 * MAX_LAG
    if frames == 0:
        return Sync(0, 0.0)
    by_lag /= frames
    lag = int(by_lag.argmax()) - MAX_LAG if frames >= ENOUGH_FRAMES else 0
    return Sync(lag, float(by_lag[lag + MAX_LAG]))


def synchronised(clips: Sequence[Clip]) -> list[Clip]:
    """The clips with their sound moved onto their lips, source by source; ``follows`` tells the
    face's training which of them it may listen to."""
    sources = defaultdict(list)
    for clip in clips:
        sources[source_of(clip)].append(clip)
    found = {source: measure(members) for source, members in sources.items()}
    return [_moved(clip, found[source_of(clip)]) for clip in clips]


def _moved(clip: Clip, sync: Sync) -> Clip:
    if clip.speech is None or not sync.follows:
        return replace(clip, follows=False)
    frames = np.clip(np.arange(len(clip)) - sync.lag, 0, len(clip) - 1)
    return replace(
        clip,
        speech=clip.speech[frames],
        voice=clip.voice[frames],
        energy=clip.energy[frames],
        follows=True,
        words=tuple(
            replace(word, start=word.start + sync.lag / FPS, end=word.end + sync.lag / FPS)
            for word in clip.words
        ),
    )
