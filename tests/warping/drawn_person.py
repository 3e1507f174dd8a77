"""A drawn person with a known skeleton: small, exact, and the same on every machine."""

from dataclasses import dataclass

import cv2
import numpy as np

from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses


@dataclass
class Drawn:
    photo: np.ndarray
    pose: Poses
    matte: np.ndarray


def _face(centre: np.ndarray, size: float) -> np.ndarray:
    """[68, 2] of a face seen from the front; size: from between the eyes to the chin."""
    turn = np.linspace(np.pi, 0, 17)
    jaw = np.stack([np.cos(turn) * 0.85, np.sin(turn) * 1.0], 1)
    brow = np.array([[-0.65, -0.3], [-0.5, -0.4], [-0.38, -0.42], [-0.25, -0.4], [-0.12, -0.32]])
    nose = np.array([[0, 0], [0, 0.13], [0, 0.27], [0, 0.4]])
    nostrils = np.array([[-0.15, 0.45], [-0.07, 0.48], [0, 0.5], [0.07, 0.48], [0.15, 0.45]])
    eye = np.array(
        [[-0.5, 0], [-0.42, -0.06], [-0.3, -0.06], [-0.2, 0], [-0.3, 0.06], [-0.42, 0.06]]
    )
    lips = [[-0.25, 0.7], [-0.16, 0.65], [-0.06, 0.62], [0, 0.64], [0.06, 0.62], [0.16, 0.65]]
    lips += [[0.25, 0.7], [0.16, 0.77], [0.06, 0.8], [0, 0.81], [-0.06, 0.8], [-0.16, 0.77]]
    inner = [[-0.2, 0.7], [-0.08, 0.69], [0, 0.69], [0.08, 0.69]]
    inner += [[0.2, 0.7], [0.08, 0.71], [0, 0.71], [-0.08, 0.71]]
    flip = np.array([-1, 1])
    parts = [jaw, brow, brow[::-1] * flip, nose, nostrils, eye]
    parts += [eye[[3, 2, 1, 0, 5, 4]] * flip, np.array(lips), np.array(inner)]
    return np.concatenate(parts) * size + centre


def _hand(root: np.ndarray, size: float, side: float) -> np.ndarray:
    """[21, 2] of an open hand that points up."""
    points = [root]
    for finger, angle in enumerate((-70, -25, -5, 12, 30)):
        way = np.array([np.sin(np.deg2rad(angle)) * side, -np.cos(np.deg2rad(angle))])
        steps = (0.4, 0.65, 0.85, 1.0) if finger == 0 else (1.0, 1.35, 1.6, 1.8)
        points += [root + way * size * step for step in steps]
    return np.array(points)


def draw_person(width: int = 240, height: int = 260, hands: bool = True) -> Drawn:
    unit = min(width, height) * 0.30
    neck = np.array([width * 0.5, height * 0.47])
    points = np.zeros((layout.NUM_POINTS, 3), np.float32)
    xy = points[:, :2]
    face = _face(neck - [0, 0.72 * unit], 0.38 * unit)
    xy[layout.FACE] = face
    xy[0], xy[1], xy[2] = face[30], face[42:48].mean(0), face[36:42].mean(0)
    xy[3], xy[4] = face[16], face[0]
    for sign, shoulder, elbow, wrist, hip, hand in (
        (1, 5, 7, 9, 11, layout.LEFT_HAND),
        (-1, 6, 8, 10, 12, layout.RIGHT_HAND),
    ):
        xy[shoulder] = neck + unit * np.array([sign * 0.5, 0])
        xy[elbow] = neck + unit * np.array([sign * 0.85, 0.75])
        xy[wrist] = neck + unit * np.array([sign * 1.05, 0.15])
        xy[hip] = neck + unit * np.array([sign * 0.35, 1.45])
        if hands:
            xy[hand] = _hand(xy[wrist], 0.2 * unit, sign)
            points[hand, 2] = 1.0
    points[:13, 2] = points[layout.FACE, 2] = 1.0
    photo, matte = _paint(points, width, height, unit, hands)
    return Drawn(photo, Poses(points[None], (width, height)), matte)


def _paint(points, width, height, unit, hands):
    rng = np.random.default_rng(0)
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    photo = np.dstack([60 + 60 * x / width, 120 - 50 * y / height, 90 + 20 * np.sin(x / 9)])
    photo = np.clip(photo + rng.normal(0, 3, photo.shape), 0, 255).astype(np.uint8)
    person = np.zeros((height, width), np.uint8)
    ints = np.round(points[:, :2]).astype(int)

    def fill(draw, colour):
        for target, value in ((photo, colour), (person, 255)):
            draw(target, value)

    sl, sr, hl, hr = ints[5], ints[6], ints[11], ints[12]
    wide = [int(0.12 * unit), 0]
    outline = np.array(
        [sl, hl + wide, [hl[0] + wide[0], height], [hr[0] - wide[0], height], hr - wide, sr]
    )
    fill(lambda image, c: cv2.fillPoly(image, [outline], c), (200, 60, 60))
    neck, chin = ints[[5, 6]].mean(0).astype(int), ints[layout.FACE][8]
    fill(
        lambda image, c: cv2.line(image, neck.tolist(), chin.tolist(), c, int(0.35 * unit)),
        (220, 180, 160),
    )
    middle = ints[layout.FACE].mean(0).astype(int) - [0, int(0.1 * unit)]
    axes = (int(0.36 * unit), int(0.5 * unit))
    fill(
        lambda image, c: cv2.ellipse(image, middle.tolist(), axes, 0, 0, 360, c, -1),
        (225, 185, 165),
    )
    lips = ints[layout.FACE][48:60]
    fill(lambda image, c: cv2.fillPoly(image, [lips], c), (180, 60, 70))
    for a, b, thick in ((5, 7, 0.26), (6, 8, 0.26), (7, 9, 0.2), (8, 10, 0.2)):
        fill(
            lambda image, c, a=a, b=b, t=thick: cv2.line(
                image, ints[a].tolist(), ints[b].tolist(), c, int(t * unit)
            ),
            (215, 175, 150),
        )
    if hands:
        for a, b in layout.LEFT_HAND_EDGES + layout.RIGHT_HAND_EDGES:
            fill(
                lambda image, c, a=a, b=b: cv2.line(
                    image, ints[a].tolist(), ints[b].tolist(), c, max(2, int(0.06 * unit))
                ),
                (225, 190, 170),
            )
    return photo, cv2.GaussianBlur(person.astype(np.float32) / 255, (0, 0), 0.7)
