"""Self-reenactment: drive a clip's first frame by the clip's own skeletons and compare.

The standard test of a renderer (Siarohin et al., NeurIPS 2019, "video reconstruction"): the true
answer is known, the clip itself. The trivial answer, the first frame repeated (`FirstFrame`), is to
be measured beside it: a renderer that does not beat it where things move does harm.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..errors import InputError
from ..keypoints.poses import Poses
from .l1 import l1
from .psnr import psnr
from .regions import REGIONS, regions
from .ssim import ssim, ssim_map
from .steadiness import Steadiness, TrueMotion, steadiness

if TYPE_CHECKING:
    from .lpips import Lpips

# LPIPS has two judges: a network trained on the first one's verdict is judged by the second.
METRICS = ("l1", "psnr", "ssim", "lpips", "lpips_vgg")
PLACES = ("frame", *REGIONS)
# Above this PSNR no eye sees a difference; equal frames would make every mean infinite.
_HIGHEST_PSNR = 60.0

Scores = dict[str, dict[str, float]]  # By place ("frame" or a region), then by metric.


class Renderer(Protocol):
    """What is measured: `pipelines.stages.Renderer`."""

    def prepare(self, photo: np.ndarray, photo_pose: Poses) -> Any:
        """What renders poses, one frame a pose: `pipelines.stages.PreparedPhoto`."""
        ...


class FirstFrame:
    """The trivial renderer: the photo, whatever the pose."""

    name = "first frame"

    def prepare(self, photo: np.ndarray, photo_pose: Poses) -> FirstFramePhoto:
        """The pose does not matter."""
        return FirstFramePhoto(photo)


@dataclass(frozen=True)
class FirstFramePhoto:
    photo: np.ndarray

    def render(self, poses: Poses) -> Iterator[np.ndarray]:
        """The same frame for every pose."""
        for _ in poses.points:
            yield self.photo


@dataclass(frozen=True)
class Driven:
    """One clip, driven by one renderer.

    scores: mean over the measured frames; NaN for a region that none of them shows. identity: PSNR
    of the first frame driven by its own pose, at most 60. seconds: of rendering, a frame, with the
    photo's preparation. steady: over the run, None where there is none. pictures: the measured
    frames as driven.
    """

    scores: Scores
    identity: float
    seconds: float
    steady: Steadiness | None
    pictures: list[np.ndarray]


@dataclass(frozen=True)
class Reenactment:
    """One clip, driven by several renderers.

    frames: indices of the measured frames. real: how steady the clip itself is over the run.
    driven: by the renderer's name.
    """

    frames: list[int]
    real: Steadiness | None
    driven: dict[str, Driven]


def measured_frames(length: int, every: int = 5, most: int = 24) -> list[int]:
    """Every so many frames after the first; of more than `most`, as many spread evenly."""
    frames = np.arange(every, length, every)
    if len(frames) > most:
        frames = frames[np.linspace(0, len(frames) - 1, most).round().astype(int)]
    return frames.tolist()


def middle_run(length: int, most: int) -> range:
    """Consecutive frames from the middle of a clip; none where they are fewer than two."""
    count = min(length, most)
    start = (length - count) // 2
    return range(start, start + count) if count > 1 else range(0)


def compare(
    pictures: Sequence[np.ndarray],
    truth: np.ndarray,
    masks: Mapping[str, np.ndarray],
    judges: Mapping[str, Lpips] | None = None,
) -> list[Scores]:
    """All metrics of each picture, over the whole frame and over each mask.

    pictures, truth: [H, W, 3] uint8 RGB. masks: [H, W] bool by name. judges: networks by the name
    of their metric ("lpips", "lpips_vgg"); NaN for what is not among them.
    """
    done = [_compare_pixels(picture, truth, masks) for picture in pictures]
    for metric, judge in (judges or {}).items():
        from .lpips import lpips_and_maps

        distances, maps = lpips_and_maps(judge, pictures, truth)
        for scores, distance, values in zip(done, distances, maps, strict=True):
            scores["frame"][metric] = distance
            for name, mask in masks.items():
                if mask.any():
                    scores[name][metric] = float(values[mask].mean())
    return done


def _compare_pixels(
    picture: np.ndarray, truth: np.ndarray, masks: Mapping[str, np.ndarray]
) -> Scores:
    """The metrics that need no network; NaN for the others."""
    nan = float("nan")
    unknown = dict.fromkeys(METRICS, nan)
    frame = {
        "l1": l1(picture, truth),
        "psnr": min(psnr(picture, truth), _HIGHEST_PSNR),
        "ssim": ssim(picture, truth),
    }
    scores: Scores = {"frame": {**unknown, **frame}}
    similar = ssim_map(picture, truth)
    for name, mask in masks.items():
        scores[name] = dict(unknown)
        if mask.any():
            scores[name]["l1"] = l1(picture, truth, mask)
            scores[name]["psnr"] = min(psnr(picture, truth, mask), _HIGHEST_PSNR)
            scores[name]["ssim"] = float(similar[mask].mean())
    return scores


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """The mean of every number, over those that are known; NaN where none is."""
    mean: Scores = {}
    for place in PLACES:
        values = np.array([[s[place][metric] for metric in METRICS] for s in scores])
        known = np.isfinite(values)
        total = np.where(known, values, 0).sum(axis=0)
        count = known.sum(axis=0)
        mean[place] = {
            metric: float(total[i] / count[i]) if count[i] else float("nan")
            for i, metric in enumerate(METRICS)
        }
    return mean


def reenact(
    renderers: Mapping[str, Renderer],
    frames: Sequence[np.ndarray],
    poses: Poses,
    measured: Sequence[int],
    run: Sequence[int] = (),
    judges: Mapping[str, Lpips] | None = None,
) -> Reenactment:
    """Drive the first frame to the measured ones by each renderer and compare.

    renderers: by the name that the results have. frames: the clip, [H, W, 3] uint8 RGB each.
    poses: its own, smoothed, one a frame. Only the measured frames and the run are rendered. run:
    consecutive frames over which steadiness is measured. judges: see `compare`. A region is that
    of the true frame's pose; the person's also takes in where the first frame had them, so that a
    hand left behind counts.
    Raises: InputError where there is nobody in the first frame, or nothing to measure.
    """
    known = min(len(frames), len(poses))
    if not len(measured) or max([*measured, *run]) >= known:
        raise InputError(
            f"Cannot measure the frames {list(measured)} and {list(run)} of a clip with "
            f"{len(frames)} frames and {len(poses)} poses."
        )
    first = regions(poses.points[0], poses.size)
    if not first["face"].any():
        raise InputError("The clip's first frame shows no face.")
    driving = replace(poses, points=poses.points[[0, *measured, *run]])
    pictures: dict[str, list[np.ndarray]] = {}
    seconds: dict[str, float] = {}
    for name, renderer in renderers.items():
        start = time.perf_counter()
        pictures[name] = list(renderer.prepare(frames[0], poses[:1]).render(driving))
        seconds[name] = (time.perf_counter() - start) / len(driving)
    scores: list[list[Scores]] = []
    for place, index in enumerate(measured, start=1):
        masks = regions(poses.points[index], poses.size)
        masks["person"] |= first["person"]
        rendered = [pictures[name][place] for name in renderers]
        scores.append(compare(rendered, frames[index], masks, judges))
    motion, real = None, None
    if len(run):
        true = [frames[index] for index in run]
        motion = TrueMotion.of(true, poses.points[list(run)])
        real = steadiness(true, motion)
    end = len(measured) + 1
    driven = {
        name: Driven(
            scores=mean_scores([one[number] for one in scores]),
            identity=min(psnr(pictures[name][0], frames[0]), _HIGHEST_PSNR),
            seconds=seconds[name],
            steady=None if motion is None else steadiness(pictures[name][end:], motion),
            pictures=pictures[name][1:end],
        )
        for number, name in enumerate(renderers)
    }
    return Reenactment(list(measured), real, driven)
