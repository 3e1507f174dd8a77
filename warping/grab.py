"""Find the outline of a limb by its colours, within the reach that its bones give it."""

from __future__ import annotations

import cv2
import numpy as np

# Longer side of a cut-out for GrabCut, in pixels: it is slow, and edges need no more.
GRAB_SIZE = 160


def grab(
    photo: np.ndarray, sure: np.ndarray, likely: np.ndarray, possible: np.ndarray
) -> np.ndarray:
    """GrabCut within three nested regions [H, W] bool. Returns [H, W] bool: all of ``sure``,
    nothing outside ``possible``, drawn to the colours and edges between."""
    x, y, w, h = cv2.boundingRect(possible.astype(np.uint8))
    if w < 4 or h < 4 or not sure.any():
        return sure & possible
    margin = max(w, h) // 6 + 2
    x0, y0 = max(x - margin, 0), max(y - margin, 0)
    x1, y1 = min(x + w + margin, sure.shape[1]), min(y + h + margin, sure.shape[0])
    window = np.s_[y0:y1, x0:x1]
    labels = np.full(sure.shape, cv2.GC_BGD, np.uint8)
    labels[possible] = cv2.GC_PR_BGD
    labels[likely & possible] = cv2.GC_PR_FGD
    labels[sure & possible] = cv2.GC_FGD
    scale = min(1.0, GRAB_SIZE / max(x1 - x0, y1 - y0))
    size = (max(round((x1 - x0) * scale), 8), max(round((y1 - y0) * scale), 8))
    small = cv2.resize(photo[window], size, interpolation=cv2.INTER_AREA)
    marks = cv2.resize(labels[window], size, interpolation=cv2.INTER_NEAREST)
    if not (marks == cv2.GC_FGD).any() or not (marks == cv2.GC_BGD).any():
        return likely & possible
    cv2.setRNGSeed(0)
    cv2.grabCut(small, marks, None, np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)
    inside = (marks & 1).astype(np.float32)
    result = np.zeros(sure.shape, np.float32)
    inside = cv2.resize(inside, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    result[window] = cv2.GaussianBlur(inside, (0, 0), 0.5 + 0.9 / scale)
    return ((result > 0.5) | sure) & possible


def skin_like(photo: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """[H, W] bool, the pixels coloured like most of a sample.

    photo: [H, W, 3] uint8 RGB. sample: [H, W] bool.
    """
    if not sample.any():
        return np.ones(sample.shape, bool)
    colours = cv2.cvtColor(cv2.GaussianBlur(photo, (3, 3), 0), cv2.COLOR_RGB2LAB).astype(np.float32)
    middle = np.median(colours[sample], axis=0)
    spread = 1.48 * np.median(np.abs(colours[sample] - middle), axis=0)
    # Light falls off over a hand, its hue stays.
    spread = np.clip(spread, [14.0, 3.0, 3.0], [30.0, 6.0, 6.0])
    return np.square((colours - middle) / spread).sum(-1) < 12.0


def one_piece(mask: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Of a mask [H, W] bool, the pieces that touch the seed."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    mine = np.unique(labels[seed & mask])
    return np.isin(labels, mine[mine > 0])


def smooth_outline(mask: np.ndarray) -> np.ndarray:
    """A limb's outline is smooth: drop slivers and wiggles."""
    size = 2 * max(2, round(0.008 * max(mask.shape))) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    return cv2.medianBlur(opened * 255, min(2 * size + 1, 31)) > 127


def soften(mask: np.ndarray) -> np.ndarray:
    """A mask with an edge of about two pixels."""
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.9)


def grown(mask: np.ndarray, radius: float) -> np.ndarray:
    """A mask [H, W] bool, bigger by a radius in pixels."""
    size = 2 * max(round(radius), 1) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return cv2.dilate(mask.astype(np.uint8), kernel) > 0
