"""Fill what a layer hides: texture near the edge of the hole, smooth colour deep inside."""

from __future__ import annotations

import cv2
import numpy as np


def fill_smooth(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Push-pull fill: every unknown pixel takes the colour of the finest level that has one.

    image: [H, W, 3] float32. known: [H, W] float32 in 0..1, how far a pixel can be trusted.
    Returns [H, W, 3] float32, equal to the image where known is 1.
    """
    levels = [np.dstack([image * known[..., None], known])]
    while min(levels[-1].shape[:2]) > 2:
        levels.append(cv2.pyrDown(levels[-1]))
    coarse = levels[-1]
    for level in reversed(levels[:-1]):
        coarse = coarse / np.maximum(coarse[..., 3:], 1e-4)
        height, width = level.shape[:2]
        up = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
        coarse = level + up * (1.0 - np.clip(level[..., 3:], 0.0, 1.0))
    return np.ascontiguousarray(coarse[..., :3])


def fill_nearest(image: np.ndarray, known: np.ndarray, blur: float) -> np.ndarray:
    """Every unknown pixel takes the colour of the nearest known one; then blurred a little.

    image: [H, W, 3] float32. known: [H, W] bool. blur: pixels. Returns [H, W, 3] float32.
    """
    if not known.any():
        return image.copy()
    _, labels = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros((labels.max() + 1, 3), np.float32)
    table[labels[known]] = image[known]
    filled = cv2.GaussianBlur(table[labels], (0, 0), blur)
    return np.where(known[..., None], image, filled)


def fill_textured(
    image: np.ndarray, known: np.ndarray, depth: float, upright: float = 1.0
) -> np.ndarray:
    """Fill a hole so that its rim carries the texture of its surroundings.

    Every row is filled from its own two sides and every column from its own two ends; of both the
    nearer has more weight. Near the rim they are mirrored, which keeps texture; deep inside the
    colours of the two sides blend into each other.

    image: [H, W, 3] float32. known: [H, W] bool. depth: in pixels, how far the mirrored texture
    reaches. upright: how much farther columns count as than rows; above 1 behind a person, who
    stands before things that run level (desks, boards, horizons). Returns [H, W, 3] float32.
    """
    if known.all() or not known.any():
        return image.copy()
    smooth = fill_smooth(image, known.astype(np.float32))
    rows, row_distance = _fill_rows(image, known, smooth, depth)
    turned = [np.ascontiguousarray(np.swapaxes(x, 0, 1)) for x in (image, known, smooth)]
    columns, column_distance = _fill_rows(turned[0], turned[1], turned[2], depth)
    columns, column_distance = np.swapaxes(columns, 0, 1), column_distance.T * upright
    share = np.square(column_distance) / (np.square(row_distance) + np.square(column_distance))
    filled = _blend(rows, columns, cv2.GaussianBlur(share, (0, 0), 2.0))
    barren = np.minimum(row_distance, column_distance) > 1e5
    filled[barren] = smooth[barren]
    return np.where(known[..., None], image, filled).astype(np.float32)


def _fill_rows(
    image: np.ndarray, known: np.ndarray, smooth: np.ndarray, depth: float
) -> tuple[np.ndarray, np.ndarray]:
    """Each row filled from its two sides [H, W, 3], and the distance to the nearer one [H, W]."""
    # Slits of a few pixels would be mirrored into stripes.
    wide = 2 * (max(3, known.shape[1] // 60) // 2) + 1
    solid = cv2.morphologyEx(known.astype(np.uint8), cv2.MORPH_OPEN, np.ones((1, wide), np.uint8))
    source = np.where(known[..., None], image, smooth)
    left, left_edge, left_distance = _mirror(solid > 0)
    right, right_edge, right_distance = (x[:, ::-1] for x in _mirror(solid[:, ::-1] > 0))
    last = known.shape[1] - 1
    right, right_edge = last - right, last - right_edge

    rows = np.arange(len(known))[:, None]
    share = right_distance / (left_distance + right_distance)
    near = np.square(share) / (np.square(share) + np.square(1.0 - share))
    # Rim colours, averaged over some pixels, so that rows agree with their neighbours.
    weight = solid.astype(np.float32)[..., None]
    size = (2 * (round(depth * 0.25) // 2) + 3, 7)
    total = cv2.blur(source * weight, size) / np.maximum(cv2.blur(weight, size)[..., None], 1e-3)
    deep = _blend(total[rows, left_edge], total[rows, right_edge], share)
    mirrored = _blend(source[rows, left], source[rows, right], near)
    distance = np.minimum(left_distance, right_distance)
    trust = np.exp(-np.square(distance / max(depth, 1.0)))
    filled = _blend(mirrored, deep, trust)
    filled = cv2.GaussianBlur(np.where(known[..., None], image, filled), (1, 9), 2.0)
    return filled, distance


def _blend(one: np.ndarray, two: np.ndarray, share: np.ndarray) -> np.ndarray:
    return two + share[..., None] * (one - two)


def _mirror(known: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each pixel of each row, looking left: the column whose mirror image it is, the column of
    the rim, and the distance to it (huge where nothing is known to the left).

    known: [H, W] bool. Returns three arrays [H, W]: int, int, float32.
    """
    columns = np.broadcast_to(np.arange(known.shape[1]), known.shape)
    edge = np.maximum.accumulate(np.where(known, columns, -1), axis=1)
    gap = np.where(known, -1, columns)
    # First column of the run of known pixels that ends at the rim.
    start = np.maximum.accumulate(gap, axis=1)
    start = np.take_along_axis(start, np.maximum(edge, 0), axis=1) + 1
    length = np.maximum(edge - start + 1, 1)
    offset = np.maximum(columns - edge - 1, 0) % (2 * length)
    # 0, 1, .., n - 1, n - 1, .., 0, 0, 1, ..: stay inside the run.
    offset = np.where(offset < length, offset, 2 * length - 1 - offset)
    mirrored = np.where(known, columns, edge - offset)
    distance = np.where(edge < 0, 1e6, columns - edge).astype(np.float32) + 1e-3
    return np.maximum(mirrored, 0), np.maximum(edge, 0), distance
