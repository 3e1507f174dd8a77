"""Stage 3: is a clip fit to learn from? Every verdict comes with its measured value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..keypoints import canonical, layout
from ..keypoints.person import complete_faces, whole_faces
from ..keypoints.poses import Poses
from .options import FPS, Quality

# From this confidence on a point counts as seen.
SEEN = 0.3
# Lags that are searched for the best match of lips and sound, frames to either side; and those
# up to which they count as one: viewers notice 0.1 s, and lips begin up to 0.2 s before the voice.
SEARCH, NEAR = 10, 5
# Sound further below the clip's loudest frame is noise to the lips, dB.
SOUND_RANGE = 30.0
# Fewer frames than this with a face and sound say nothing about their agreement.
MIN_SYNC_FRAMES = 25

# Of the 68 face points.
_UPPER_LIP, _LOWER_LIP = [61, 62, 63], [67, 66, 65]
_EYE_CORNERS = (36, 45)


@dataclass(frozen=True)
class Verdict:
    """reason: which rule a clip breaks, '' if none. value: what was measured. limit: the rule's."""

    reason: str = ""
    value: float = 0.0
    limit: float = 0.0

    def __bool__(self) -> bool:
        """Whether the clip passes."""
        return not self.reason


def measure_poses(poses: Poses) -> dict[str, float]:
    """What quality control asks of the skeletons, by name; shares are in 0..1.

    face_pixels: median face height in pixels. turn: see ``Quality.max_turn``. motion: shoulder
    widths a second.
    """
    seen = poses.confidence > SEEN
    face = faces_seen(poses)
    faces = complete_faces(poses[face])
    shoulders = seen[:, [layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]].all(axis=1)
    return {
        "face_seen": float(face.mean()),
        "shoulders_seen": float(shoulders.mean()),
        "left_hand_seen": float((seen[:, layout.LEFT_HAND].mean(axis=1) > 0.5).mean()),
        "right_hand_seen": float((seen[:, layout.RIGHT_HAND].mean(axis=1) > 0.5).mean()),
        "face_pixels": _median(np.ptp(faces[..., 1], axis=1)),
        "turn": _median(_turn(faces)),
        "motion": _motion(poses, seen, faces, shoulders),
    }


def faces_seen(poses: Poses) -> np.ndarray:
    """[T] bool: the frames that show a face one can measure by."""
    return whole_faces(poses) & ((poses.confidence[:, layout.FACE] > SEEN).mean(axis=1) > 0.5)


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else 0.0


def _turn(faces: np.ndarray) -> np.ndarray:
    """[T, 68, 2] -> [T]: distance of the nose tip from the outline's middle over its width."""
    outline = faces[:, layout.FACE_JAW]
    width = np.linalg.norm(outline[:, 0] - outline[:, -1], axis=-1)
    middle = (outline[:, 0] + outline[:, -1]) / 2
    across = (outline[:, -1] - outline[:, 0]) / np.maximum(width, 1e-6)[:, None]
    nose = faces[:, layout.FACE_NOSE_TIP]
    aside = np.abs(((nose - middle) * across).sum(axis=-1))
    return aside / np.maximum(width, 1e-6)


def _motion(poses: Poses, seen: np.ndarray, faces: np.ndarray, shoulders: np.ndarray) -> float:
    """Mean speed of the seen face and arm points, shoulder widths a second.

    seen: [T, 133] bool. faces: [n, 68, 2] where seen. shoulders: [T] bool, the frames that show
    both. Where they are not in the picture, the face tells their width.
    """
    left, right = poses.xy[:, layout.LEFT_SHOULDER], poses.xy[:, layout.RIGHT_SHOULDER]
    unit = max(
        _median(np.linalg.norm(left - right, axis=-1)[shoulders]),
        _median(eye_distance(faces)) / canonical.EYE_DISTANCE,
    )
    moving = [*range(layout.FACE.start, layout.FACE.stop), *layout.ARMS]
    both = seen[1:, moving] & seen[:-1, moving]
    if unit == 0 or not both.any():
        return 0.0
    step = np.linalg.norm(np.diff(poses.xy[:, moving], axis=0), axis=-1)
    return float(step[both].mean() * poses.fps / unit)


def eye_distance(faces: np.ndarray) -> np.ndarray:
    """[T, 68, 2] -> [T] distance of the outer eye corners."""
    left, right = (faces[:, corner] for corner in _EYE_CORNERS)
    distance: np.ndarray = np.linalg.norm(left - right, axis=-1)
    return distance


