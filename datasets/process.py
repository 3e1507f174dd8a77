"""Stages 3 and 4 for the clips of one video: judged, then smoothed, normalised, cropped, heard."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic import complete_or_nothing
from ..errors import InputError
from ..keypoints import layout
from ..keypoints.motion import Motion
from ..keypoints.person import to_motion
from ..keypoints.poses import Poses
from ..keypoints.smoothing import fill_gaps, smooth
from ..speech.load import load
from ..speech.track import SAMPLE_RATE, Encoder, Speech, SpeechFeatures
from . import quality
from .annotate import Remarks
from .clip import Clip
from .crop import Crop, person_crop
from .options import FPS, Quality
from .quality import Verdict

# Counted up whenever a change of the code makes processed clips stale.
RECIPE = 4
ARRAYS = ("poses", "motion", "confidence", "speech", "voice", "energy")


@dataclass(frozen=True)
class ProcessJob:
    """clips: all annotated clips of one video. annotations: folder of their skeletons. output:
    folder to write into. recipe: what the result depends on besides the clip; a result of another
    recipe is made again."""

    clips: tuple[Clip, ...]
    annotations: Path
    output: Path
    recipe: str
    quality: Quality
    crop_size: int


@dataclass(frozen=True)
class Processed:
    """A clip after all stages. clip: how it was judged as a whole; body, sound: whether its body
    and its sound may be used. measures: all measured values."""

    id: str
    clip: Verdict
    body: Verdict
    sound: Verdict
    measures: dict[str, float]
    num_frames: int
    crop: Crop


def process(encoder: Encoder, job: ProcessJob) -> list[Processed]:
    """Judge and process the clips of one video; what is already there is only read."""
    results: dict[str, Processed] = {}
    for clip in job.clips:
        if (known := load_processed(job.output, clip.id, job.recipe)) is not None:
            results[clip.id] = known
    missing = [clip for clip in job.clips if clip.id not in results]
    speech = _load_speech(missing[0]) if missing else None
    for clip in missing:
        results[clip.id] = _process_clip(encoder, job, clip, speech)
    return [results[clip.id] for clip in job.clips]


def _load_speech(clip: Clip) -> Speech | None:
    """The video's sound; None where it has none or must not be used."""
    if not clip.source.sound:
        return None
    try:
        return load(clip.source.path)
    except InputError:
        return None


def _process_clip(
    encoder: Encoder, job: ProcessJob, clip: Clip, speech: Speech | None
) -> Processed:
    raw = Poses.load(job.annotations / f"{clip.id}.npz")
    measures = quality.measure_poses(raw)
    remarks = Remarks.load(job.annotations / f"{clip.id}.json")
    measures |= remarks.measures
    verdict = quality.check_clip(measures, job.quality)
    body = quality.check_body(measures, job.quality)
    sound = Verdict("no_sound") if speech is None else Verdict()
    features = None
    if speech is not None and verdict:
        features = encoder.encode(_span_of(speech, clip, len(raw)), FPS)
        measures |= quality.measure_sound(raw, features.voice, features.energy)
        sound = quality.check_sound(measures, job.quality)
    arrays: dict[str, np.ndarray] = {}
    crop = Crop(0, 0, min(clip.size), job.crop_size)
    if verdict:
        poses = fill_gaps(smooth(raw if body else _head_only(raw)))
        crop = person_crop(poses, job.crop_size)
        arrays = _arrays(crop.apply(poses), to_motion(poses), features if sound else None)
    result = Processed(clip.id, verdict, body, sound, measures, len(raw), crop)
    _save(job, result, arrays)
    return result


def _span_of(speech: Speech, clip: Clip, num_frames: int) -> Speech:
    """The sound of a clip, exactly as long as its frames; silence where the sound ends early."""
    start = round(clip.span.start * SAMPLE_RATE)
    length = round(num_frames / FPS * SAMPLE_RATE)
    waveform = speech.waveform[start : start + length]
    return Speech(np.pad(waveform, (0, length - len(waveform))), speech.source)


def _head_only(poses: Poses) -> Poses:
    """Without the body: half-seen shoulders would give a wrong origin and unit."""
    points = poses.points.copy()
    points[:, : layout.FACE.start, 2] = 0
    points[:, layout.LEFT_HAND.start :, 2] = 0
    return Poses(points, poses.size, poses.fps)


def _arrays(poses: Poses, motion: Motion, features: SpeechFeatures | None) -> dict[str, np.ndarray]:
    arrays = {"poses": poses.points, "motion": motion.points, "confidence": motion.confidence}
    if features is not None:
        arrays |= {
            "speech": features.features.astype(np.float32),
            "voice": features.voice.astype(np.float32),
            "energy": features.energy.astype(np.float32),
        }
    return arrays


def _save(job: ProcessJob, result: Processed, arrays: dict[str, np.ndarray]) -> None:
    path = job.output / f"{result.id}.npz"
    with complete_or_nothing(path) as part, open(part, "wb") as file:
        np.savez(file, recipe=job.recipe, result=json.dumps(asdict(result)), **arrays)  # type: ignore[arg-type]


def load_processed(folder: Path, clip_id: str, recipe: str) -> Processed | None:
    """What `process` wrote for a clip by this recipe, without its arrays; None if there is none."""
    path = folder / f"{clip_id}.npz"
    if not path.is_file():
        return None
    with np.load(path) as file:
        if str(file["recipe"]) != recipe:
            return None
        content: dict[str, Any] = json.loads(str(file["result"]))
    for part in ("clip", "body", "sound"):
        content[part] = Verdict(**content[part])
    return Processed(**content | {"crop": Crop(**content["crop"])})


def load_arrays(folder: Path, clip_id: str) -> dict[str, np.ndarray]:
    """The arrays of a processed clip by name (see ``ARRAYS``); those of the sound may lack."""
    with np.load(folder / f"{clip_id}.npz") as file:
        return {name: file[name] for name in ARRAYS if name in file}
