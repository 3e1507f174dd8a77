"""Smoothing that keeps strokes and lip closures, and gap filling with honest confidence.

Whatever hangs on something is smoothed in its frame: the face about its skull, a hand about its
wrist, lips and lids by how far they are apart. Each part is smoothed by local quadratic
regression (a Savitzky-Golay filter that knows confidence, gaps and ends) with a short and a long
window, and the two are mixed: where they differ by more than the part's noise something happens
and the short one holds, elsewhere the long one. Both look both ways in time: nothing is delayed.

The constants were chosen on 45 training clips of real people, by what is left of the second
difference while a part rests, and of the speed of a stroke or the amplitude of the lips at their
peaks. One window of 11 frames (CSG-405's choice) leaves wrists 0.18 of their jitter and 85 % of
a stroke's peak speed; windows 7 and 17 mixed leave 0.18 and 92 %. Skull: 0.35 and 93 %, against
0.36 and 92 % for one window of 9. One window of five frames keeps 87 % of the lips' opening,
seven 72 %, nine 55 %: so five it is, and a closed frame is held as closed as it was (mean gap of
233 closures: 0.006 of the eyes' distance before, 0.008 after).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from ..errors import InputError
from . import layout
from .face import LOWER_LIDS, RIGID, UPPER_LIDS
from .person import Person, head_points
from .poses import Poses


@dataclass(frozen=True)
class _Filter:
    """Windows in frames at 25 fps, and the part's detection noise in shoulder widths."""

    short: int
    long: int
    noise: float


_TORSO = _Filter(short=7, long=17, noise=0.006)
_ARM = _Filter(short=7, long=17, noise=0.010)
_HAND = _Filter(short=7, long=17, noise=0.008)
_HEAD = _Filter(short=7, long=17, noise=0.003)
_FACE = _Filter(short=5, long=13, noise=0.003)
_OPENING = _Filter(short=5, long=5, noise=0.001)
_DESIGN_FPS = 25.0
# Frames over which the choice between short and long window is made.
_MIX_WINDOW = 5
# A lip gap well below this, in shoulder widths, is a closure and is not smoothed open.
_CLOSED_LIPS = 0.005
# Frames are worked on in blocks, so that an hour needs no more memory than its poses.
_BLOCK = 2048

# Points of the face that open against each other, from the first face point.
_UPPER = np.r_[UPPER_LIDS, 49:54, 61:64]
_LOWER = np.r_[LOWER_LIDS, 59:54:-1, 67:64:-1]
_LIP_PAIRS, _INNER_PAIRS = slice(len(UPPER_LIDS), None), slice(len(UPPER_LIDS) + 5, None)

_HANDS = (
    (layout.LEFT_HAND, layout.LEFT_WRIST),
    (layout.RIGHT_HAND, layout.RIGHT_WRIST),
)
_BODY_PARTS: tuple[tuple[list[int], _Filter], ...] = (
    ([layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER], _TORSO),
    (list(range(layout.LEFT_HIP, layout.FEET.stop)), _TORSO),
    ([layout.LEFT_ELBOW, layout.LEFT_WRIST], _ARM),
    ([layout.RIGHT_ELBOW, layout.RIGHT_WRIST], _ARM),
    (list(range(layout.NOSE, layout.RIGHT_EAR + 1)), _HEAD),
)

# How far, in shoulder widths, a part must jump away and come back to be a false detection.
_JUMPS: tuple[tuple[tuple[int, ...], float], ...] = (
    (tuple(range(layout.FACE.start, layout.FACE.stop)), 0.06),
    (tuple(range(layout.LEFT_HAND.start, layout.LEFT_HAND.stop)), 0.12),
    (tuple(range(layout.RIGHT_HAND.start, layout.RIGHT_HAND.stop)), 0.12),
    ((layout.LEFT_WRIST,), 0.15),
    ((layout.RIGHT_WRIST,), 0.15),
    ((layout.LEFT_ELBOW,), 0.15),
    ((layout.RIGHT_ELBOW,), 0.15),
    ((layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER), 0.12),
)
_JUMP_BACK = 0.4
# Confidence of a filled point halves with every so many seconds from the nearest that was seen.
_HALF_LIFE = 0.1


def smooth(poses: Poses) -> Poses:
    """The poses without jitter and without jumps of one or two frames.

    Strokes, blinks and lip closures stay. A part that was not seen stays unseen; where one jumped
    away and back it is interpolated, with less confidence.
    """
    poses = _without_jumps(poses)
    width, fps = _width(poses), poses.fps
    raw, weight = poses.xy.astype(np.float64), poses.confidence.astype(np.float64)
    xy = raw.copy()
    for part, constants in _BODY_PARTS:
        xy[:, part] = _filtered(raw[:, part], weight[:, part], constants, width, fps)
    for hand, wrist in _HANDS:
        about_wrist = raw[:, hand] - raw[:, wrist, None]
        with_wrist = weight[:, hand] * (weight[:, wrist, None] > 0)
        about_wrist = _filtered(about_wrist, with_wrist, _HAND, width, fps)
        xy[:, hand] = about_wrist + xy[:, wrist, None]
    xy[:, layout.FACE] = _smooth_faces(raw[:, layout.FACE], weight[:, layout.FACE], width, fps)
    whole = (weight[:, layout.FACE] > 0).all(axis=1)
    xy[whole, layout.NOSE : layout.LEFT_EAR] = head_points(xy[whole, layout.FACE])

    points = poses.points.copy()
    points[..., :2] = np.where(weight[..., None] > 0, xy, raw)
    return Poses(points, poses.size, fps)


