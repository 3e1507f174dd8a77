"""The torso in the photo: its pieces between the arms, and its shape under them."""

from __future__ import annotations

import cv2
import numpy as np

from .grab import grown
from .rig import PhotoRig


def torso_pieces(body: np.ndarray, inside: np.ndarray, rig: PhotoRig) -> np.ndarray:
    """Of the body, what hangs together with the face or lies on the torso: a piece apart from them
    belongs to the arm or hand beside it. Folded arms part the torso from what is below them."""
    _, labels = cv2.connectedComponents(body.astype(np.uint8))
    points = np.concatenate([rig.face, rig.neck[None]])
    points = np.clip(np.round(points), 0, [body.shape[1] - 1, body.shape[0] - 1]).astype(int)
    on_torso = np.bincount(labels[inside > 0.1 * rig.unit], minlength=labels.max() + 1)
    mine = np.concatenate(
        [labels[points[:, 1], points[:, 0]], np.flatnonzero(on_torso > (0.1 * rig.unit) ** 2)]
    )
    return np.isin(labels, mine[mine > 0]) if (mine > 0).any() else body


def torso_shape(
    body: np.ndarray, taken: np.ndarray, inside: np.ndarray, rig: PhotoRig
) -> np.ndarray:
    """[H, W] float32 in 0..1, the torso as if no arm hid it. Where its edge is seen against the
    background, there; between such rows straight on; where none is seen, as people are built.

    body, taken: [H, W] bool, what is seen of the body, and of arms and hands. inside: [H, W] signed
    distance into the torso as people are built, pixels.
    """
    shape = inside > 0
    # An edge close to an arm may be the arm's own cut, not the torso's.
    arms = grown(taken, 0.05 * rig.unit)
    top = int(np.clip(rig.shoulders[:, 1].max() + 0.1 * rig.unit, 0, len(body) - 1))
    middle = int(np.clip(rig.neck[0], 1, body.shape[1] - 2))
    right, left = (
        _half_shape(*half, top=top, limit=0.3 * rig.unit)
        for half in (
            (shape[:, middle:], body[:, middle:], arms[:, middle:]),
            (shape[:, :middle][:, ::-1], body[:, :middle][:, ::-1], arms[:, :middle][:, ::-1]),
        )
    )
    whole = np.concatenate([left[:, ::-1], right], axis=1)
    return cv2.GaussianBlur(whole.astype(np.float32), (0, 0), 1.5)


def _half_shape(
    built: np.ndarray, body: np.ndarray, arms: np.ndarray, top: int, limit: float
) -> np.ndarray:
    """One half of the torso, outwards from its middle column. All [H, W] bool.

    top: the row under which edges count. limit: pixels that an edge may be off from the built one.
    """
    columns, rows = np.arange(built.shape[1]), np.arange(len(built))
    built_edge = np.where(built, columns, -1).max(1)
    seen_edge = np.where(body, columns, -1).max(1)
    beyond = np.clip(seen_edge + 4, 0, len(columns) - 1)
    free = (seen_edge >= 0) & (rows > top) & ~arms[rows, beyond] & ~body[rows, beyond]
    known = np.flatnonzero(free & (np.abs(seen_edge - built_edge) < limit))
    if len(known) <= 4:
        return built
    # Shoulder joint and armpit stay as built; from there to the first seen row.
    start = min(top, int(known[0]))
    edge = np.interp(rows, [start, *known], [built_edge[start], *seen_edge[known]])
    edge[:start] = built_edge[:start]
    edge = cv2.GaussianBlur(edge.astype(np.float32)[:, None], (1, 13), 4.0)[:, 0]
    return (columns <= edge[:, None]) & built.any(1)[:, None]
