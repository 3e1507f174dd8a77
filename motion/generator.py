"""The masked gesture generator and the residual generator of Contextual Gesture (3.2, appendix D).

Two streams, face and body, each with its own speech encoder, its own transformer that fills in
masked base tokens, and its own transformer that adds the residual levels one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .content import ContentEncoder, ContentOptions
from .heard import BEFORE_RECORDED
from .quantizer import ResidualQuantizer
from .transformer import GestureBlock
from .vectors import DESCRIPTION

NOBODY = 0
# Lets a logarithm that has to change by whole units learn at the rate of the other weights.
QUICK = 10.0


@dataclass(frozen=True)
class GeneratorOptions:
    """Sizes of the generator.

    speech_channels, speech_encoder: of the speech encoder it reads, and its name. speakers: rows of
    the speaker table; row `NOBODY` is the average speaker, used for everybody the training did not
    see. width, heads, hidden: of all transformers (paper: 384, not stated, 1024). layers,
    residual_layers, speech_layers: depths of the masked generator, the residual generator (8 and 6
    in the paper) and the speech encoder (2). window: frames the model sees at a time. face_reach,
    body_reach: frames to either side that a frame's token attends to in the speech: lips go with
    the sound of the moment, a gesture with the phrase. codes, levels: of the tokenizers.
    cross_attention: without it, speech only comes in with the frames' own embeddings (the paper's
    "concat").
    """

    speech_channels: int
    speakers: int = 1
    width: int = 128
    heads: int = 4
    hidden: int = 384
    layers: int = 3
    residual_layers: int = 2
    speech_layers: int = 2
    dropout: float = 0.05
    window: int = 80
    face_reach: int = 8
    body_reach: int = 25
    codes: int = 1024
    levels: int = 6
    code_dim: int = 128
    cross_attention: bool = True
    speech_encoder: str = BEFORE_RECORDED


@dataclass
class Condition:
    """What a stream knows besides its tokens.

    speech: [B, T, W] encoded speech. reference: [B, W] token of the reference frame.
    style: [B, W] of the speaker.
    """

    speech: Tensor
    reference: Tensor
    style: Tensor


class SpeechEncoder(ContentEncoder):
    """Speech features -> what the motion needs of them, frame by frame."""

    def __init__(self, options: GeneratorOptions, reach: int) -> None:
        super().__init__(
            ContentOptions(
                inputs=options.speech_channels,
                width=options.width,
                heads=options.heads,
                hidden=options.hidden,
                layers=options.speech_layers,
                reach=reach,
                dropout=options.dropout,
            )
        )
        # Stands in for speech where training hides it, for classifier-free guidance.
        self.hidden = nn.Parameter(torch.zeros(options.width))

    def forward(self, features: Tensor, hide: Tensor | None = None) -> Tensor:
        """features: [B, T, C]; hide: [B] bool, samples whose speech is kept from the model.

        Returns [B, T, W].
        """
        x = super().forward(features)
        return x if hide is None else torch.where(hide[:, None, None], self.hidden, x)


class TokenTransformer(nn.Module):
    """Embedded tokens -> features, with the reference token in front.

    The speech reaches each frame twice: by cross-attention, and added directly to the frame's
    own embedding. Attention has to learn from data which frame of the sound belongs to a frame of
    the lips; the sum says it.
    """

    def __init__(self, options: GeneratorOptions, layers: int, reach: int) -> None:
        super().__init__()
        width = options.width
        self.reach = reach
        self.direct = nn.Linear(width, width)
        self.blocks = nn.ModuleList(
            GestureBlock(
                width,
                options.heads,
                options.hidden,
                width,
                options.dropout,
                options.cross_attention,
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, embedded: Tensor, condition: Condition) -> Tensor:
        """embedded: [B, T, W]. Returns [B, T, W]."""
        x = torch.cat([condition.reference[:, None], embedded + self.direct(condition.speech)], 1)
        at = torch.arange(-1, embedded.shape[1], device=x.device)
        for block in self.blocks:
            x = block(x, condition.speech, condition.style, at, at[1:], self.reach)
        return self.norm(x[:, 1:])


class CodeSpace(nn.Module):
    """The tokenizer's codebooks, by which tokens are read and predicted.

    A token is read as its code, and predicted by how near each code lies to a predicted point:
    near codes are near motions, which embeddings and classes learned from nothing would have to
    find out from far more data.
    """

    def __init__(self, options: GeneratorOptions) -> None:
        super().__init__()
        levels, codes, dim = options.levels, options.codes, options.code_dim
        self.register_buffer("codes", torch.randn(levels, codes, dim))
        # How sharply nearness decides, per level: the logarithm of it over `QUICK`. What the first
        # level leaves over is less predictable.
        first = torch.tensor([8.0] + [2.0] * (levels - 1))
        self.sharpness = nn.Parameter(first.log() / QUICK)

    @torch.no_grad()
    def take(self, quantizer: ResidualQuantizer) -> None:
        """Copy a tokenizer's codebooks."""
        self.codes.copy_(torch.stack([book.codes for book in quantizer.books]))

    def scale(self, level: int) -> Tensor:
        """Root mean square of a level's codes."""
        return self.codes[level].square().mean().sqrt()

    def read(self, tokens: Tensor) -> Tensor:
        """Tokens [B, T, L] of the first L levels -> the sum of their codes, [B, T, D], of about
        unit variance."""
        total = sum(self.codes[level][tokens[..., level]] for level in range(tokens.shape[-1]))
        return total / self.scale(0)

    def logits(self, point: Tensor, level: int) -> Tensor:
        """Points [B, T, D] -> [B, T, K]: minus half the squared distance to each code, up to a
        constant, in units of the level's codes."""
        codes = self.codes[level] / self.scale(level)
        nearness = point @ codes.T - 0.5 * codes.square().sum(1)
        return nearness * ((QUICK * self.sharpness[level]).exp() / codes.shape[1])


