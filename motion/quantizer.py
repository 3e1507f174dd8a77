"""Residual vector quantisation: each level's codebook quantises what the levels before left over.

The codebooks follow exponential moving averages of the vectors that chose them, and a code that
nobody chooses any more is moved onto a vector of the current batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

UNUSED = -1


@dataclass
class Quantized:
    """values: [B, T, D], the sum of the chosen codes; its gradient with respect to the input is 1.
    tokens: [B, T, Q] int64, `UNUSED` where quantize dropout left a level out.
    commitment: scalar, the mean over the levels of |residual - sg(code)|^2 (equations (3) and (9)
        of Contextual Gesture).
    """

    values: Tensor
    tokens: Tensor
    commitment: Tensor


class Codebook(nn.Module):
    """One level's codes, [K, D], learned by moving averages instead of by gradient."""

    def __init__(self, codes: int, dim: int, decay: float, reset_below: float) -> None:
        super().__init__()
        self.decay = decay
        self.reset_below = reset_below
        self.register_buffer("codes", torch.zeros(codes, dim))
        self.register_buffer("sums", torch.zeros(codes, dim))
        self.register_buffer("counts", torch.zeros(codes))

    def nearest(self, vectors: Tensor) -> Tensor:
        """vectors: [N, D]. Returns the closest codes' numbers, [N] int64."""
        # Near codes differ by less than bfloat16 can tell.
        with torch.autocast(vectors.device.type, enabled=False):
            # |v - c|^2 without the |v|^2, which is the same for every code.
            distances = (self.codes**2).sum(1) - 2 * vectors.float() @ self.codes.T
        return distances.argmin(1)

    @torch.no_grad()
    def start(self, vectors: Tensor) -> None:
        """Put every code on a vector of the first batch, [N, D]."""
        picked = self._draw(vectors, len(self.codes))
        # Fewer vectors than codes means repeats, which the noise tells apart.
        noise = torch.randn_like(picked) * 0.01 * vectors.std()
        self.codes.copy_(picked + noise)
        fair = len(vectors) / len(self.counts)
        self.sums.copy_(fair * self.codes)
        self.counts.fill_(fair)

    @torch.no_grad()
    def update(self, vectors: Tensor, tokens: Tensor) -> None:
        """Move the codes towards the vectors that chose them; replace the ones that died out.

        vectors: [N, D]; tokens: [N].
        """
        counts = torch.zeros_like(self.counts).index_add_(0, tokens, vectors.new_ones(len(tokens)))
        sums = torch.zeros_like(self.sums).index_add_(0, tokens, vectors)
        self.counts.lerp_(counts, 1 - self.decay)
        self.sums.lerp_(sums, 1 - self.decay)
        fair = len(vectors) / len(self.counts)
        dead = self.counts < self.reset_below * fair
        if dead.any():
            self.sums[dead] = fair * self._draw(vectors, int(dead.sum()))
            self.counts[dead] = fair
        self.codes.copy_(self.sums / self.counts[:, None])

    @staticmethod
    def _draw(vectors: Tensor, count: int) -> Tensor:
        # On the CPU, so that a seed draws the same vectors on every device.
        return vectors[torch.randint(len(vectors), (count,)).to(vectors.device)]


class ResidualQuantizer(nn.Module):
    """``levels`` codebooks in a row.

    dropout: chance that a sample keeps only a random number of its first levels in training, so
        that the first levels alone already carry a motion. Drawn per sample, so that the decoder
        sees every depth in every batch.
    decay: of the moving averages (MoMask: 0.99; shorter here, as training is short).
    reset_below: a code is dead when fewer vectors choose it than this share of what it would get
        if all codes were chosen equally (MoMask: 1 of 8).
    """

    def __init__(
        self,
        levels: int,
        codes: int,
        dim: int,
        decay: float = 0.97,
        reset_below: float = 0.1,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.books = nn.ModuleList(Codebook(codes, dim, decay, reset_below) for _ in range(levels))
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))

    def forward(self, vectors: Tensor, valid: Tensor | None = None) -> Quantized:
        """vectors: [B, T, D]; valid: [B, T] bool, frames the codebooks may learn from (all)."""
        if valid is None:
            valid = torch.ones(vectors.shape[:2], dtype=torch.bool, device=vectors.device)
        depth = self._depth(len(vectors)).to(vectors.device)
        first_batch = self.training and not self.started
        residual, total = vectors, torch.zeros_like(vectors)
        tokens, commitment = [], vectors.new_zeros(())
        for level, book in enumerate(self.books):
            kept = (depth > level)[:, None].expand(valid.shape)
            learnable = residual.detach()[kept & valid]
            if first_batch:
                book.start(learnable)
            ids = book.nearest(residual.detach().flatten(0, 1)).view(valid.shape)
            codes = torch.where(kept[..., None], book.codes[ids], 0.0)
            if self.training and len(learnable):
                book.update(learnable, ids[kept & valid])
            if (kept & valid).any():
                commitment = commitment + F.mse_loss(
                    residual[kept & valid], codes[kept & valid].detach()
                )
            tokens.append(torch.where(kept, ids, UNUSED))
            total = total + codes
            residual = residual - codes
        if first_batch:
            self.started.fill_(True)
        # One straight-through step around the whole sum: a step at each level, as is often
        # written, would multiply the encoder's gradient by the number of levels.
        values = vectors + (total - vectors).detach()
        return Quantized(values, torch.stack(tokens, -1), commitment / len(self.books))

    def lookup(self, tokens: Tensor) -> Tensor:
        """tokens: [..., L] of the first L levels. Returns the sum of their codes, [..., D]."""
        total = None
        for level in range(tokens.shape[-1]):
            ids = tokens[..., level]
            codes = self.books[level].codes[ids.clamp(min=0)]
            codes = torch.where((ids == UNUSED)[..., None], 0.0, codes)
            total = codes if total is None else total + codes
        return total

    def _depth(self, batch: int) -> Tensor:
        """How many levels each sample uses, [B]."""
        levels = len(self.books)
        if not self.training or self.dropout == 0:
            return torch.full((batch,), levels)
        shortened = torch.rand(batch) < self.dropout
        return torch.where(shortened, torch.randint(1, levels + 1, (batch,)), levels)
