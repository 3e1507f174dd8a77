"""Edge heatmaps: the skeleton drawn as soft lines (Contextual Gesture, eqs. 4-7).

Lengths are in units of the crop, whose sides run over [-1, 1]; pixel i of n lies at
-1 + 2 i / (n - 1). A thickness therefore means the same line at every resolution of the map.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..keypoints.layout import (
    ARMS,
    BODY_EDGES,
    FACE,
    FACE_EDGES,
    FACE_INNER_LIPS,
    FACE_OUTER_LIPS,
    FACE_RIGHT_EYE,
    LEFT_HAND_EDGES,
    RIGHT_HAND_EDGES,
)

# Eq. 7 takes the maximum over all edges. Here it is taken within a group, one channel a group:
# with one channel a hand before the face or the other arm melts into it, and which line is the
# lips' would have to be read off its place.
GROUPS: tuple[str, ...] = ("face", "eyes", "lips", "arms", "left_hand", "right_hand")
# Of a line at the start, in pixels of a 64 px map: where the brightness falls to 1/e.
_HALF_WIDTH = {
    "face": 1.5,
    "eyes": 1.0,
    "lips": 1.0,
    "arms": 1.5,
    "left_hand": 1.0,
    "right_hand": 1.0,
}
UNSEEN = 0.1  # confidence below which a point has no edges
_DARK = np.float32(np.log(512))  # v d^2 beyond which nothing of a line is seen
_FAR = 1e4  # squared distance that stands for no edge: darkens to 0 at every thickness


def _face_edges(points: range) -> tuple[tuple[int, int], ...]:
    inside = {FACE.start + i for i in points}
    return tuple(edge for edge in FACE_EDGES if set(edge) <= inside)


_OF_GROUP: dict[str, tuple[tuple[int, int], ...]] = {
    "face": _face_edges(range(FACE_RIGHT_EYE.start)),
    "eyes": _face_edges(range(FACE_RIGHT_EYE.start, FACE_OUTER_LIPS.start)),
    "lips": _face_edges(range(FACE_OUTER_LIPS.start, FACE_INNER_LIPS.stop)),
    "arms": tuple(edge for edge in BODY_EDGES if set(edge) <= set(ARMS)),
    "left_hand": LEFT_HAND_EDGES,
    "right_hand": RIGHT_HAND_EDGES,
}

# [E, 2] indices into the 133 points, ordered by group; [E] index into GROUPS.
EDGES: np.ndarray = np.array([edge for group in GROUPS for edge in _OF_GROUP[group]])
EDGE_GROUP: np.ndarray = np.repeat(np.arange(len(GROUPS)), [len(_OF_GROUP[g]) for g in GROUPS])
NUM_EDGES = len(EDGES)
# Where each group's edges begin and end.
_SPANS = [
    (int(np.searchsorted(EDGE_GROUP, group)), int(np.searchsorted(EDGE_GROUP, group + 1)))
    for group in range(len(GROUPS))
]


def initial_thickness() -> np.ndarray:
    """[E] float32, v of eq. 4 in 1 / (units of the crop)^2."""
    half_width = np.array([_HALF_WIDTH[GROUPS[group]] for group in EDGE_GROUP]) * 2 / 63
    return (1 / half_width**2).astype(np.float32)


class EdgeHeatmaps(nn.Module):
    """Points -> one heatmap a group of edges; the thickness of every edge is learnt.

    learnable=False keeps the thickness at its start: the plain skeleton map of the ablation.
    """

    def __init__(self, learnable: bool = True) -> None:
        super().__init__()
        # The logarithm keeps v positive, and one step changes thick and thin lines alike.
        start = torch.from_numpy(initial_thickness()).log()
        if learnable:
            self.log_thickness = nn.Parameter(start)
        else:
            self.register_buffer("log_thickness", start)
        self.register_buffer("edges", torch.from_numpy(EDGES), persistent=False)

    @property
    def thickness(self) -> Tensor:
        """[E], v of eq. 4 in 1 / (units of the crop)^2; for `edge_maps_numpy`."""
        return self.log_thickness.float().exp()

    def forward(self, points: Tensor, size: int) -> Tensor:
        """Draw the edges.

        Args:
            points: [B, 133, 3], x and y in [-1, 1] of the crop, confidence 0..1. They are data:
                no gradient reaches them.
            size: pixels of the maps' side.

        Returns:
            [B, 6, size, size] float32 in 0..1, in the order of GROUPS.
        """
        with torch.autocast(points.device.type, enabled=False):
            thickness = self.thickness
            # On a CPU one frame at a time, whose distances still fit its cache.
            chunks = (
                points.detach().float().split(1 if points.device.type == "cpu" else len(points))
            )
            found = [self._nearest(chunk, thickness.detach(), size) for chunk in chunks]
            edge, distance = (torch.cat(maps) for maps in zip(*found, strict=True))
            return torch.exp(-thickness.gather(0, edge.flatten()).view_as(edge) * distance)

    @torch.no_grad()
    def _nearest(self, points: Tensor, thickness: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Every pixel's brightest edge of a group, its squared distance: [B, 6, size, size] each.

        The largest exp(-v d^2) of eq. 7 is the one of the smallest v d^2: one exponential is
        enough, and the gradient needs that one edge, so no map of every edge has to be kept.
        """
        ends = points[:, self.edges]  # [B, E, 2, 3]
        nearest, distances = [], []
        for first, after in _SPANS:
            cost = _squared_distance(ends[:, first:after], size)  # [B, e, size, size]
            least, edge = cost.mul_(thickness[first:after, None, None]).min(dim=1)
            nearest.append(edge + first)
            distances.append(least / thickness[nearest[-1]])
        return torch.stack(nearest, dim=1), torch.stack(distances, dim=1)


