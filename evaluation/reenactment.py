"""Self-reenactment: drive a clip's first frame by the clip's own skeletons and compare.

The standard test of a renderer (Siarohin et al., NeurIPS 2019, "video reconstruction"): the true
answer is known, the clip itself. The trivial answer, the first frame repeated, is measured beside
it: a renderer that does not beat it where things move does harm.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..errors import InputError
from ..keypoints.poses import Poses
from .l1 import l1
from .psnr import psnr
from .regions import REGIONS, regions
from .ssim import ssim, ssim_map

if TYPE_CHECKING:
    from .lpips import Lpips

METRICS = ("l1", "psnr", "ssim", "lpips")
PLACES = ("frame", *REGIONS)
# Above this PSNR no eye sees a difference; equal frames would make every mean infinite.
_HIGHEST_PSNR = 60.0

Scores = dict[str, dict[str, float]]  # By place ("frame" or a region), then by metric.


class Renderer(Protocol):
    """What is measured: `pipelines.stages.Renderer`."""

    def render(self, photo: np.ndarray, photo_pose: Poses, poses: Poses) -> Iterator[np.ndarray]:
        """One frame a pose."""
        ...


@dataclass(frozen=True)
class Reenactment:
    """One clip, driven.

    frames: indices of the measured frames. driven, repeated: mean scores of the renderer and of
    the first frame repeated; NaN for a region that no measured frame shows. identity: PSNR of the
    first frame driven by its own pose, at most 60. seconds: of rendering, a frame. pictures: the
    driven frames.
    """

    frames: list[int]
    driven: Scores
    repeated: Scores
    identity: float
    seconds: float
    pictures: list[np.ndarray]


def measured_frames(length: int, every: int = 5, most: int = 24) -> list[int]:
    """Every so many frames after the first; of more than `most`, as many spread evenly."""
    frames = np.arange(every, length, every)
    if len(frames) > most:
        frames = frames[np.linspace(0, len(frames) - 1, most).round().astype(int)]
    return frames.tolist()


def compare(
    picture: np.ndarray,
    truth: np.ndarray,
    masks: dict[str, np.ndarray],
    lpips_model: Lpips | None = None,
) -> Scores:
    """All metrics over the whole frame and over each mask.

    picture, truth: [H, W, 3] uint8 RGB. masks: [H, W] bool by name. lpips_model: NaN for LPIPS
    where it is None.
    """
    nan = float("nan")
    scores: Scores = {
        "frame": {
            "l1": l1(picture, truth),
            "psnr": min(psnr(picture, truth), _HIGHEST_PSNR),
            "ssim": ssim(picture, truth),
            "lpips": nan,
        }
    }
    similar, distant = ssim_map(picture, truth), None
    if lpips_model is not None:
        from .lpips import lpips_and_map

        scores["frame"]["lpips"], distant = lpips_and_map(lpips_model, picture, truth)
    for name, mask in masks.items():
        some = bool(mask.any())
        scores[name] = {
            "l1": l1(picture, truth, mask),
            # `min` alone would turn an unseen region's NaN into a number.
            "psnr": min(psnr(picture, truth, mask), _HIGHEST_PSNR) if some else nan,
            "ssim": float(similar[mask].mean()) if some else nan,
            "lpips": float(distant[mask].mean()) if some and distant is not None else nan,
        }
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
    renderer: Renderer,
    frames: Sequence[np.ndarray],
    poses: Poses,
    measured: Sequence[int],
    lpips_model: Lpips | None = None,
) -> Reenactment:
    """Drive the first frame to the measured ones and compare.

    frames: the clip, [H, W, 3] uint8 RGB each. poses: its own, smoothed, one a frame. Only the
    measured frames are rendered. A region is that of the true frame's pose; the person's also
    takes in where the first frame had them, so that a hand left behind counts.
    Raises: InputError where there is nobody in the first frame, or nothing to measure.
    """
    if not len(measured) or max(measured) >= min(len(frames), len(poses)):
        raise InputError(
            f"Cannot measure the frames {list(measured)} of a clip with {len(frames)} frames and "
            f"{len(poses)} poses."
        )
    first = regions(poses.points[0], poses.size)
    if not first["face"].any():
        raise InputError("The clip's first frame shows no face.")
    driving = replace(poses, points=poses.points[[0, *measured]])
    start = time.perf_counter()
    pictures = list(renderer.render(frames[0], poses[:1], driving))
    seconds = (time.perf_counter() - start) / len(pictures)
    driven, repeated = [], []
    for index, picture in zip(measured, pictures[1:], strict=True):
        masks = regions(poses.points[index], poses.size)
        masks["person"] |= first["person"]
        driven.append(compare(picture, frames[index], masks, lpips_model))
        repeated.append(compare(frames[0], frames[index], masks, lpips_model))
    return Reenactment(
        list(measured),
        mean_scores(driven),
        mean_scores(repeated),
        min(psnr(pictures[0], frames[0]), _HIGHEST_PSNR),
        seconds,
        pictures[1:],
    )
