"""What is compared: recordings with motion, frames, sound, from a folder, a data set or memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..atomic import complete_files, complete_or_nothing
from ..errors import InputError
from ..keypoints.motion import Motion
from ..keypoints.poses import Poses
from .clips import Estimator, PoseCache
from .joints import FPS, at_rate

if TYPE_CHECKING:
    from ..datasets.load import ClipRow, Clips
    from ..speech.track import Speech

VIDEO = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v")
SOUND = (".wav", ".flac", ".mp3", ".ogg", ".m4a")
SEMANTIC = ".semantic.npy"


@dataclass(frozen=True)
class Sound:
    """beats: [N] seconds at which sounds set in. energy: [T] dB and voice: [T] in 0..1, at 25
    frames a second. stresses: [M] seconds of stressed syllables; None where nobody looked."""

    beats: np.ndarray
    energy: np.ndarray
    voice: np.ndarray
    stresses: np.ndarray | None = None

    @classmethod
    def of(cls, speech: Speech) -> Sound:
        """Heard by the embedded speech encoder."""
        from ..speech.features import MelEncoder
        from ..speech.stress import semitones, stresses
        from .beats import sound_beats

        features = MelEncoder().encode(speech, FPS)
        stressed = stresses(features.energy, semitones(features.features), features.voice, FPS)
        return cls(sound_beats(speech), features.energy, features.voice, stressed.times)


@dataclass(frozen=True)
class Sources:
    """How to come by the parts of a recording; None for those it does not have.

    motion: at any rate. frames: [H, W, 3] uint8 RGB each, at 25 a second. sound: see `Sound`.
    semantics: [T] scores for SRGR, at 25 a second.
    """

    motion: Callable[[], Motion] | None = None
    frames: Callable[[], Iterable[np.ndarray]] | None = None
    sound: Callable[[], Sound] | None = None
    semantics: Callable[[], np.ndarray] | None = None


class Recording:
    """One clip of one side. Parts are loaded when first asked for, and kept; frames are streamed.

    Every part raises InputError where the recording does not have it.
    """

    def __init__(self, name: str, sources: Sources) -> None:
        self.name, self.sources = name, sources

    @cached_property
    def motion(self) -> Motion:
        """At 25 frames a second."""
        if self.sources.motion is None:
            raise InputError(f"{self.name} has neither skeletons nor a video.")
        try:
            return at_rate(self.sources.motion(), FPS)
        except InputError as error:
            raise InputError(f"{self.name}: {error}") from error

    def frames(self) -> Iterable[np.ndarray]:
        """[H, W, 3] uint8 RGB each, 25 a second."""
        if self.sources.frames is None:
            raise InputError(f"{self.name} has no video.")
        return self.sources.frames()

    @cached_property
    def sound(self) -> Sound:
        """What is heard."""
        if self.sources.sound is None:
            raise InputError(f"{self.name} has no sound.")
        return self.sources.sound()

    @cached_property
    def semantics(self) -> np.ndarray:
        """[T] scores."""
        file = f"{self.name}{SEMANTIC}"
        if self.sources.semantics is None:
            raise InputError(f"{self.name} has no {file} with scores for SRGR.")
        try:
            scores = np.asarray(self.sources.semantics(), dtype=float)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{file} does not hold one number a frame: {error}") from error
        if scores.ndim != 1 or not np.isfinite(scores).all():
            raise InputError(
                f"{file} does not hold one number a frame, but {list(scores.shape)} values."
            )
        return scores


def save_motion(motion: Motion, path: Path) -> None:
    """Write an ``.npz`` file: points, confidence, fps."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with complete_or_nothing(path) as part, open(part, "wb") as file:
        np.savez_compressed(
            file, points=motion.points, confidence=motion.confidence, fps=motion.fps
        )


def load_motion(path: Path) -> Motion:
    """The motion of a file that `save_motion` or `Poses.save` wrote.

    Poses lose the person: proportions are measured from the clip itself.
    Raises: InputError where it is neither.
    """
    from ..keypoints.person import to_motion

    try:
        with np.load(path, allow_pickle=False) as file:
            if "confidence" in file:
                return Motion(file["points"], file["confidence"], float(file["fps"]))
    except Exception as error:
        raise InputError(
            f"{path} holds no skeletons ({error}). Expected the .npz that --save-poses writes."
        ) from error
    return to_motion(Poses.load(path))