def _squared_distance(ends: Tensor, size: int) -> Tensor:
    """Eqs. 5 and 6: [B, e, 2, 3] -> [B, e, size, size], from every pixel to every segment."""
    start, end = ends[..., 0, :2], ends[..., 1, :2]
    along = end - start
    grid = torch.linspace(-1, 1, size, device=ends.device)
    x = grid - start[..., 0, None]  # [B, e, size]
    y = grid - start[..., 1, None]
    scaled = along / along.square().sum(-1, keepdim=True).clamp_min(1e-12)
    t = (x * scaled[..., 0, None])[..., None, :] + (y * scaled[..., 1, None])[..., :, None]
    t = t.clamp_(0, 1)
    dx = torch.addcmul(x[..., None, :], t, along[..., 0, None, None], value=-1)
    dy = torch.addcmul(y[..., :, None], t, along[..., 1, None, None], value=-1)
    distance = dx.square_().addcmul_(dy, dy)
    unseen = (ends[..., 2] < UNSEEN).any(-1)
    return distance.masked_fill_(unseen[..., None, None], _FAR)


def edge_maps_numpy(
    points: np.ndarray, thickness: np.ndarray, sizes: Sequence[int] = (32, 64, 128)
) -> list[np.ndarray]:
    """The same maps, faster on one core: every edge is drawn only in a window around it.

    Args:
        points: [133, 3], x and y in [-1, 1] of the crop, confidence 0..1.
        thickness: [E], of `EdgeHeatmaps.thickness`.
        sizes: pixels of the maps' sides.

    Returns:
        One [6, size, size] float32 a size; values below 1/512 may be 0 instead.
    """
    edges = np.flatnonzero((points[EDGES, 2] >= UNSEEN).all(1))
    ends = points[EDGES[edges], :2].astype(np.float32)  # [e, 2, 2]
    unit = np.sqrt(thickness[edges].astype(np.float32))
    side = np.asarray(sizes)[:, None]
    left, width = _windows(ends[..., 0], np.sqrt(_DARK) / unit, side)  # each [sizes, e]
    top, height = _windows(ends[..., 1], np.sqrt(_DARK) / unit, side)

    # All pixels of all windows of all sizes in one list, since it is the calls that cost.
    area = (width * height).ravel()
    window = np.repeat(np.arange(area.size), area)
    place = np.arange(window.size) - (np.cumsum(area) - area)[window]
    row, column = np.divmod(place, width.ravel()[window])
    cost = _costs(ends, unit, side, (left, top), window, (column, row))
    bright = np.flatnonzero(cost < _DARK)
    window, row, column = window[bright], row[bright], column[bright]

    size_ends = np.cumsum(len(GROUPS) * side**2)
    start = (size_ends - len(GROUPS) * side[:, 0] ** 2)[:, None]
    start = start + (EDGE_GROUP[edges] * side + top) * side + left
    row_length = np.broadcast_to(side, left.shape)
    index = start.ravel()[window] + row * row_length.ravel()[window] + column
    maps = np.split(_brightest(np.exp(-cost[bright]), index, size_ends[-1]), size_ends[:-1])
    return [flat.reshape(len(GROUPS), size, size) for flat, size in zip(maps, sizes, strict=True)]


def _windows(ends: np.ndarray, reach: np.ndarray, side: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of one axis: first pixel and number of pixels, [sizes, e] each.

    ends: [e, 2] in [-1, 1]; reach: [e], how far a line is seen; side: [sizes, 1] pixels.
    """
    scale = (side - 1) / 2
    first = np.ceil((ends.min(1) - reach + 1) * scale).clip(0, side).astype(np.int64)
    last = np.floor((ends.max(1) + reach + 1) * scale).clip(-1, side - 1).astype(np.int64)
    return first, (last + 1 - first).clip(0)


def _costs(
    ends: np.ndarray,
    unit: np.ndarray,
    side: np.ndarray,
    corner: tuple[np.ndarray, np.ndarray],
    window: np.ndarray,
    pixel: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """v d^2 of eq. 4 for [n] pixels, by lengths in units of 1 / sqrt(v), where it is a distance.

    ends: [e, 2, 2]; unit: [e], sqrt(v); side: [sizes, 1]; corner: first column and row of every
    window, [sizes, e] each; window: [n], whose pixel; pixel: column and row in it, [n] each.
    """
    x, y = ((first * 2 / (side - 1) - 1 - ends[:, 0, i]) * unit for i, first in enumerate(corner))
    along = (ends[:, 1] - ends[:, 0]).T * unit
    scaled = along / np.maximum((along**2).sum(0), 1e-12)
    parts = (x, y, 2 / (side - 1) * unit, *along, *scaled)
    table = np.stack([np.broadcast_to(part, x.shape).ravel() for part in parts])
    x, y, pitch, along_x, along_y, scaled_x, scaled_y = table.astype(np.float32).take(window, 1)
    x += pixel[0].astype(np.float32) * pitch
    y += pixel[1].astype(np.float32) * pitch
    t = (x * scaled_x + y * scaled_y).clip(0, 1)  # eq. 6
    x -= t * along_x  # eq. 5
    y -= t * along_y
    return x * x + y * y


def _brightest(values: np.ndarray, index: np.ndarray, length: int) -> np.ndarray:
    """[length], the largest of the values at every index, else 0.

    `np.maximum.at` takes ten times as long.
    """
    found = np.zeros(length, np.float32)
    while len(index):
        found[index] = values
        larger = values > found[index]  # than what stands where several met
        values, index = values[larger], index[larger]
    return found
