"""Is a rendered clip as steady as the real one? Flicker at rest, and flicker that moves along.

Two numbers over consecutive frames, both 0 at best and both also measured on the real clip, whose
noise and light no renderer has to copy:

- background variance: how much pixels change over time that the real clip keeps still;
- warp error (Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018, "temporal
  stability"): each frame against the next one, brought back along the optical flow. The flow is
  that of the real clip: along its own, a clip that does not move at all would be perfect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from ..errors import InputError
from .regions import person_region

# A pixel whose standard deviation over time (8-bit levels) is below this is at rest: coding noise
# is one to three levels.
STILL = 4.0


@dataclass(frozen=True)
class Steadiness:
    """background: mean variance over time of the still pixels, in squared 8-bit levels; NaN where
    the real clip has none. frame, person: warp error over the whole frame and over the person, of
    colours in 0..1."""

    background: float
    frame: float
    person: float


@dataclass(frozen=True)
class TrueMotion:
    """What moves how in the real clip, to hold any rendering of it against.

    flows: [T - 1, H, W, 2], pixels from frame t to t + 1. visible: [T - 1, H, W] bool, pixels of
    frame t that frame t + 1 shows too. person: [T - 1, H, W] bool. still: [H, W] bool, what no
    frame's person covers and does not change.
    """

    flows: np.ndarray
    visible: np.ndarray
    person: np.ndarray
    still: np.ndarray

    @classmethod
    def of(cls, frames: Sequence[np.ndarray], points: np.ndarray) -> TrueMotion:
        """frames: consecutive ones of the real clip, [H, W, 3] uint8 each, at least two. points:
        [T, 133, 3], their skeletons in pixels."""
        if len(frames) < 2 or len(frames) != len(points):
            raise InputError(
                f"Steadiness needs two frames or more and a pose for each, got {len(frames)} "
                f"frames and {len(points)} poses."
            )
        size = (frames[0].shape[1], frames[0].shape[0])
        person = np.stack([person_region(pose, size) for pose in points])
        flows, visible = [], []
        for frame, following in pairwise(frames):
            forth, back = optical_flow(frame, following), optical_flow(following, frame)
            flows.append(forth)
            visible.append(_visible(forth, back))
        still = ~person.any(axis=0) & (_variance(frames) < STILL**2)
        return cls(np.stack(flows), np.stack(visible), person[:-1] | person[1:], still)


def steadiness(frames: Sequence[np.ndarray], motion: TrueMotion) -> Steadiness:
    """frames: [H, W, 3] uint8 each, the real clip's or what stands for them. motion: the real
    clip's."""
    variance = _variance(frames)[motion.still]
    return Steadiness(
        float(variance.mean()) if variance.size else float("nan"),
        warp_error(frames, motion.flows, motion.visible),
        warp_error(frames, motion.flows, motion.visible & motion.person),
    )


def optical_flow(frame: np.ndarray, following: np.ndarray) -> np.ndarray:
    """[H, W, 3] uint8 each -> [H, W, 2] float32, pixels: dense inverse search (Kroeger et al.,
    ECCV 2016)."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (frame, following)]
    return search.calc(grey[0], grey[1], None)


def warp_error(frames: Sequence[np.ndarray], flows: np.ndarray, masks: np.ndarray) -> float:
    """The mean over frames of the mean over a mask of (V_t - warped V_t+1)^2, colours in 0..1.

    Of the three colours the mean, as in the authors' program (their formula reads as the sum).
    Arguments as in `TrueMotion`. Frames without any pixel are left out; NaN where none has one.
    """
    errors = []
    for (frame, following), flow, mask in zip(pairwise(frames), flows, masks, strict=True):
        inside = mask & _inside(flow)
        if inside.any():
            gap = frame.astype(np.float32) - _along(following.astype(np.float32), flow)
            errors.append(np.square(gap[inside] / 255).mean())
    return float(np.mean(errors)) if errors else float("nan")


def _variance(frames: Sequence[np.ndarray]) -> np.ndarray:
    """[H, W]: variance over time, mean of the three colours, in squared 8-bit levels."""
    return np.stack(frames).astype(np.float32).var(axis=0).mean(axis=-1)


def _targets(flow: np.ndarray) -> np.ndarray:
    """Where each pixel goes, [H, W, 2] float32."""
    rows, columns = np.indices(flow.shape[:2], dtype=np.float32)
    return np.dstack([columns, rows]) + flow


def _inside(flow: np.ndarray) -> np.ndarray:
    """[H, W] bool: the pixels that stay in the picture."""
    x, y = np.moveaxis(_targets(flow), -1, 0)
    return (x >= 0) & (y >= 0) & (x <= flow.shape[1] - 1) & (y <= flow.shape[0] - 1)


def _along(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """The picture [H, W, C] float32 at the places the flow points to."""
    return cv2.remap(picture, _targets(flow), None, cv2.INTER_LINEAR)


def _visible(forth: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Pixels whose motion can be trusted (Ruder et al., "Artistic Style Transfer for Videos",
    GCPR 2016, equations 5 and 6): the way back leads home, and no edge of motion."""
    returned = _along(back, forth)
    gap = np.square(forth + returned).sum(axis=-1)
    lengths = np.square(forth).sum(axis=-1) + np.square(returned).sum(axis=-1)
    slope = sum(np.square(step).sum(axis=-1) for step in np.gradient(forth, axis=(0, 1)))
    edge = slope > 0.01 * np.square(forth).sum(axis=-1) + 0.002
    return (gap <= 0.01 * lengths + 0.5) & ~edge
