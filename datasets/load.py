"""Reading a built data set: whole clips, and windows of fixed length for training."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..keypoints import layout
from ..keypoints.motion import Motion
from ..keypoints.poses import Poses
from .frames import read_span
from .options import FPS
from .process import ARRAYS
from .publish import FORMAT, INDEX_FILE, STATE_FILE, read_state
from .shots import Span

# MOTION_MIRROR[i] is the motion point that point i becomes when the person is mirrored.
_PLACE = {int(point): i for i, point in enumerate(layout.MOTION_POINTS)}
MOTION_MIRROR: np.ndarray = np.array(
    [_PLACE[int(layout.MIRROR[point])] for point in layout.MOTION_POINTS]
)


def mirrored(motion: np.ndarray, confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The motion of the mirrored picture: left and right exchanged, x turned about.

    motion: [..., 116, 2] person-independent. confidence: [..., 116].
    """
    turned = motion[..., MOTION_MIRROR, :] * np.array([-1, 1], motion.dtype)
    return turned, confidence[..., MOTION_MIRROR]


@dataclass(frozen=True)
class ClipRow:
    """A clip of the index. docs/datasets.md describes the fields; ``extra`` has the other columns
    as text."""

    id: str
    path: Path
    start: float
    num_frames: int
    offset: int
    split: str
    kind: str
    person: str
    speaker: int
    sound: bool
    body: bool
    crop: tuple[int, int, int]
    extra: dict[str, str]

    @property
    def frames(self) -> slice:
        """Its rows in the arrays."""
        return slice(self.offset, self.offset + self.num_frames)


class Clips:
    """A built data set: the index as rows, the arrays memory-mapped.

    poses: [N, 133, 3], motion: [N, 116, 2], confidence: [N, 116], speech: [N, C], voice: [N],
    energy: [N], all float32; N frames of 25 a second, clip after clip.
    Raises: InputError where the folder holds no data set, or one of another format.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.state = read_state(self.folder)
        if not self.state:
            raise InputError(
                f"{self.folder} holds no {STATE_FILE}. Give the folder that "
                "`gesticulate dataset build -o FOLDER` wrote, after it has come to its end."
            )
        if self.state["format"] != FORMAT:
            raise InputError(
                f"{self.folder} has format {self.state['format']}, this version reads {FORMAT}. "
                "Build it again."
            )
        if not self.state["clips"]:
            raise InputError(f"No clip of {self.folder} passed quality control; see its report.md.")
        version = self.folder / self.state["folder"]
        with open(version / INDEX_FILE, newline="", encoding="utf-8") as file:
            self.rows = [_row(row) for row in csv.DictReader(file)]
        arrays = {name: np.load(version / f"{name}.npy", mmap_mode="r") for name in ARRAYS}
        self.poses = arrays["poses"]
        self.motion = arrays["motion"]
        self.confidence = arrays["confidence"]
        self.speech = arrays["speech"]
        self.voice = arrays["voice"]
        self.energy = arrays["energy"]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[ClipRow]:
        return iter(self.rows)

    @property
    def persons(self) -> list[str]:
        """The person of every speaker number."""
        return list(self.state["persons"])

    def select(
        self,
        split: str | None = None,
        kinds: tuple[str, ...] | None = None,
        needs_sound: bool = False,
        needs_body: bool = False,
    ) -> list[ClipRow]:
        """The clips of a split and of some kinds; None takes all."""
        return [
            row
            for row in self.rows
            if (split is None or row.split == split)
            and (kinds is None or row.kind in kinds)
            and (row.sound or not needs_sound)
            and (row.body or not needs_body)
        ]

    def motion_of(self, row: ClipRow) -> Motion:
        """A clip's motion."""
        return Motion(self.motion[row.frames], self.confidence[row.frames], FPS)

    def poses_of(self, row: ClipRow) -> Poses:
        """A clip's smoothed poses, in the pixels of its person crop."""
        size = int(self.state["options"]["crop_size"])
        return Poses(self.poses[row.frames], (size, size), FPS)

    def frames_of(self, row: ClipRow) -> Iterator[np.ndarray]:
        """A clip's person crop, frame by frame: [size, size, 3] uint8 RGB, as a stream.

        Taken from the crop video where the data set has it, else cut out of the clip's own video
        again. At most as many frames as the clip has; fewer where the file ends early.
        Raises: InputError where neither can be read.
        """
        size = int(self.state["options"]["crop_size"])
        cropped = self.folder / "crops" / f"{row.id}.mp4"
        if cropped.is_file():
            return read_span(cropped, Span(0.0, row.num_frames), (size, size))
        span = Span(row.start, row.num_frames)
        return read_span(row.path, span, (size, size), row.crop)


