"""Do the lips follow the speech? Lip opening against the loudness of the sound.

No published number fits 2D points of any person, so the measure is plain and is always read next
to two others: the same number of the real motion, and of a shuffled pairing, in which a clip's
lips meet the speech of another clip. Loudness and mouth opening go together because a wide mouth
radiates more sound; the link was measured by Chandrasekaran et al., "The Natural Statistics of
Audiovisual Speech", PLoS Computational Biology 2009 (area of the mouth opening and envelope of
the sound are correlated; the mouth moves 100 to 300 ms before the voice sets in).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, stats

from ..keypoints import layout
from ..keypoints.motion import Motion
from ..keypoints.poses import Poses

_INNER_LIPS_UP, _INNER_LIPS_LOW = [61, 62, 63], [67, 66, 65]
_OUTER_EYE_CORNERS = [36, 45]
SEEN = 0.3  # Confidence from which a point counts as seen.
FEWEST_FRAMES = 10  # A correlation of fewer frames says nothing.


@dataclass(frozen=True)
class LipSpeechCorrelation:
    """How well lip opening follows loudness.

    pearson, spearman: at lag 0, in -1..1; NaN where it cannot be said (too few frames, or one of
        the two is constant).
    by_lag: Pearson's correlation at every lag from -max_lag to max_lag frames; at a positive lag
        the lips come after the sound.
    frames: frames that were compared at lag 0.
    """

    pearson: float
    spearman: float
    by_lag: tuple[float, ...]
    frames: int

    @property
    def best_lag(self) -> int:
        """The lag of the highest correlation, 0 where none is known. Of one clip it says little,
        as unrelated signals too agree at some lag: read it off the mean of many clips."""
        lags = range(-(len(self.by_lag) // 2), len(self.by_lag) // 2 + 1)
        known = [(r, -abs(lag), lag) for r, lag in zip(self.by_lag, lags, strict=True) if r == r]
        return max(known)[2] if known else 0

    @property
    def best_pearson(self) -> float:
        """Pearson's correlation at `best_lag`."""
        return self.by_lag[len(self.by_lag) // 2 + self.best_lag]


def face_points(track: np.ndarray | Motion | Poses) -> np.ndarray:
    """The 68 face points over time, NaN where unseen.

    track: Motion, Poses, or an array [T, 68, 2] that is returned as it is.
    Returns [T, 68, 2] in the track's own unit.
    """
    if isinstance(track, Motion):
        points = track.points[:, layout.MOTION_FACE].copy()
        # The nose tip's own slot holds its place on the body: on the face it is the origin.
        points[:, layout.FACE_NOSE_TIP] = 0
        confidence = track.confidence[:, layout.MOTION_FACE]
    elif isinstance(track, Poses):
        points, confidence = track.xy[:, layout.FACE], track.confidence[:, layout.FACE]
    else:
        points = np.asarray(track, dtype=np.float32)
        if points.ndim != 3 or points.shape[1:] != (68, 2):
            raise ValueError(f"face points need the shape [T, 68, 2], got {list(points.shape)}")
        return points
    return np.where(confidence[..., None] >= SEEN, points, np.nan)


def lip_opening(track: np.ndarray | Motion | Poses) -> np.ndarray:
    """The gap between the inner lips, as a share of the distance of the outer eye corners.

    The mean of three gaps (beside, at and beside the middle), measured along the face's own
    downward axis, so that tilting the head changes nothing. Lips that cross count as closed. The
    eye distance is the clip's median, so that turning the head to the side opens no mouth.

    track: [T, 68, 2] in any unit, y down, or Motion or Poses. Returns [T] float32 >= 0, NaN where
    the lips or eyes were not seen.
    """
    face = face_points(track)
    eyes = face[:, _OUTER_EYE_CORNERS]
    across = eyes[:, 1] - eyes[:, 0]
    width = np.linalg.norm(across, axis=-1, keepdims=True)
    # Image axes have y down: the face's right eye is left in the picture, and a quarter turn
    # clockwise from the line between the eyes points down the face.
    down = np.stack([-across[:, 1], across[:, 0]], axis=-1) / np.maximum(width, 1e-9)
    gap = (face[:, _INNER_LIPS_LOW] - face[:, _INNER_LIPS_UP]).mean(axis=1)
    opening = np.maximum((gap * down).sum(axis=-1), 0)
    if not np.isfinite(width).any():
        return np.full(len(face), np.nan, np.float32)
    return (opening / max(float(np.nanmedian(width)), 1e-9)).astype(np.float32)


def _correlate(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Pearson's and Spearman's correlation of [N] and [N], NaN where undefined."""
    if len(a) < FEWEST_FRAMES or np.ptp(a) < 1e-9 or np.ptp(b) < 1e-9:
        return float("nan"), float("nan")
    return float(stats.pearsonr(a, b)[0]), float(stats.spearmanr(a, b)[0])


def lip_speech_correlation(
    opening: np.ndarray,
    energy: np.ndarray,
    voice: np.ndarray | None = None,
    max_lag: int = 5,
) -> LipSpeechCorrelation:
    """Correlation of lip opening and loudness where somebody speaks.

    opening: [T] from `lip_opening`, NaN where unseen. energy: [T] in dB. voice: [T] in 0..1; only
    frames from 0.5 on are compared, all frames where it is None. max_lag: lags up to that many
    frames in both directions are tried. Arrays that differ in length are cut to
    the shortest.
    """
    length = min(len(opening), len(energy), len(energy if voice is None else voice))
    opening, energy = np.asarray(opening[:length], float), np.asarray(energy[:length], float)
    voiced = np.ones(length, bool) if voice is None else np.asarray(voice[:length]) >= 0.5
    use = voiced & np.isfinite(energy)

    def at(lag: int) -> tuple[np.ndarray, np.ndarray]:
        sound = np.flatnonzero(use)
        sound = sound[(sound + lag >= 0) & (sound + lag < length)]
        sound = sound[np.isfinite(opening[sound + lag])]
        return opening[sound + lag], energy[sound]

    pearson, spearman = _correlate(*at(0))
    by_lag = tuple(_correlate(*at(lag))[0] for lag in range(-max_lag, max_lag + 1))
    return LipSpeechCorrelation(pearson, spearman, by_lag, len(at(0)[0]))


def mean_correlation(results: Sequence[LipSpeechCorrelation]) -> LipSpeechCorrelation:
    """The mean over clips at every lag, each clip weighted by its compared frames. Clips that say
    nothing are left out. All must have been tried at the same lags."""
    results = [r for r in results if np.isfinite(r.pearson)]
    if not results:
        return LipSpeechCorrelation(float("nan"), float("nan"), (float("nan"),), 0)
    frames = np.array([r.frames for r in results], dtype=float)
    curves = np.array([r.by_lag for r in results])
    weights = np.where(np.isfinite(curves), frames[:, None], 0)
    curve = (np.nan_to_num(curves) * weights).sum(axis=0) / np.maximum(weights.sum(axis=0), 1e-9)
    return LipSpeechCorrelation(
        float(np.average([r.pearson for r in results], weights=frames)),
        float(np.average([r.spearman for r in results], weights=frames)),
        tuple(curve.tolist()),
        int(frames.sum()),
    )


def shuffled(count: int, rounds: int = 1, seed: int = 0) -> Iterator[tuple[int, int]]:
    """The control: pairs (clip of the motion, clip of the speech) that never belong together.

    Each round pairs every clip once as motion and once as speech; rounds differ from each other
    as long as there are clips enough (count - 1 rounds).
    """
    if count < 2:
        raise ValueError(f"a shuffled pairing needs at least 2 clips, got {count}")
    order = np.random.default_rng(seed).permutation(count)
    for shift in range(rounds):
        other = np.roll(order, 1 + shift % (count - 1))
        yield from zip(order.tolist(), other.tolist(), strict=True)


def shuffled_correlation(
    openings: Sequence[np.ndarray],
    energies: Sequence[np.ndarray],
    voices: Sequence[np.ndarray],
    max_lag: int = 5,
    rounds: int = 4,
    seed: int = 0,
) -> LipSpeechCorrelation:
    """`mean_correlation` of every clip's lips with other clips' speech, one array [T] a clip."""
    pairs = shuffled(len(openings), rounds, seed)
    return mean_correlation(
        [lip_speech_correlation(openings[i], energies[j], voices[j], max_lag) for i, j in pairs]
    )


def lips_closed_in_silence(
    opening: np.ndarray, voice: np.ndarray, closed: float = 0.03, margin: int = 5
) -> float:
    """The share of silent frames in which the lips are closed.

    opening: [T] from `lip_opening`. voice: [T] in 0..1. closed: opening up to which lips count as
    closed. margin: frames next to speech that are left out, as lips open before the sound and
    close after it. Returns a share in 0..1, NaN where there is no such silence.
    """
    length = min(len(opening), len(voice))
    opening, speaking = np.asarray(opening[:length]), np.asarray(voice[:length]) >= 0.5
    near = ndimage.binary_dilation(speaking, iterations=margin) if margin else speaking
    silent = ~near & np.isfinite(opening)
    if not silent.any():
        return float("nan")
    return float((opening[silent] <= closed).mean())
