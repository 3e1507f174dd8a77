"""Picture metrics of two videos, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import zip_longest
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..errors import InputError
from .psnr import psnr
from .sides import SLACK
from .ssim import ssim

if TYPE_CHECKING:
    from .lpips import Lpips

# Above this PSNR no eye sees a difference; equal frames would make the mean infinite.
_HIGHEST_PSNR = 60.0


def frame_scores(
    metric: str, real: Iterable[np.ndarray], generated: Iterable[np.ndarray], every: int, name: str
) -> float:
    """The mean of "psnr" (at most 60 dB a frame), "ssim" or "lpips" over frames.

    real, generated: [H, W, 3] uint8 RGB each; generated ones of another size are resized. every:
    frames from one compared picture to the next. name: of the recording, for errors.
    Raises: InputError where the two have other proportions, or their lengths differ by more than
    half a second.
    """
    scores, alone = [], 0
    for at, (truth, made) in enumerate(zip_longest(real, generated)):
        if truth is None or made is None:
            alone += 1
            if alone > SLACK:
                raise InputError(
                    f"{name}: one of the two videos ends after {at - SLACK} frames at 25 a second, "
                    "the other goes on. They must be of the same speech and length."
                )
            continue
        if at % every:
            continue
        fitted = _fitted(made, truth, name)
        if metric == "psnr":
            scores.append(min(psnr(fitted, truth), _HIGHEST_PSNR))
        elif metric == "ssim":
            scores.append(ssim(fitted, truth))
        else:
            from .lpips import lpips

            scores.append(lpips(_lpips(), fitted, truth))
    return float(np.mean(scores)) if scores else float("nan")


@cache
def _lpips() -> Lpips:
    from .lpips import Lpips

    return Lpips.pretrained()


def _fitted(made: np.ndarray, truth: np.ndarray, name: str) -> np.ndarray:
    if made.shape == truth.shape:
        return made
    (height, width), (h, w) = truth.shape[:2], made.shape[:2]
    if abs(width / height - w / h) > 0.02 * width / height:
        raise InputError(
            f"{name}: the real frames have {width} x {height} pixels, the generated ones {w} x {h}."
            " Only pictures of the same proportions can be compared."
        )
    return cv2.resize(made, (width, height), interpolation=cv2.INTER_AREA)
