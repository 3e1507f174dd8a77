"""Motion tokenizer: a residual VQ autoencoder without temporal downsampling.

Contextual Gesture, appendix D: one for the face (136 dimensions), one for the body (96), each with
two convolutional blocks in the encoder and in the decoder, six levels of 1024 codes, 128 wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn

from .quantizer import Quantized, ResidualQuantizer


@dataclass(frozen=True)
class TokenizerOptions:
    """Sizes of one tokenizer.

    dims: of a frame's vector (136 face, 96 body). width: of the convolutions. blocks: residual
    blocks on each side. code_dim, codes, levels: of the quantiser. dropout: chance of quantize
    dropout.
    """

    dims: int
    width: int = 192
    blocks: int = 2
    code_dim: int = 128
    codes: int = 1024
    levels: int = 6
    dropout: float = 0.2


class ConvBlock(nn.Module):
    """Residual block of two convolutions over time, the first one dilated."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.SiLU(),
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation),
            nn.SiLU(),
            nn.Conv1d(width, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """x: [B, width, T] and the same out."""
        return x + self.layers(x)


def conv_stack(inputs: int, width: int, outputs: int, blocks: int) -> nn.Sequential:
    """[B, inputs, T] -> [B, outputs, T]; block i reaches 3^i frames to either side."""
    return nn.Sequential(
        nn.Conv1d(inputs, width, 3, padding=1),
        *(ConvBlock(width, 3**i) for i in range(blocks)),
        nn.SiLU(),
        nn.Conv1d(width, outputs, 3, padding=1),
    )


class MotionTokenizer(nn.Module):
    """Motion vectors [B, T, D] <-> tokens [B, T, Q], a token per frame and level.

    Vectors are displacements from a reference frame (vectors.py); inside they are divided by
    ``spread``, the training set's root mean square per dimension, because lips and eyelids move
    by a hundredth of what the wrists do.
    """

    def __init__(self, options: TokenizerOptions) -> None:
        super().__init__()
        self.options = options
        self.register_buffer("spread", torch.ones(options.dims))
        width, code_dim = options.width, options.code_dim
        self.encoder = conv_stack(options.dims, width, code_dim, options.blocks)
        self.decoder = conv_stack(code_dim, width, options.dims, options.blocks)
        self.quantizer = ResidualQuantizer(
            options.levels, options.codes, code_dim, dropout=options.dropout
        )

    @property
    def reach(self) -> int:
        """Frames to either side that a decoded frame depends on."""
        return 2 + sum(3**i for i in range(self.options.blocks))

    def latents(self, vectors: Tensor) -> Tensor:
        """[B, T, D] -> what the quantiser quantises, [B, T, code_dim]."""
        x = rearrange(vectors / self.spread, "b t d -> b d t")
        return rearrange(self.encoder(x), "b d t -> b t d")

    def decode_latents(self, latents: Tensor) -> Tensor:
        """[B, T, code_dim] -> [B, T, D]."""
        x = self.decoder(rearrange(latents, "b t d -> b d t"))
        return rearrange(x, "b d t -> b t d") * self.spread

    def forward(self, vectors: Tensor, valid: Tensor | None = None) -> tuple[Tensor, Quantized]:
        """The vectors after quantisation, and the quantiser's result.

        vectors: [B, T, D]; valid: [B, T] bool, frames that the codebooks may learn from.
        """
        # Distances between codes need full precision even where the convolutions run in bfloat16.
        quantized = self.quantizer(self.latents(vectors).float(), valid)
        return self.decode_latents(quantized.values), quantized

    @torch.no_grad()
    def encode(self, vectors: Tensor) -> Tensor:
        """[B, T, D] -> tokens [B, T, Q] int64."""
        with torch.autocast(vectors.device.type, enabled=False):
            residual = self.latents(vectors)
        tokens = []
        for book in self.quantizer.books:
            ids = book.nearest(residual.flatten(0, 1)).view(residual.shape[:2])
            tokens.append(ids)
            residual = residual - book.codes[ids]
        return torch.stack(tokens, -1)

    @torch.no_grad()
    def decode(self, tokens: Tensor, chunk: int = 2000) -> Tensor:
        """Tokens [B, T, L] of the first L <= Q levels -> vectors [B, T, D]; see `decode_long`."""
        return self.decode_long(self.quantizer.lookup(tokens), chunk)

    @torch.no_grad()
    def decode_long(self, latents: Tensor, chunk: int = 2000) -> Tensor:
        """[B, T, code_dim] -> [B, T, D] for any T.

        chunk: frames at a time, each with its neighbours within `reach`, so that the memory of an
        hour's motion stays small and the result is that of one piece.
        """
        length, margin = latents.shape[1], self.reach
        pieces = []
        for start in range(0, length, chunk):
            left, stop = max(0, start - margin), min(length, start + chunk)
            decoded = self.decode_latents(latents[:, left : min(length, stop + margin)])
            pieces.append(decoded[:, start - left : stop - left])
        return torch.cat(pieces, 1)