def fill_gaps(poses: Poses, max_gap: int = 8) -> Poses:
    """Interpolate over gaps in time of at most ``max_gap`` frames; longer gaps stay unseen.

    Hands are interpolated about their wrist. A filled point has the confidence of the surer one
    of its neighbours in time, halved for every tenth of a second to the nearer one: it never
    passes for seen. Before a point's first frame and after its last nothing is filled.
    """
    points = poses.points.astype(np.float64)
    for hand, wrist in _HANDS:
        # Where the wrist was not seen either the hand has no frame: it is a gap of both.
        points[:, hand, 2] *= points[:, wrist, None, 2] > 0
        points[:, hand, :2] -= points[:, wrist, None, :2]
    points = _interpolated(points, max_gap, poses.fps)
    for hand, wrist in _HANDS:
        points[:, hand, :2] += points[:, wrist, None, :2]
        points[:, hand, 2] *= points[:, wrist, None, 2] > 0
    was_seen = poses.confidence[..., None] > 0
    return Poses(np.where(was_seen, poses.points, points), poses.size, poses.fps)


def jumps(poses: Poses) -> np.ndarray:
    """[T, 133] bool: parts that jumped away for one or two frames and back.

    Nobody's hand is elsewhere for a twenty-fifth of a second; a detector's is. Movement that goes
    on, however fast, is none.
    """
    limit, found = _width(poses), np.zeros(poses.confidence.shape, bool)
    for part, share in _JUMPS:
        xy = poses.xy[:, part].astype(np.float64)
        seen = (poses.confidence[:, part] > 0).all(axis=1)
        for before, length in ((1, 1), (1, 2)):
            start = xy[: -before - length]
            end = xy[before + length :]
            there = seen[: -before - length] & seen[before + length :]
            stays = np.linalg.norm(end - start, axis=-1).mean(axis=1)
            inside = [slice(before + i, len(xy) - length + i) for i in range(length)]
            away = [
                np.minimum(
                    np.linalg.norm(xy[frames] - start, axis=-1).mean(axis=1),
                    np.linalg.norm(xy[frames] - end, axis=-1).mean(axis=1),
                )
                for frames in inside
            ]
            nearest = np.min(away, axis=0)
            hit = there & (nearest > share * limit) & (stays < _JUMP_BACK * nearest)
            for frames in inside:
                there_too = hit & seen[frames]
                found[np.ix_(np.arange(len(xy))[frames][there_too], part)] = True
    for hand, wrist in _HANDS:  # A hand's frame is its wrist: they jump together.
        either = found[:, hand].any(axis=1) | found[:, wrist]
        found[:, hand], found[:, wrist] = either[:, None], either
    return found


def _without_jumps(poses: Poses) -> Poses:
    jumped = jumps(poses)
    if not jumped.any():
        return poses
    points = poses.points.copy()
    points[..., 2][jumped] = 0
    filled = fill_gaps(Poses(points, poses.size, poses.fps), max_gap=4).points
    return Poses(np.where(jumped[..., None], filled, poses.points), poses.size, poses.fps)


def _width(poses: Poses) -> float:
    """The person's shoulder width in pixels; where no face tells, of the shoulders alone."""
    try:
        return Person.measure(poses).width
    except InputError:
        pair = [layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]
        seen = (poses.confidence[:, pair] > 0).all(axis=1)
        if not seen.any():
            return 0.4 * min(poses.size)
        return float(np.median(np.linalg.norm(np.diff(poses.xy[seen][:, pair], axis=1), axis=-1)))


def _smooth_faces(faces: np.ndarray, weight: np.ndarray, width: float, fps: float) -> np.ndarray:
    """[T, 68, 2] faces, [T, 68] weights. The skull, the shape about it, and what opens."""
    seen = weight > 0
    often = seen[:, RIGID].mean(axis=0)
    skull = RIGID[often >= max(0.9 * often.max(), 1e-6)]
    if not len(skull):
        return faces
    steady = seen[:, skull].all(axis=1)
    centre = faces[:, skull].mean(axis=1, keepdims=True)
    weight = weight * steady[:, None]
    shape = faces - centre
    upper, lower = shape[:, _UPPER], shape[:, _LOWER]
    pair_weight = np.minimum(weight[:, _UPPER], weight[:, _LOWER])
    opening = _filtered(lower - upper, pair_weight, _OPENING, width, fps)
    gap = np.linalg.norm(lower - upper, axis=-1)[:, _INNER_PAIRS].mean(axis=1) / width
    closed = np.exp(-((gap / _CLOSED_LIPS) ** 2))[:, None, None]
    opening[:, _LIP_PAIRS] += closed * ((lower - upper) - opening)[:, _LIP_PAIRS]

    shape = _filtered(shape, weight, _FACE, width, fps)
    middle = (shape[:, _UPPER] + shape[:, _LOWER]) / 2
    shape[:, _UPPER], shape[:, _LOWER] = middle - opening / 2, middle + opening / 2
    centre = _filtered(centre, steady[:, None].astype(np.float64), _HEAD, width, fps)
    return np.where(steady[:, None, None], shape + centre, faces)


