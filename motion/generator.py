"""The masked gesture generator and the residual generator of Contextual Gesture (3.2, appendix D).

Two streams, face and body, each with its own speech encoder, its own transformer that fills in
masked base tokens, and its own transformer that adds the residual levels one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .transformer import GestureBlock, SelfBlock
from .vectors import DESCRIPTION

NOBODY = 0


@dataclass(frozen=True)
class GeneratorOptions:
    """Sizes of the generator.

    speech_channels: of the speech encoder it reads. speakers: rows of the speaker table; row
    `NOBODY` is the average speaker, used for everybody the training did not see. width, heads,
    hidden: of all transformers (paper: 384, not stated, 1024). layers, residual_layers,
    speech_layers: depths of the masked generator, the residual generator (8 and 6 in the paper)
    and the speech encoder (2). window: frames the model sees at a time. face_reach, body_reach:
    frames to either side that a frame's token attends to in the speech: lips go with the sound
    of the moment, a gesture with the phrase. codes, levels: of the tokenizers.
    """

    speech_channels: int
    speakers: int = 1
    width: int = 128
    heads: int = 4
    hidden: int = 384
    layers: int = 3
    residual_layers: int = 2
    speech_layers: int = 2
    dropout: float = 0.1
    window: int = 80
    face_reach: int = 8
    body_reach: int = 25
    codes: int = 1024
    levels: int = 6


@dataclass
class Condition:
    """What a stream knows besides its tokens.

    speech: [B, T, W] encoded speech. reference: [B, W] token of the reference frame.
    style: [B, W] of the speaker.
    """

    speech: Tensor
    reference: Tensor
    style: Tensor


class SpeechEncoder(nn.Module):
    """Speech features -> what the motion needs of them, frame by frame.

    Convolutions see +-4 frames (coarticulation), then self-attention near by.
    """

    def __init__(self, options: GeneratorOptions, reach: int) -> None:
        super().__init__()
        width = options.width
        self.reach = reach
        self.dropout = nn.Dropout(options.dropout)
        self.first = nn.Conv1d(options.speech_channels, width, 5, padding=2)
        self.second = nn.Conv1d(width, width, 5, padding=2)
        self.layers = nn.ModuleList(
            SelfBlock(width, options.heads, options.hidden, options.dropout)
            for _ in range(options.speech_layers)
        )
        self.norm = nn.LayerNorm(width)
        # Stands in for speech where training hides it, for classifier-free guidance.
        self.hidden = nn.Parameter(torch.zeros(width))

    def forward(self, features: Tensor, hide: Tensor | None = None) -> Tensor:
        """features: [B, T, C]; hide: [B] bool, samples whose speech is kept from the model.

        Returns [B, T, W].
        """
        x = rearrange(self.dropout(features), "b t c -> b c t")
        x = F.gelu(self.first(x))
        x = rearrange(x + F.gelu(self.second(x)), "b c t -> b t c")
        at = torch.arange(x.shape[1], device=x.device)
        for layer in self.layers:
            x = layer(x, at, self.reach)
        x = self.norm(x)
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
            GestureBlock(width, options.heads, options.hidden, width, options.dropout)
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


class Stream(nn.Module):
    """Everything of one stream: face or body."""

    def __init__(self, options: GeneratorOptions, reach: int, targets: int) -> None:
        super().__init__()
        width, codes = options.width, options.codes
        self.options = options
        self.mask_token = codes
        self.speech = SpeechEncoder(options, reach)
        self.reference = nn.Sequential(
            nn.Linear(DESCRIPTION, width), nn.GELU(), nn.Linear(width, width)
        )
        # Added to the reference token where the motion starts at the reference.
        self.start = nn.Parameter(torch.zeros(width))
        self.style = nn.Embedding(options.speakers, width)
        self.style_mlp = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        self.tokens = nn.Embedding(codes + 1, width)
        self.base = TokenTransformer(options, options.layers, reach)
        self.head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, codes))
        # Embeddings of levels 1..Q-1, which are read by the levels after them; level 1 has its own
        # table here because the base generator's is trained to stand beside a mask token.
        self.earlier = nn.ModuleList(nn.Embedding(codes, width) for _ in range(options.levels - 1))
        self.level = nn.Embedding(options.levels - 1, width)
        self.residual = TokenTransformer(options, options.residual_layers, reach)
        self.residual_heads = nn.ModuleList(
            nn.Linear(width, codes) for _ in range(options.levels - 1)
        )
        # In training only: the motion straight from speech and reference, so that the encoder
        # keeps what moves the lips before the token losses have found it.
        self.regress = nn.Linear(2 * width, targets)
        for embedding in self.modules():
            if isinstance(embedding, nn.Embedding):
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
        return self.head(self.base(self.tokens(tokens), condition))

    def residual_logits(self, tokens: Tensor, condition: Condition) -> Tensor:
        """tokens: [B, T, L], the first L >= 1 levels. Returns level L + 1's, [B, T, codes]."""
        level = tokens.shape[-1] - 1
        embedded = sum(self.earlier[i](tokens[..., i]) for i in range(level + 1))
        embedded = embedded + self.level.weight[level]
        return self.residual_heads[level](self.residual(embedded, condition))

    def regressed(self, condition: Condition) -> Tensor:
        """The motion vectors as far as speech and reference alone tell them, [B, T, targets]."""
        reference = condition.reference[:, None].expand_as(condition.speech)
        return self.regress(torch.cat([condition.speech, reference], -1))


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