def check_clip(measures: dict[str, float], quality: Quality) -> Verdict:
    """The first rule that throws the whole clip out.

    measures: those of ``measure_poses``, and those of ``Remarks.measures``.
    """
    return _first_broken(
        measures,
        least={
            "face_seen": quality.min_face_seen,
            "face_pixels": quality.min_face_pixels,
            "change": quality.min_change,
        },
        most={
            "other_face": quality.max_other_face,
            "turn": quality.max_turn,
            "repeated": quality.max_repeated,
        },
    )


def check_body(measures: dict[str, float], quality: Quality) -> Verdict:
    """Whether more than the head may be used."""
    return _first_broken(measures, least={"shoulders_seen": quality.min_shoulders_seen}, most={})


def check_sound(measures: dict[str, float], quality: Quality) -> Verdict:
    """Whether the sound is this person's speech; measures: also those of ``measure_sound``."""
    return _first_broken(
        measures,
        least={
            "voice": quality.min_voice,
            "lip_motion": quality.min_lip_motion,
            "lip_sync": quality.min_lip_sync,
        },
        most={},
    )


def _first_broken(
    measures: dict[str, float], least: dict[str, float], most: dict[str, float]
) -> Verdict:
    for name, limit in least.items():
        if measures[name] < limit:
            return Verdict(name, measures[name], limit)
    for name, limit in most.items():
        if measures[name] > limit:
            return Verdict(name, measures[name], limit)
    return Verdict()


def lip_opening(poses: Poses) -> np.ndarray:
    """[T] how far the inner lips are apart, in distances between the outer eye corners; NaN where
    the face is not seen."""
    faces = complete_faces(poses)
    gap = np.linalg.norm(faces[:, _UPPER_LIP] - faces[:, _LOWER_LIP], axis=-1).mean(axis=1)
    eyes = eye_distance(faces)
    return np.where(faces_seen(poses) & (eyes > 0), gap / np.maximum(eyes, 1e-6), np.nan)


def measure_sound(poses: Poses, voice: np.ndarray, energy: np.ndarray) -> dict[str, float]:
    """What quality control asks of lips and sound together.

    voice: [T] in 0..1, energy: [T] in dB, of the same frames as the poses. Gives ``voice`` (share
    of frames), ``lip_motion`` and ``lip_sync`` (see ``Quality``), and ``lag``: where in seconds
    lips and sound fit best, above 0 when the sound is late.
    """
    opening = lip_opening(poses)
    talking = np.isfinite(opening) & (voice > 0.5)
    correlation = lag_correlation(opening, energy)
    near = correlation[SEARCH - NEAR : SEARCH + NEAR + 1]
    return {
        "voice": float((voice > 0.5).mean()),
        "lip_motion": float(opening[talking].std()) if talking.any() else 0.0,
        "lip_sync": float(near.max()),
        "lag": (int(np.argmax(correlation)) - SEARCH) / FPS,
    }


def lag_correlation(opening: np.ndarray, energy: np.ndarray) -> np.ndarray:
    """[2 SEARCH + 1] Pearson correlation of opening[t] with energy[t + lag] over syllables.

    opening: [T], NaN where not seen. energy: [T] in dB. lag: -SEARCH..SEARCH frames. 0 everywhere
    where there is too little to compare.
    """
    seen = np.isfinite(opening)
    if seen.sum() < MIN_SYNC_FRAMES:
        return np.zeros(2 * SEARCH + 1)
    frames = np.arange(len(opening))
    lips = _syllables(np.interp(frames, frames[seen], opening[seen]))
    sound = _syllables(np.maximum(energy, energy.max() - SOUND_RANGE))
    result = np.zeros(2 * SEARCH + 1)
    for index, lag in enumerate(range(-SEARCH, SEARCH + 1)):
        a = slice(max(0, -lag), len(lips) - max(0, lag))
        b = slice(max(0, lag), len(lips) - max(0, -lag))
        both = seen[a]
        x, y = lips[a][both], sound[b][both]
        if len(x) >= MIN_SYNC_FRAMES and x.std() > 1e-6 and y.std() > 1e-6:
            result[index] = np.corrcoef(x, y)[0, 1]
    return result


def _syllables(track: np.ndarray) -> np.ndarray:
    """[T] -> [T], 1.5 to 6 Hz of it: the rhythm of syllables, without phrases and moods, which go
    together in any two clips."""
    from scipy.signal import butter, sosfiltfilt

    band = butter(2, (1.5, 6.0), "bandpass", fs=FPS, output="sos")
    filtered: np.ndarray = sosfiltfilt(band, track)
    return filtered
