"""The puppet's motion as tensors: what a learned renderer starts from.

A dense-motion network chooses, at every pixel, among candidate motions. These are the puppet's
parts with the puppet's own choice as logits, so that a network whose output is added to the logits
and starts at zero begins as the puppet; and the papers' strided thin-plate splines.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from ..keypoints import layout
from .fields import PoseFields
from .renderer import Puppet
from .rig import SIDES, driven_rig
from .tps import make_grid, solve_tps

# Back to front, as the candidates of `dense_motion_prior` are ordered.
CANDIDATES = (
    "background",
    "body",
    *(f"{side}_{part}" for part in ("upper", "forearm", "hand") for side in SIDES),
)
# A part that does not show at a pixel keeps this weight there, so that learning can bring it in.
FLOOR = 1e-4


def dense_motion_prior(
    puppet: Puppet, points: np.ndarray, stride: int = 4
) -> tuple[Tensor, Tensor]:
    """The puppet's candidates for one frame and how it chooses among them.

    points: [133, 3], the driving skeleton in the photo's pixels. stride: pixels between samples.
    Returns (flows [K, h, w, 2], logits [K, h, w]), K = len(CANDIDATES), h = H // stride, float32.
    flows: where in the photo a pixel comes from, (x, y) in [-1, 1] (grid_sample,
    align_corners=True). softmax(logits) is each part's visible share by depth order; a part that
    the photo does not have keeps the floor everywhere and does not move.
    """
    width, height = puppet.size
    rows, columns = height // stride, width // stride
    xs = np.linspace(0, width - 1, columns, dtype=np.float32)
    ys = np.linspace(0, height - 1, rows, dtype=np.float32)
    pixels = np.dstack(np.meshgrid(xs, ys))
    fields = PoseFields.between(puppet.parts.rig, driven_rig(puppet.parts.rig, points))
    backs = np.tile(pixels, (len(CANDIDATES), 1, 1, 1))
    shown = np.zeros((len(CANDIDATES), rows, columns), np.float32)
    clear = np.ones((rows, columns), np.float32)
    for layer in reversed(puppet.parts.layers):
        index = CANDIDATES.index(f"{layer.side}_{layer.part}" if layer.side else layer.part)
        back = fields.back(layer.part, layer.side, pixels)
        if layer.part == "body":
            own = puppet.face.targets(fields.driven.face, fields.head)
            back = back + puppet.face.residual(own, fields.head.inverse()(pixels))
        backs[index] = back
        corner = np.array(layer.box[:2], np.float32)
        alpha = np.ascontiguousarray(layer.texture[..., 3])
        alpha = cv2.remap(alpha, (back - corner).astype(np.float32), None, cv2.INTER_LINEAR) / 255.0
        shown[index] = alpha * clear
        clear = clear * (1.0 - alpha)
    shown[0] = clear
    size = np.array([max(width - 1, 1), max(height - 1, 1)], np.float32)
    flows = torch.from_numpy((2.0 * backs / size - 1.0).astype(np.float32))
    return flows, torch.from_numpy(np.log(np.maximum(shown, FLOOR)).astype(np.float32))


def tps_candidates(photo: Tensor, driven: Tensor, height: int, width: int) -> Tensor:
    """The 29 thin-plate splines of Contextual Gesture through 4 strided points each.

    photo, driven: [B, 116, 2], the motion points in the photo and in the frame, in [-1, 1].
    Returns backward flows [B, 29, height, width, 2], in [-1, 1].
    """
    groups = torch.from_numpy(layout.TPS_GROUPS)
    centres, targets = driven[:, groups].flatten(0, 1), photo[:, groups].flatten(0, 1)
    # Regularised as in the thin-plate-spline motion model, so that near-collinear points stay calm.
    spline = solve_tps(centres, targets, 0.01)
    grid = make_grid(height, width, photo.device).reshape(-1, 2)
    return spline(grid).reshape(len(photo), len(groups), height, width, 2)
