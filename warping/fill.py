"""Fill what a layer hides: mirrored texture near the edge of the hole, smooth colour deep inside."""

from __future__ import annotations

import cv2
import numpy as np


def fill_smooth(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Push-pull fill: every unknown pixel takes the colour of the nearest coarse level that has one.

    image: [H, W, 3] float32. known: [H, W] float32 in 0..1, how far a pixel can be trusted.
    Returns [H, W, 3] float32, equal to the image where known is 1.
    """
    weighted = np.dstack([image * known[..., None], known])
    levels = [weighted]
    while min(levels[-1].shape[:2]) > 2:
        levels.append(cv2.pyrDown(levels[-1]))
    coarse = levels[-1]
    for level in reversed(levels[:-1]):
        coarse = coarse / np.maximum(coarse[..., 3:], 1e-4)
        height, width = level.shape[:2]
        up = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
        coarse = level + up * (1.0 - np.clip(level[..., 3:], 0.0, 1.0))
    return np.ascontiguousarray(coarse[..., :3])


def _mirror_index(known: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For each pixel of a row mask the columns to copy from, left and right, and how far away."""
    height, width = known.shape
    columns = np.arange(width)
    left = np.tile(columns, (height, 1))
    right = left.copy()
    far = 10.0 * width
    left_distance = np.where(known, 0.0, far).astype(np.float32)
    right_distance = left_distance.copy()
    padded = np.pad(known, ((0, 0), (1, 1)), constant_values=False).astype(np.int8)
    for row in range(height):
        step = np.diff(padded[row])
        starts, ends = np.flatnonzero(step == 1), np.flatnonzero(step == -1)
        for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
            length = end - start
            stop = starts[index + 1] if index + 1 < len(starts) else width
            if stop > end:
                offset = np.arange(stop - end)
                left[row, end:stop] = end - 1 - _ping_pong(offset, length)
                left_distance[row, end:stop] = offset + 1
            begin = ends[index - 1] if index else 0
            if start > begin:
                offset = np.arange(start - begin)[::-1]
                right[row, begin:start] = start + _ping_pong(offset, length)
                right_distance[row, begin:start] = offset + 1
    return left, right, left_distance, right_distance


def _ping_pong(offset: np.ndarray, length: int) -> np.ndarray:
    """0, 1, .., length - 1, length - 1, .., 0, 0, 1, ..: stay inside a run of known pixels."""
    offset = offset % (2 * length)
    return np.where(offset < length, offset, 2 * length - 1 - offset)


def fill_textured(image: np.ndarray, known: np.ndarray, depth: float) -> np.ndarray:
    """Fill a hole so that its rim carries the texture of its surroundings.

    A person stands upright before things that run level (desks, boards, horizons): mirroring each
    row across the edge of the hole carries those on where they become visible first. Deep inside
    the two sides no longer agree, and the smooth fill takes over.

    image: [H, W, 3] float32. known: [H, W] bool. depth: in pixels, how far the texture reaches.
    Returns [H, W, 3] float32.
    """
    if known.all() or not known.any():
        return image.copy()
    smooth = fill_smooth(image, known.astype(np.float32))
    # Slits of a few pixels would be mirrored into stripes.
    solid = cv2.morphologyEx(known.astype(np.uint8), cv2.MORPH_OPEN, np.ones((1, 9), np.uint8)) > 0
    left, right, left_distance, right_distance = _mirror_index(solid)
    rows = np.arange(len(known))[:, None]
    source = np.where(known[..., None], image, smooth)
    # What is mirrored is the detail over the smooth fill, so that brightness stays continuous.
    detail = source - cv2.GaussianBlur(source, (0, 0), max(depth / 3, 1.0))
    del detail
    left_weight = 1.0 / np.square(left_distance + 1e-3)
    right_weight = 1.0 / np.square(right_distance + 1e-3)
    share = (left_weight / (left_weight + right_weight))[..., None]
    mirrored = source[rows, left] * share + source[rows, right] * (1.0 - share)
    distance = np.minimum(left_distance, right_distance)
    trust = np.exp(-np.square(distance / max(depth, 1.0)))[..., None].astype(np.float32)
    filled = mirrored * trust + smooth * (1.0 - trust)
    filled = np.where(known[..., None], image, filled)
    return _soften_rows(filled.astype(np.float32), known)


def _soften_rows(filled: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Rows were filled one by one: blur along columns hides their disagreement."""
    blurred = cv2.GaussianBlur(filled, (3, 9), 0.8, sigmaY=2.0)
    return np.where(known[..., None], filled, blurred)
