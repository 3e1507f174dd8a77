"""Chronological speech-gesture alignment (Contextual Gesture, 3.1, appendix C).

Face and body each have a gesture content encoder and a speech content encoder, which meet in a
joint space: what belongs together in time is near.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .content import ContentEncoder, ContentOptions
from .heard import BEFORE_RECORDED
from .vectors import BODY_DIMS, FACE_DIMS

PARTS = {"face": FACE_DIMS, "body": BODY_DIMS}


@dataclass(frozen=True)
class AlignmentOptions:
    """Sizes of the alignment.

    speech_channels, speech_encoder: of the speech encoder it reads, and its name. width, heads,
    hidden, layers: of all content encoders (paper: 384, not stated, 1024, 2). face_reach,
    body_reach: frames to either side that a layer's attention sees, those of the generator.
    embedding: numbers of a pooled embedding. waves: see `Pooling`. window: frames it was trained
    with.
    """

    speech_channels: int
    width: int = 128
    heads: int = 4
    hidden: int = 384
    layers: int = 2
    dropout: float = 0.1
    face_reach: int = 8
    body_reach: int = 25
    embedding: int = 128
    waves: int = 16
    window: int = 80
    speech_encoder: str = BEFORE_RECORDED


class Pooling(nn.Module):
    """Content of any length -> one unit vector.

    The paper averages over time and projects by a two-layer MLP. An average knows no order, and
    our encoders see near frames only; so that averages are taken against cosines over the window
    (the first ``waves`` coefficients of the discrete cosine transform, of which the zeroth is the
    paper's mean). They tell when something was said down to waves / 2 times a window.
    """

    def __init__(self, width: int, waves: int, outputs: int) -> None:
        super().__init__()
        self.waves = waves
        # So many features are followed in time; all of them are averaged.
        self.followed = nn.Linear(width, max(1, width // 4))
        self.project = nn.Sequential(
            nn.Linear(width + (waves - 1) * self.followed.out_features, width),
            nn.GELU(),
            nn.Linear(width, outputs),
        )

    def forward(self, content: Tensor) -> Tensor:
        """content: [B, T, W]. Returns [B, E], of length 1."""
        place = (torch.arange(content.shape[1], device=content.device) + 0.5) / content.shape[1]
        wave = torch.arange(1, self.waves, device=content.device)
        cosines = torch.cos(math.pi * wave[:, None] * place) * math.sqrt(2)
        over_time = torch.einsum("kt,btw->bkw", cosines, self.followed(content).float())
        # Sums of T terms that come out around zero: this keeps them of the features' size.
        over_time = over_time / math.sqrt(content.shape[1])
        pooled = torch.cat([content.mean(1).float(), over_time.flatten(1)], -1)
        return F.normalize(self.project(pooled).float(), dim=-1)


class PartAlignment(nn.Module):
    """Both encoders of one stream: face or body. dims: of its motion vectors."""

    def __init__(self, options: AlignmentOptions, dims: int, reach: int) -> None:
        super().__init__()

        def encoder(inputs: int) -> ContentEncoder:
            sizes = (options.width, options.heads, options.hidden, options.layers)
            return ContentEncoder(ContentOptions(inputs, *sizes, reach, options.dropout))

        self.register_buffer("mean", torch.zeros(dims))
        self.register_buffer("spread", torch.ones(dims))
        self.gesture = encoder(dims)
        self.speech = encoder(options.speech_channels)
        self.gesture_pooling = Pooling(options.width, options.waves, options.embedding)
        self.speech_pooling = Pooling(options.width, options.waves, options.embedding)

    def content(self, vectors: Tensor) -> Tensor:
        """Motion vectors [B, T, D] -> un-pooled gesture content [B, T, W]."""
        # A clip unlike any of the training must not push the network out of its range.
        return self.gesture(((vectors - self.mean) / self.spread).clamp(-5, 5))

    def embed_gesture(self, vectors: Tensor) -> Tensor:
        """Motion vectors [B, T, D] -> [B, E], of length 1."""
        return self.gesture_pooling(self.content(vectors))

    def embed_speech(self, speech: Tensor) -> Tensor:
        """Normalised speech features [B, T, C] -> [B, E], of length 1."""
        return self.speech_pooling(self.speech(speech))


class SpeechGestureAlignment(nn.Module):
    """Both streams, and what normalises their speech."""

    def __init__(self, options: AlignmentOptions) -> None:
        super().__init__()
        self.options = options
        self.register_buffer("speech_mean", torch.zeros(options.speech_channels))
        self.register_buffer("speech_std", torch.ones(options.speech_channels))
        self.face = PartAlignment(options, PARTS["face"], options.face_reach)
        self.body = PartAlignment(options, PARTS["body"], options.body_reach)

    @property
    def parts(self) -> dict[str, PartAlignment]:
        """The two streams by name."""
        return {"face": self.face, "body": self.body}

    def normalise(self, speech: Tensor) -> Tensor:
        """Speech features [B, T, C] by the training set's mean and standard deviation."""
        return (speech - self.speech_mean) / self.speech_std


def contrast(
    gestures: Tensor, speeches: Tensor, temperature: float, negatives: Tensor | None = None
) -> Tensor:
    """Equation (1): the symmetric InfoNCE loss of pairs, a scalar.

    gestures, speeches: [B, E] of length 1; row i of the one belongs to row i of the other.
    negatives: [B, M, E], clip i's own speech in M other orders: further columns in its gesture's
    row. (A shuffled speech has no gesture of its own, so that they are in no speech's row.)
    """
    similarity = gestures @ speeches.T / temperature
    own = torch.arange(len(gestures), device=gestures.device)
    to_speech = similarity
    if negatives is not None:
        shuffled = torch.einsum("be,bme->bm", gestures, negatives) / temperature
        to_speech = torch.cat([similarity, shuffled], 1)
    return 0.5 * (F.cross_entropy(to_speech, own) + F.cross_entropy(similarity.T, own))


def distillation(made: Tensor, taught: Tensor, valid: Tensor) -> Tensor:
    """Equation (2): minus the mean over time of the cosine of two sequences, a scalar in -1..1.

    made, taught: [B, T, W]; valid: [B, T] bool, the frames that count.
    """
    cosine = F.cosine_similarity(made.float(), taught.float(), dim=-1)
    return -(cosine * valid).sum() / valid.sum().clamp(min=1)
