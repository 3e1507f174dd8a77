"""Motion vectors by groups of points: what moves together, and what attention in space is between.

FineGesture (section 3.3) attends between joints. 116 points a frame would be 116 tokens a frame;
nine groups tell lips from lids and a hand from its arm at a thirteenth of that.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...keypoints import layout
from ..vectors import BODY_DIMS, FACE_DIMS

DIMS = FACE_DIMS + BODY_DIMS


def _points(*spans: slice) -> list[int]:
    return [point for span in spans for point in range(span.start, span.stop)]


_ARMS = layout.MOTION_ARMS
# Motion points of each group. The nose carries the place of the head.
GROUPS: dict[str, list[int]] = {
    "jaw": _points(layout.FACE_JAW),
    "brows": _points(layout.FACE_RIGHT_BROW, layout.FACE_LEFT_BROW),
    "nose": _points(layout.FACE_NOSE_BRIDGE, layout.FACE_NOSTRILS),
    "eyes": _points(layout.FACE_RIGHT_EYE, layout.FACE_LEFT_EYE),
    "lips": _points(layout.FACE_OUTER_LIPS, layout.FACE_INNER_LIPS),
    # Shoulder, elbow and wrist of the left, and of the right.
    "left arm": list(range(_ARMS.start, _ARMS.stop, 2)),
    "right arm": list(range(_ARMS.start + 1, _ARMS.stop, 2)),
    "left hand": _points(layout.MOTION_LEFT_HAND),
    "right hand": _points(layout.MOTION_RIGHT_HAND),
}
# Numbers of the largest group; smaller ones are filled up with zeros.
GROUP_DIMS = 2 * max(len(points) for points in GROUPS.values())


class Grouping(nn.Module):
    """Vectors [B, T, 232] <-> groups [B, T, G, 42]."""

    def __init__(self) -> None:
        super().__init__()
        places = np.full((len(GROUPS), GROUP_DIMS), DIMS)
        for row, points in enumerate(GROUPS.values()):
            numbers = np.stack([2 * np.array(points), 2 * np.array(points) + 1], 1).ravel()
            places[row, : len(numbers)] = numbers
        back = np.argsort(places.ravel(), kind="stable")[:DIMS]
        self.register_buffer("places", torch.from_numpy(places), persistent=False)
        self.register_buffer("back", torch.from_numpy(back), persistent=False)

    def split(self, vectors: Tensor) -> Tensor:
        """[B, T, 232] -> [B, T, G, 42], zero where a group has fewer numbers."""
        return F.pad(vectors, (0, 1))[..., self.places]

    def join(self, groups: Tensor) -> Tensor:
        """[B, T, G, 42] -> [B, T, 232]."""
        return groups.flatten(-2)[..., self.back]

    def seen(self, seen: Tensor) -> Tensor:
        """Which groups the data knows, from [B, T, 232] of 0 and 1: [B, T, G] of 0 and 1."""
        real = (self.places < DIMS).sum(-1)
        return (self.split(seen).sum(-1) > 0.5 * real).to(seen.dtype)