def _row(row: dict[str, str]) -> ClipRow:
    return ClipRow(
        id=row.pop("id"),
        path=Path(row.pop("path")),
        start=float(row.pop("start")),
        num_frames=int(row.pop("num_frames")),
        offset=int(row.pop("offset")),
        split=row.pop("split"),
        kind=row.pop("kind"),
        person=row.pop("person"),
        speaker=int(row.pop("speaker")),
        sound=row.pop("sound") == "1",
        body=row.pop("body") == "1",
        crop=(int(row.pop("crop_x")), int(row.pop("crop_y")), int(row.pop("crop_side"))),
        extra=row,
    )


class MotionDataset:
    """Windows of motion with their speech, for ``torch.utils.data.DataLoader``.

    Each item is a dict of
    motion [length, 116, 2] and confidence [length, 116]: see ``keypoints.motion.Motion``;
    speech [length, C], voice [length] in 0..1, energy [length] in dB: zero where there is no sound;
    valid [length] bool: False behind the end of a clip that is shorter than the window, where the
        last frame is repeated with confidence 0;
    sound bool, speaker int, clip int (its place in ``rows``), start int (frame within the clip).
    """

    def __init__(
        self,
        clips: Clips,
        rows: list[ClipRow],
        length: int = 80,
        stride: int = 20,
        mirror: float = 0.0,
        seed: int = 0,
    ) -> None:
        """rows: see ``Clips.select``. length, stride: in frames. mirror: share of the windows that
        are mirrored left to right, by chance, anew at every reading."""
        self.clips, self.rows, self.length, self.mirror = clips, rows, length, mirror
        self.windows = [
            (number, start)
            for number, row in enumerate(rows)
            for start in window_starts(row.num_frames, length, stride)
        ]
        self._random = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> dict[str, object]:
        number, start = self.windows[index]
        row = self.rows[number]
        count = min(self.length, row.num_frames - start)
        span = slice(row.offset + start, row.offset + start + count)
        clips = self.clips
        motion, confidence = np.array(clips.motion[span]), np.array(clips.confidence[span])
        if self._random.random() < self.mirror:
            motion, confidence = mirrored(motion, confidence)
        return {
            "motion": self._filled(motion, repeat=True),
            "confidence": self._filled(confidence),
            "speech": self._filled(np.array(clips.speech[span])),
            "voice": self._filled(np.array(clips.voice[span])),
            "energy": self._filled(np.array(clips.energy[span])),
            "valid": np.arange(self.length) < count,
            "sound": row.sound,
            "speaker": row.speaker,
            "clip": number,
            "start": start,
        }

    def _filled(self, array: np.ndarray, repeat: bool = False) -> np.ndarray:
        """[n, ...] -> [length, ...], with the last row repeated or zeros behind."""
        missing = self.length - len(array)
        if missing == 0:
            return array
        padding = [(0, missing)] + [(0, 0)] * (array.ndim - 1)
        return np.pad(array, padding, mode="edge") if repeat else np.pad(array, padding)


def window_starts(num_frames: int, length: int, stride: int) -> list[int]:
    """First frames of the windows: every ``stride``, and one that ends with the clip."""
    last = max(0, num_frames - length)
    starts = list(range(0, last + 1, stride))
    return starts if starts[-1] == last else [*starts, last]