def folder_recordings(
    folder: Path, estimator: Callable[[], Estimator], poses: Path
) -> dict[str, Recording]:
    """The recordings of a folder by name. poses: folder that keeps the poses of its videos; where
    that lies within the first, it is not looked into.

    Raises: InputError where the folder is missing or holds neither skeletons nor videos.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.")
    cache = PoseCache(poses, estimator)
    kept = poses.resolve().parent
    own = kept.is_relative_to(folder.resolve()) and kept != folder.resolve()
    files = [
        path for path in complete_files(folder) if not (own and path.resolve().is_relative_to(kept))
    ]
    names = sorted(
        {
            path.relative_to(folder).with_suffix("").as_posix()
            for path in files
            if path.suffix.lower() in (".npz", *VIDEO)
        }
    )
    if not names:
        raise InputError(
            f"{folder} holds neither skeletons (.npz) nor videos ({', '.join(VIDEO)}) among "
            f"{len(files)} files."
        )
    return {name: Recording(name, _sources(folder, name, cache, poses)) for name in names}


def _sources(folder: Path, name: str, cache: PoseCache, poses: Path) -> Sources:
    def first(*suffixes: str) -> Path | None:
        paths = [folder / f"{name}{suffix}" for suffix in suffixes]
        return next((path for path in paths if path.is_file()), None)

    skeletons, video = first(".npz"), first(*VIDEO, *(suffix.upper() for suffix in VIDEO))
    sound, semantics = first(*SOUND) or video, first(SEMANTIC)

    def frames() -> Iterable[np.ndarray]:
        from ..video.read import VideoReader

        assert video is not None
        return VideoReader(video, FPS)

    def estimated() -> Motion:
        from ..keypoints.person import to_motion
        from ..keypoints.smoothing import fill_gaps, smooth

        assert video is not None
        kept = poses / f"{name}.npz"
        if kept.is_file() and kept.stat().st_mtime < video.stat().st_mtime:
            kept.unlink()  # of an earlier video of that name
        # As `datasets.process` does: an estimator's trembling would be taken for motion.
        return to_motion(fill_gaps(smooth(cache(f"{name}.npz", frames(), FPS))))

    def heard() -> Sound:
        from ..speech.load import load

        assert sound is not None
        return Sound.of(load(sound))

    motion = estimated if video else None
    return Sources(
        motion=(lambda: load_motion(skeletons)) if skeletons else motion,
        frames=frames if video else None,
        sound=heard if sound else None,
        semantics=(lambda: np.load(semantics)) if semantics else None,
    )


def dataset_recordings(clips: Clips, rows: Sequence[ClipRow]) -> dict[str, Recording]:
    """The clips of a built data set by their id; their sound is that of the videos they are of."""

    def sources(row: ClipRow) -> Sources:
        return Sources(
            motion=lambda: clips.motion_of(row),
            frames=lambda: clips.frames_of(row),
            sound=(lambda: clip_sound(clips, row)) if row.sound else None,
        )

    return {row.id: Recording(row.id, sources(row)) for row in rows}


def clip_sound(clips: Clips, row: ClipRow) -> Sound:
    """Loudness and voice as stored, beats from the clip's span of its video's sound."""
    from ..speech.load import load
    from ..speech.stress import semitones, stresses
    from ..speech.track import SAMPLE_RATE, Speech
    from .beats import sound_beats

    start = round(row.start * SAMPLE_RATE)
    stop = start + round(row.num_frames / FPS * SAMPLE_RATE)
    speech = Speech(load(row.path).waveform[start:stop])
    beats = sound_beats(speech)
    energy, voice = np.array(clips.energy[row.frames]), np.array(clips.voice[row.frames])
    # Every built-in encoder's features end with the mel encoder's prosody.
    pitch = semitones(np.array(clips.speech[row.frames]))
    return Sound(beats, energy, voice, stresses(energy, pitch, voice, FPS).times)
