"""Where a frame is the diffusion's and where it stays the photo's."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from ..keypoints import layout

_SEEN = 0.3
# In shoulder widths: half the thickness of arms, of hands about their bones, and how far around
# the person the diffusion has its way, for clothes and hair that the matte or the bones miss.
_ARM, _HAND, _AROUND = 0.16, 0.1, 0.1
# A person of whom nothing moves further than this, in pixels of the networks' picture, is still.
_STILL = 0.05
_ARM_CHAINS = (
    (layout.LEFT_SHOULDER, layout.LEFT_ELBOW, layout.LEFT_WRIST),
    (layout.RIGHT_SHOULDER, layout.RIGHT_ELBOW, layout.RIGHT_WRIST),
)


class PersonRegion:
    """The person in the photo, and wherever arms and hands are in a frame, softly bounded.

    All of it is the diffusion's in every frame: a hand that changed from photo to network when it
    begins to move would be seen to do so.
    """

    def __init__(
        self,
        matte: np.ndarray,
        photo_points: np.ndarray,
        points: np.ndarray,
        fade: np.ndarray | None = None,
    ) -> None:
        """matte: [H, W] float32 in 0..1, the person in the networks' picture of the photo.
        photo_points: [133, 3], points: [T, 133, 3], in its pixels. fade: [H, W] uint8, the most
        that a pixel may have of the diffusion."""
        self.fade = fade
        seen = photo_points[:, 2] >= _SEEN
        moves = np.linalg.norm((points - photo_points)[:, seen, :2], axis=-1)
        self.still = not moves.size or float(moves.max()) < _STILL
        self.unit = _unit(photo_points, seen)
        trunk = [*range(layout.RIGHT_SHOULDER + 1), *range(layout.FACE.start, layout.FACE.stop)]
        sways = np.linalg.norm((points - photo_points)[:, trunk, :2], axis=-1)[:, seen[trunk]]
        reach = _AROUND * self.unit + min(float(sways.max(initial=0)), self.unit)
        self.person = _grown(_of_person(matte, photo_points[seen]), reach)
        self._draw(self.person, photo_points)

    def mask(self, points: np.ndarray) -> np.ndarray:
        """[H, W] uint8, the diffusion's opacity in the frame of a skeleton [133, 3]."""
        mask = self.person.copy()
        self._draw(mask, points)
        soft = max(1, round(_AROUND * self.unit / 2)) * 2 + 1
        mask = cv2.blur(mask, (soft, soft), borderType=cv2.BORDER_REPLICATE)
        return mask if self.fade is None else cv2.multiply(mask, self.fade, scale=1 / 255)

    def _draw(self, mask: np.ndarray, points: np.ndarray) -> None:
        """Arms and hands, with what is around them, in place."""
        seen = points[:, 2] >= _SEEN
        for chain in _ARM_CHAINS:
            for a, b in pairwise(chain):
                if seen[a] and seen[b]:
                    thick = round(2 * (_ARM + _AROUND) * self.unit)
                    cv2.line(mask, _pixel(points[a]), _pixel(points[b]), 255, max(1, thick))
        for hand in (layout.LEFT_HAND, layout.RIGHT_HAND):
            own = points[hand][seen[hand]]
            if len(own) >= 3:
                hull = cv2.convexHull(np.array([_pixel(point) for point in own]))
                cv2.fillConvexPoly(mask, hull, 255)
                thick = round(2 * (_HAND + _AROUND) * self.unit)
                cv2.polylines(mask, [hull], True, 255, max(1, thick))


def _unit(points: np.ndarray, seen: np.ndarray) -> float:
    """A shoulder width, in pixels; from the face where the shoulders are not seen."""
    shoulders = [layout.LEFT_SHOULDER, layout.RIGHT_SHOULDER]
    face = 1.6 * float(np.ptp(points[layout.FACE, 1]))
    if not seen[shoulders].all():
        return max(face, 1.0)
    return max(
        float(np.linalg.norm(points[shoulders[0], :2] - points[shoulders[1], :2])), face, 1.0
    )


def _of_person(matte: np.ndarray, points: np.ndarray) -> np.ndarray:
    """[H, W] uint8, 255 where the matte is that of the person with the points [N, 3]: others in
    the photo stay as they are."""
    _, labels = cv2.connectedComponents((matte > 0.3).astype(np.uint8))
    inside = ((points[:, :2] >= 0) & (points[:, :2] < (matte.shape[1], matte.shape[0]))).all(axis=1)
    columns, rows = points[inside, :2].astype(int).T
    own = np.setdiff1d(labels[rows, columns], [0])
    return np.isin(labels, own).astype(np.uint8) * 255


def _grown(mask: np.ndarray, reach: float) -> np.ndarray:
    size = 2 * round(reach) + 1
    return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))


def _pixel(point: np.ndarray) -> tuple[int, int]:
    x, y = np.clip(np.round(point[:2]), -16_000, 16_000).astype(int)
    return int(x), int(y)