class Stream(nn.Module):
    """Everything of one stream: face or body."""

    def __init__(self, options: GeneratorOptions, reach: int, targets: int) -> None:
        super().__init__()
        width, dim = options.width, options.code_dim
        self.options = options
        self.mask_token = options.codes
        self.speech = SpeechEncoder(options, reach)
        self.reference = nn.Sequential(
            nn.Linear(DESCRIPTION, width), nn.GELU(), nn.Linear(width, width)
        )
        # Added to the reference token where the motion starts at the reference.
        self.start = nn.Parameter(torch.zeros(width))
        self.style = nn.Embedding(options.speakers, width)
        self.style_mlp = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        self.space = CodeSpace(options)
        self.mask = nn.Parameter(torch.zeros(width))
        self.embed = nn.Linear(dim, width)
        self.base = TokenTransformer(options, options.layers, reach)
        # The two-layer MLP of the paper, from the latent to the codebook's dimension.
        self.head = mlp(width, dim)
        self.level = nn.Embedding(options.levels - 1, width)
        self.embed_earlier = nn.Linear(dim, width)
        self.residual = TokenTransformer(options, options.residual_layers, reach)
        self.residual_heads = nn.ModuleList(mlp(width, dim) for _ in range(options.levels - 1))
        # The motion straight from speech and reference: it makes the encoder keep what moves the
        # lips before the token losses have found it, and tells the expected lip opening.
        self.regress = nn.Linear(2 * width, targets)
        for embedding in (self.style, self.level):
            nn.init.normal_(embedding.weight, std=0.02)

    def condition(
        self,
        speech: Tensor,
        reference: Tensor,
        starts: Tensor,
        speaker: Tensor,
        hide: Tensor | None = None,
    ) -> Condition:
        """speech: [B, T, C] features; reference: [B, 348] from `vectors.describe`; starts: [B]
        bool, the motion begins at the reference; speaker: [B] rows of the speaker table; hide:
        [B] bool, samples without speech."""
        token = self.reference(reference) + starts[:, None] * self.start
        return Condition(self.speech(speech, hide), token, self.style_mlp(self.style(speaker)))

    def base_logits(self, tokens: Tensor, condition: Condition) -> Tensor:
        """tokens: [B, T] base tokens, `mask_token` where masked. Returns [B, T, codes]."""
        masked = tokens == self.mask_token
        read = self.embed(self.space.read(tokens.masked_fill(masked, 0)[..., None]))
        embedded = torch.where(masked[..., None], self.mask, read)
        return self.space.logits(self.head(self.base(embedded, condition)), 0)

    def residual_logits(self, tokens: Tensor, condition: Condition) -> Tensor:
        """tokens: [B, T, L], the first L >= 1 levels. Returns level L + 1's, [B, T, codes]."""
        level = tokens.shape[-1]
        embedded = self.embed_earlier(self.space.read(tokens)) + self.level.weight[level - 1]
        features = self.residual(embedded, condition)
        return self.space.logits(self.residual_heads[level - 1](features), level)

    def regressed(self, condition: Condition) -> Tensor:
        """The motion vectors as far as speech and reference alone tell them, [B, T, targets]."""
        reference = condition.reference[:, None].expand_as(condition.speech)
        return self.regress(torch.cat([condition.speech, reference], -1))


def mlp(width: int, outputs: int) -> nn.Sequential:
    """Two layers."""
    return nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, outputs))


class GestureGenerator(nn.Module):
    """Both streams. face_dims, body_dims: of the motion vectors (136 and 96)."""

    def __init__(self, options: GeneratorOptions, face_dims: int, body_dims: int) -> None:
        super().__init__()
        self.options = options
        self.register_buffer("speech_mean", torch.zeros(options.speech_channels))
        self.register_buffer("speech_std", torch.ones(options.speech_channels))
        self.register_buffer("reference_mean", torch.zeros(DESCRIPTION))
        self.register_buffer("reference_std", torch.ones(DESCRIPTION))
        self.face = Stream(options, options.face_reach, face_dims)
        self.body = Stream(options, options.body_reach, body_dims)

    @property
    def streams(self) -> dict[str, Stream]:
        """The two streams by name."""
        return {"face": self.face, "body": self.body}

    def normalise(self, speech: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
        """Speech features [B, T, C] and reference descriptions [B, 348], by the training set's
        mean and standard deviation."""
        speech = (speech - self.speech_mean) / self.speech_std
        # A photo unlike any training pose must not push the network out of its range.
        reference = ((reference - self.reference_mean) / self.reference_std).clamp(-4, 4)
        return speech, reference