def _filtered(
    values: np.ndarray, weight: np.ndarray, constants: _Filter, width: float, fps: float
) -> np.ndarray:
    """One part [T, N, 2] with weights [T, N], long and short window mixed; unseen points as is."""
    short = _odd(constants.short * fps / _DESIGN_FPS)
    long = _odd(constants.long * fps / _DESIGN_FPS)
    halo = long // 2 + _MIX_WINDOW
    out = np.empty_like(values)
    for start in range(0, len(values), _BLOCK):
        low, high = max(0, start - halo), min(len(values), start + _BLOCK + halo)
        v, w = values[low:high], weight[low:high]
        quick = _local_quadratic(v, w, short)
        if long > short:
            calm = _local_quadratic(v, w, long)
            apart = (((quick - calm) ** 2).sum(axis=-1) * w).sum(axis=1)
            apart = apart / np.maximum(w.sum(axis=1), 1e-6) / width**2
            apart = uniform_filter1d(apart, _MIX_WINDOW, axis=0, mode="nearest")
            share = (apart / (apart + constants.noise**2))[:, None, None]
            quick = calm + share * (quick - calm)
        stop = min(len(values), start + _BLOCK)
        out[start:stop] = quick[start - low : stop - low]
    return out


def _local_quadratic(values: np.ndarray, weight: np.ndarray, window: int) -> np.ndarray:
    """Each frame's value of the parabola fitted to the window around it, by weighted least squares.

    values: [T, N, 2]. weight: [T, N]. Points of weight 0 come out as they went in.
    """
    half, frames = window // 2, len(values)
    if (weight == weight[:, :1]).all():  # A part that is seen as a whole needs one kernel a frame.
        weight = weight[:, :1]
    offsets = np.arange(-half, half + 1.0)
    padded_weight = np.pad(weight, ((half, half), (0, 0)))
    w = np.lib.stride_tricks.sliding_window_view(padded_weight, window, axis=0)  # [T, N or 1, K]
    # What is beyond a gap has no say: a hand that comes back is often another hand shape.
    run = np.pad(np.cumsum(weight == 0, axis=0), ((half, half), (0, 0)), constant_values=-1)
    runs = np.lib.stride_tricks.sliding_window_view(run, window, axis=0)
    w = w * (runs == run[half : half + frames, :, None])
    s = np.moveaxis(w @ np.stack([offsets**i for i in range(5)], axis=-1), -1, 0)
    # The first row of the inverse of the normal matrix [[s0 s1 s2] [s1 s2 s3] [s2 s3 s4]]. The
    # added constants decide for the mean where too few frames are there for a parabola.
    s2, s4 = s[2] + 1e-3, s[4] + 1e-3
    row = (s2 * s4 - s[3] ** 2, s[2] * s[3] - s[1] * s4, s[1] * s[3] - s2 * s[2])
    determinant = s[0] * row[0] + s[1] * row[1] + s[2] * row[2]
    kernel = sum(r[..., None] * offsets**i for i, r in enumerate(row)) * w
    kernel = kernel / np.maximum(determinant, 1e-12)[..., None]
    padded = np.pad(values, ((half, half), (0, 0), (0, 0)))
    fitted = np.zeros_like(values)
    for k in range(window):
        fitted += kernel[..., k, None] * padded[k : k + frames]
    return np.where((weight > 0)[..., None], fitted, values)


def _interpolated(points: np.ndarray, max_gap: int, fps: float) -> np.ndarray:
    """[T, N, 3] with gaps of at most max_gap frames filled linearly in time."""
    frames = np.arange(len(points))[:, None]
    seen = points[..., 2] > 0
    last = np.maximum.accumulate(np.where(seen, frames, -1), axis=0)
    ahead = np.where(seen, frames, len(points))[::-1]
    following = np.minimum.accumulate(ahead, axis=0)[::-1]
    fill = ~seen & (last >= 0) & (following < len(points)) & (following - last - 1 <= max_gap)
    t, n = np.nonzero(fill)
    before, after = points[last[t, n], n], points[following[t, n], n]
    to_before, to_after = t - last[t, n], following[t, n] - t
    share = (to_before / (to_before + to_after))[:, None]
    points = points.copy()
    points[t, n, :2] = (before + share * (after - before))[:, :2]
    nearest = np.minimum(to_before, to_after) / fps
    points[t, n, 2] = np.maximum(before[:, 2], after[:, 2]) * 0.5 ** (nearest / _HALF_LIFE)
    return points


def _odd(frames: float) -> int:
    """The nearest odd window, at least 3."""
    return max(3, 2 * round((frames - 1) / 2) + 1)
