"""What a data set is built with. Light: the command line reads it before anything heavy loads."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro import conf

FPS = 25.0
"""The pipeline's frame clock; videos of any other rate are resampled to it."""


@dataclass(frozen=True)
class Quality:
    """What a clip must show to be kept. The reason for each default stands with it."""

    min_face_seen: float = 0.8
    """Share of frames with a face: gaps beyond a fifth cannot be filled honestly."""
    min_shoulders_seen: float = 0.8
    """Share of frames with both shoulders: without them a pose has neither origin nor unit."""
    min_face_pixels: float = 24.0
    """Median height of the face from brows to chin, in source pixels: lips are about a tenth of
    it, and below two pixels their opening cannot be told from jitter."""
    max_turn: float = 0.6
    """Median distance of the nose tip from the middle of the face outline, as a share of the
    outline's width: 0 from the front, about 0.35 half turned; above 0.6 one half of the lips
    is hidden."""
    max_other_face: float = 0.5
    """Height of a second face as a share of the first: a person in the back is a third or less,
    a partner in talk is about as large."""
    max_repeated: float = 0.45
    """Share of frames that only repeat the one before: lips close within 0.1 s, and footage of 12
    pictures a second (0.52 at 25) misses that; 15 (0.4) just shows it."""
    min_change: float = 0.05
    """Mean difference of neighbouring frames in grey levels (0..255), seen at 64 x 64: people who
    sit still and talk have 0.25, a still picture has the codec's noise. (Points don't tell: on a
    still they jitter as much as quiet people move.)"""
    min_voice: float = 0.2
    """Share of frames with voice for the sound to count as speech."""
    min_lip_motion: float = 0.01
    """Standard deviation of the lip opening while there is voice, in distances of the outer eye
    corners: speakers have 0.02 to 0.12, lips that rest under a voice belong to a listener."""
    min_lip_sync: float = 0.0
    """Highest correlation, within 0.2 s, of lip opening with loudness at the pace of syllables.
    In clips of a few seconds it scatters as much as it tells, so that only a contradiction
    rejects."""


@dataclass(frozen=True)
class BuildOptions:
    """Build a training set from videos.

    Running it again with the same folder continues: what is done stays, new videos are added.
    """

    videos: Annotated[conf.Positional[tuple[Path, ...]], conf.arg(metavar="VIDEO...")]
    """Video files, or folders that are searched for them. A ``clips.csv`` in a folder gives its
    files their split, kind, person and source."""
    output: Annotated[Path, conf.arg(aliases=["-o"])]
    """Folder of the data set."""
    estimator: str = "auto"
    """Pose estimator that annotates the clips: auto, mediapipe, rtmpose, another package's, or a
    YAML file of name and options (docs/pose-estimators.md)."""
    speech_encoder: str = "mel"
    """Speech encoder by name: mel, whisper or whisper+mel, which need no download; wavlm; mel+text
    or wavlm+text, which need a recogniser of words. A generator is used with the encoder it was
    trained with."""
    persons: int = 1
    """2: every video shows two people beside each other. Each is followed in their half and becomes
    a clip, `...-left` and `...-right`, of the same frames."""
    workers: int = 0
    """Processes that work at the same time; 0 is one a processor core."""
    min_seconds: float = 2.0
    """Shorter shots are left out."""
    max_seconds: float = 20.0
    """Longer shots are cut into equal clips."""
    trim_frames: int = 10
    """Frames taken off a shot at each cut, against fades and mixed frames (CSG-405 takes 10);
    the beginning and end of the file itself are no cuts."""
    cut_threshold: float = 3.0
    """How many times more than its neighbours a frame must differ from the one before to be a
    cut (PySceneDetect's adaptive threshold)."""
    seconds_per_video: float | None = None
    """Use only the beginning of each video."""
    val_share: float = 0.05
    """Share of persons in the validation split, where no clips.csv says which."""
    crop_videos: bool = False
    """Also write the square person crop of each clip as a video, for training renderers."""
    crop_size: int = 256
    """Width and height of the person crop, in pixels; poses.npy is in its pixels."""
    quality: Quality = field(default_factory=Quality)
    """What a clip must show to be kept."""


@dataclass(frozen=True)
class WordsOptions:
    """Recognise the words of a training set, with their times.

    Needs WhisperX or faster-whisper. Running it again continues: clips that the file has stay.
    """

    folder: Annotated[conf.Positional[Path], conf.arg(metavar="DATASET")]
    """The folder that `gesticulate dataset build` wrote."""
    output: Annotated[Path, conf.arg(aliases=["-o"])]
    """JSON file for the words: {"clip's id": [["text", start, end], ...]}, in seconds."""
    model: str = "small"
    """A Whisper model's name, or the folder of one."""
    language: str | None = None
    """A code like "en"; without it, it is found out clip by clip."""
    device: str = "cpu"
    """cpu or cuda."""
