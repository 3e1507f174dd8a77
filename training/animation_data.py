"""Clips for the diffusion renderer's training: a photo, and frames that poses ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..datasets.load import ClipRow, Clips
from ..errors import InputError
from ..keypoints import layout
from ..keypoints.drawing import draw
from .options import AnimationData


@dataclass
class PosedFrames:
    """B photos, each with F frames of the same person.

    photo: [B, 3, S, S]. drawings: [B, F, 3, S, S], the frames' skeletons. target: [B, F, 3, S, S],
    the frames. All RGB in 0..1.
    """

    photo: Tensor
    drawings: Tensor
    target: Tensor

    def __len__(self) -> int:
        return len(self.photo)

    @classmethod
    def stack(cls, samples: Sequence[PosedFrames]) -> PosedFrames:
        """One batch of several, in order."""
        return cls(*(torch.cat(parts) for parts in zip(*map(_parts, samples), strict=True)))


def _parts(frames: PosedFrames) -> tuple[Tensor, Tensor, Tensor]:
    return frames.photo, frames.drawings, frames.target


def chosen_frames(
    points: np.ndarray, count: int, stride: int, apart: int, rng: np.random.Generator
) -> tuple[int, list[int]]:
    """The photo's frame, and ``count`` frames of a clip to draw, ascending.

    points: [T, 133, 3]. stride: every so manieth frame, less where the clip is too short. apart: so
    many frames lie between the photo and each of them, where there are such (a photo that looks
    like its target teaches to copy it); else the farthest is taken.
    """
    total = len(points)
    stride = max(1, min(stride, (total - 1) // max(1, count - 1)))
    seen = np.flatnonzero((points[:, layout.FACE, 2] > 0).all(axis=1))
    last = total - (count - 1) * stride
    starts = seen[seen < last]
    start = int(rng.choice(starts)) if len(starts) else int(rng.integers(last))
    frames = [start + i * stride for i in range(count)]
    candidates = seen if len(seen) else np.arange(total)
    distance = np.maximum(frames[0] - candidates, candidates - frames[-1])
    far = candidates[distance >= min(apart, distance.max())]
    return int(rng.choice(far)), frames


def posed_frames(
    clips: Clips, row: ClipRow, photo: int, frames: Sequence[int], size: int, mirror: bool = False
) -> PosedFrames:
    """One sample, S = size. photo, frames: of the clip. Raises: InputError where the clip's video
    ends before them."""
    wanted = {photo, *frames}
    pictures: dict[int, np.ndarray] = {}
    for number, picture in enumerate(clips.frames_of(row)):
        if number in wanted:
            pictures[number] = _resized(picture, size)
        if len(pictures) == len(wanted):
            break
    if len(pictures) < len(wanted):
        raise InputError(
            f"{row.path} ends before frame {max(wanted)}. Build the data set again from the videos "
            "as they are now."
        )
    poses = clips.poses_of(row).scaled((size, size)).points[list(frames)]
    drawings = [
        draw(_mirrored(p, size) if mirror else p, (size, size), full_dots=True) for p in poses
    ]
    turn = slice(None, None, -1 if mirror else 1)
    target = np.stack([pictures[frame][:, turn] for frame in frames])
    return PosedFrames(
        _tensor(pictures[photo][None, :, turn]),
        _tensor(np.stack(drawings))[None],
        _tensor(target)[None],
    )


def _resized(picture: np.ndarray, size: int) -> np.ndarray:
    how = cv2.INTER_AREA if size < len(picture) else cv2.INTER_CUBIC
    return cv2.resize(picture, (size, size), interpolation=how)


def _mirrored(points: np.ndarray, size: int) -> np.ndarray:
    """A skeleton [133, 3] in the mirror of a picture of that width."""
    turned = points[layout.MIRROR].copy()
    turned[:, 0] = size - 1 - turned[:, 0]
    return turned


def _tensor(pictures: np.ndarray) -> Tensor:
    """[N, S, S, 3] uint8 -> [N, 3, S, S] in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float().div_(255)


class PosedClips(Dataset):
    """Item ``step`` is that step's batch, whatever came before: a resumed run sees what one that
    never stopped would have seen."""

    def __init__(
        self, options: AnimationData, frames: int, batch: int, seed: int, process: int = 0
    ) -> None:
        """frames: of a sample. process: number of the GPU's process, each of which draws others."""
        self.options, self.frames, self.batch = options, frames, batch
        self.seed, self.process = seed, process
        self._clips: Clips | None = None
        rows = [row for row in Clips(options.folder).select("train") if row.num_frames >= frames]
        shares = np.array([options.favoured.get(row.kind, 1.0) for row in rows])
        if not shares.sum():
            raise InputError(
                f"{options.folder} has no clip of the split 'train' of at least {frames} frames"
                + (" among the favoured kinds" if options.favoured else "")
                + ". Build the data set from longer videos."
            )
        self.rows, self.chances = rows, shares / shares.sum()

    def __getitem__(self, step: int) -> PosedFrames:
        return PosedFrames.stack([self._draw(step, place) for place in range(self.batch)])

    def _draw(self, step: int, place: int) -> PosedFrames:
        # Opened where it is used: a worker process must not be sent the data set's arrays.
        self._clips = self._clips or Clips(self.options.folder)
        rng = np.random.default_rng([self.seed, self.process, step, place])
        options = self.options
        row = self.rows[rng.choice(len(self.rows), p=self.chances)]
        points = self._clips.poses[row.frames]
        photo, frames = chosen_frames(points, self.frames, options.stride, options.apart, rng)
        mirror = bool(rng.random() < 0.5)
        return posed_frames(self._clips, row, photo, frames, options.size, mirror)


def held_out(options: AnimationData, frames: int) -> list[PosedFrames]:
    """The samples that are measured, always the same, spread over the clips of the split `val`;
    of `train` where it has none."""
    clips = Clips(options.folder)
    rows = [row for row in clips.select("val") if row.num_frames >= frames]
    rows = rows or [row for row in clips.select("train") if row.num_frames >= frames]
    samples = []
    for index in np.linspace(0, len(rows) - 1, min(options.val_samples, len(rows))).round():
        row = rows[int(index)]
        rng = np.random.default_rng(int(index))
        points = clips.poses[row.frames]
        photo, chosen = chosen_frames(points, frames, options.stride, options.apart, rng)
        samples.append(posed_frames(clips, row, photo, chosen, options.size))
    return samples


def in_order(stream: PosedClips, first: int, steps: int) -> Iterator[PosedFrames]:
    """The batches from a step on, drawn ahead by worker processes where there are some."""
    workers = stream.options.workers
    loader = DataLoader(
        stream, batch_size=None, sampler=range(first, steps), num_workers=workers,
        prefetch_factor=2 if workers else None,
        multiprocessing_context="spawn" if workers else None,
        worker_init_fn=_one_thread if workers else None,
    )  # fmt: skip
    return iter(loader)


def _one_thread(_: int) -> None:
    """The workers fill the cores already."""
    cv2.setNumThreads(1)
