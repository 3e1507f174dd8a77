"""Thin-plate splines: solve once for a set of control points, evaluate anywhere."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ThinPlateSpline:
    """T(p) = A [1; p] + sum_i w_i U(||c_i - p||) (Contextual Gesture, eq. 12).

    centres: [B, N, 2], any unit. weights: [B, N, C], the w_i. affine: [B, 3, C], rows 1, x, y.
    """

    centres: Tensor
    weights: Tensor
    affine: Tensor

    def __call__(self, points: Tensor) -> Tensor:
        """points: [B, M, 2] or [M, 2], in the unit of the centres. Returns [B, M, C]."""
        if points.ndim == 2:
            points = points.expand(len(self.centres), -1, -1)
        bent = torch.matmul(radial(points, self.centres), self.weights)
        return torch.baddbmm(bent + self.affine[:, :1], points, self.affine[:, 1:])

    def on_grid(self, height: int, width: int) -> Tensor:
        """At the points of `make_grid`, several times faster: [B, height, width, C]."""
        y = torch.linspace(-1.0, 1.0, height, device=self.centres.device)[:, None]
        x = torch.linspace(-1.0, 1.0, width, device=self.centres.device)
        across = (x - self.centres[..., :1]).square_()
        down = (y.mT - self.centres[..., 1:]).square_()
        bent = self.weights.mT @ _radial(across[..., None, :] + down[..., :, None]).flatten(2)
        start, right, under = (row[..., None, None] for row in self.affine.unbind(1))
        plane = start + right * x + under * y
        return (bent.reshape(plane.shape) + plane).permute(0, 2, 3, 1)


def radial(points: Tensor, centres: Tensor) -> Tensor:
    """U(r) = r^2 log r^2 between points [B, M, 2] and centres [B, N, 2] (eq. 13, 14): [B, M, N]."""
    offset_x = points[..., :, None, 0] - centres[..., None, :, 0]
    offset_y = points[..., :, None, 1] - centres[..., None, :, 1]
    return _radial(offset_x.square_() + offset_y.square_())


def _radial(squared: Tensor) -> Tensor:
    """U of squared distances, which it overwrites."""
    # The floor keeps U(0) = 0 without a not-a-number from 0 * log 0.
    squared = squared.clamp_(min=1e-12)
    return squared.log().mul_(squared)


def solve_tps(centres: Tensor, targets: Tensor, regularisation: float = 1e-4) -> ThinPlateSpline:
    """The spline that takes each centre to its target (eq. 11, 15).

    centres: [B, N, 2], N >= 1; best near [-1, 1], where the system is well conditioned.
    targets: [B, N, C]; C = 2 for a warp.
    regularisation: added to the diagonal of K only. 0 interpolates; more lets the surface miss
        points that contradict each other (two centres in one place with different targets) and
        keeps it calm. The affine block stays free, so an affine motion is met exactly.
    """
    batch, count, _ = centres.shape
    kernel = radial(centres, centres)
    kernel.diagonal(dim1=-2, dim2=-1).add_(regularisation)
    basis = torch.cat([centres.new_ones(batch, count, 1), centres], dim=-1)
    # Fewer than three points, or all on one line, leave the affine part open: prefer the smallest.
    tiny = 10 * torch.finfo(centres.dtype).eps
    corner = -tiny * torch.eye(3, dtype=centres.dtype, device=centres.device).expand(batch, 3, 3)
    system = torch.cat(
        [
            torch.cat([kernel, basis], dim=-1),
            torch.cat([basis.transpose(-1, -2), corner], dim=-1),
        ],
        dim=-2,
    )
    known = torch.cat([targets, targets.new_zeros(batch, 3, targets.shape[-1])], dim=1)
    # Without the check for a singular system, which would have to wait for a GPU.
    solution = torch.linalg.solve_ex(system, known).result
    return ThinPlateSpline(centres, solution[:, :count], solution[:, count:])


def make_grid(height: int, width: int, device: torch.device | str = "cpu") -> Tensor:
    """[height, width, 2] of (x, y) in [-1, 1], pixel centres at -1 and 1 (grid_sample's
    ``align_corners=True``)."""
    y = torch.linspace(-1.0, 1.0, height, device=device)
    x = torch.linspace(-1.0, 1.0, width, device=device)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
