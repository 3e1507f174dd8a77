"""Pairs of a talking face: one frame is the photo, another one is to be drawn from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..keypoints import layout
from ..refinement.face.region import (
    FaceRegion,
    inside,
    moved_places,
    openness,
    prior_picture,
)
from ..warping.face import FaceMotion
from ..warping.paint import FacePaint
from ..warping.rig import SKULL, fit_similarity
from .frames import exchange

# Points are found a little elsewhere in each photo; in distances of the outer eye corners.
_POINT_NOISE = 0.006
_BOX_NOISE = 0.02  # of the square's side
_OTHERS = 2  # most further photos
_CANDIDATES = 5  # driving frames of which the one with the least turned head is taken


@dataclass(frozen=True)
class FacePairs:
    """B pairs of one region.

    prior, target: [B, 3, S, S] RGB 0..1, what the network starts from (`prior_picture`), and the
    truth. photos: [B, R, 3, S, S] and
    between_photos: [B, R, 1, S, S], the region in the photo and further photos. between,
    between_rest: [B, 1, S, S]. points: [B, 133, 3], the driven face in [-1, 1] of the square.
    opening: [B, 2], height and width of the lips or lids as shares of the side.
    """

    prior: Tensor
    target: Tensor
    photos: Tensor
    between_photos: Tensor
    between: Tensor
    between_rest: Tensor
    points: Tensor
    opening: Tensor

    def to(self, device: torch.device) -> FacePairs:
        return FacePairs(*(getattr(self, f.name).to(device) for f in fields(self)))

    @classmethod
    def stack(cls, pairs: Sequence[FacePairs]) -> FacePairs:
        return cls(*(torch.cat([getattr(p, f.name) for p in pairs]) for f in fields(cls)))


@dataclass(frozen=True)
class FaceClip:
    """A clip of a talking face. frames: [T, H, W, 3] uint8. points: [T, 68, 2] pixels of these.
    usable: [N] indices of frames whose face was found."""

    name: str
    frames: np.ndarray
    points: np.ndarray
    usable: np.ndarray


def face_clips(folder: Path, split: str) -> list[FaceClip]:
    """The clips of a folder that `gesticulate dataset faces` wrote. split: "train" or "val".

    Raises: InputError where there is none.
    """
    found = []
    for path in sorted(folder.glob("*/split")):
        if path.read_text(encoding="utf-8").strip() != split:
            continue
        with np.load(path.parent / "landmarks.npz") as arrays:
            points, sure = arrays["points"], arrays["confidence"]
        usable = np.flatnonzero(sure > 0.5)
        if len(usable) > 20:
            frames = np.load(path.parent / "frames.npy", mmap_mode="r")
            found.append(FaceClip(path.parent.name, frames, points, usable))
    if not found:
        raise InputError(f"{folder} holds no clip of talking faces of the split {split!r}.")
    return found


class FacePairStream:
    """Batch ``i`` is a function of (seed, i) alone, so that a resumed run sees the same ones."""

    def __init__(
        self, clips: Sequence[FaceClip], region: str, size: int, batch: int, seed: int,
        exchanged: float = 0.3, augment: bool = True,
    ) -> None:  # fmt: skip
        self.clips, self.region, self.size = list(clips), region, size
        self.batch, self.seed, self.exchanged, self.augment = batch, seed, exchanged, augment
        # How open the mouth or eye is in every frame, to draw rare ones as often as common ones.
        self.heights = [self._heights(clip) for clip in self.clips]

    def _heights(self, clip: FaceClip) -> np.ndarray:
        upper, lower = (62, 66) if self.region == "mouth" else (37, 41)
        gap = clip.points[clip.usable, lower, 1] - clip.points[clip.usable, upper, 1]
        return gap / np.ptp(clip.points[clip.usable, :, 1], axis=1)

    def __getitem__(self, index: int) -> FacePairs:
        rng = np.random.default_rng((self.seed, index))
        others = int(rng.integers(0, _OTHERS + 1))
        return FacePairs.stack([self.pair(rng, others) for _ in range(self.batch)])

    def pair(self, rng: np.random.Generator, others: int = 0) -> FacePairs:
        """One pair. others: number of further photos of the person."""
        which = int(rng.integers(len(self.clips)))
        clip, heights = self.clips[which], self.heights[which]
        photo, *more = rng.choice(clip.usable, 1 + others)
        if rng.random() < 0.5:
            # A level of openness first, then frames near to it.
            level = rng.uniform(heights.min(), heights.max())
            near = np.argsort(np.abs(heights - level))[:_CANDIDATES]
            candidates = clip.usable[near]
        else:
            candidates = rng.choice(clip.usable, _CANDIDATES)
        # A head that has turned differs from its photo in ways that no mouth explains.
        turned = [turn(clip.points[photo], clip.points[i]) for i in candidates]
        driving = candidates[int(np.argmin(turned))]
        return self.made(clip, int(photo), int(driving), [int(i) for i in more], rng)

    def made(
        self, clip: FaceClip, photo: int, driving: int, others: Sequence[int],
        rng: np.random.Generator,
    ) -> FacePairs:  # fmt: skip
        """The pair of two frames by number."""
        mirror = self.augment and rng.random() < 0.5

        def read(index: int) -> tuple[np.ndarray, np.ndarray]:
            picture, points = clip.frames[index], clip.points[index]
            if mirror:
                picture = np.ascontiguousarray(picture[:, ::-1])
                flipped = points[layout.MIRROR[layout.FACE] - layout.FACE.start]
                points = flipped * [-1, 1] + [picture.shape[1] - 1, 0]
            return picture, points.astype(np.float32)

        picture, face = read(photo)
        target, driven = read(driving)
        clean = face
        if self.augment:
            eyes = float(np.linalg.norm(face[36] - face[45]))
            face = face + rng.normal(0, _POINT_NOISE * eyes, face.shape).astype(np.float32)
        motion = FaceMotion(face)
        head = fit_similarity(clean[SKULL], driven[SKULL])
        own = motion.targets(driven, head)
        region = self._region(face, rng)
        references = [(picture, face), *(read(i) for i in others)]
        squares = [self._region(points) for _, points in references]
        squares[0] = region
        pictures = [
            prior_picture(
                region,
                picture,
                moved_places(region, motion, own),
                own,
                motion.raw,
                FacePaint(picture, motion).cavity,
            ),
            region.cut(target, head(region.places)),
            *(square.cut(one) for square, (one, _) in zip(squares, references, strict=True)),
        ]
        stack = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
        if self.augment:
            stack = recoloured(stack, self.exchanged, rng)
        betweens = [inside(s, p) for s, (_, p) in zip(squares, references, strict=True)]
        between = torch.from_numpy(np.stack([inside(region, own), *betweens]))[:, None]
        return FacePairs(
            prior=stack[:1], target=stack[1:2], photos=stack[None, 2:],
            between_photos=between[None, 1:], between=between[:1], between_rest=between[1:2],
            points=face_points(region, own), opening=torch.from_numpy(openness(region, own))[None],
        )  # fmt: skip

    def _region(self, face: np.ndarray, rng: np.random.Generator | None = None) -> FaceRegion:
        region = FaceRegion.of(self.region, face, self.size)
        if rng is None or not self.augment:
            return region
        shift = rng.normal(0, _BOX_NOISE * region.side, 2)
        side = region.side * float(np.exp(rng.normal(0, 0.04)))
        return FaceRegion(
            region.name, (region.middle + shift).astype(np.float32), region.along, region.down,
            side, region.size,
        )  # fmt: skip


def turn(photo: np.ndarray, driving: np.ndarray) -> float:
    """How far a head has turned out of the picture's plane, as the misfit of its skull's points
    in pixels. photo, driving: [68, 2]."""
    moved = fit_similarity(photo[SKULL], driving[SKULL])(photo[SKULL])
    return float(np.linalg.norm(moved - driving[SKULL], axis=-1).mean())


def face_points(region: FaceRegion, own: np.ndarray) -> Tensor:
    """[1, 133, 3]: a face [68, 2], photo pixels, as a skeleton in [-1, 1] of the region."""
    points = np.zeros((1, layout.NUM_POINTS, 3), np.float32)
    points[0, layout.FACE, :2] = region.to_unit(own)
    points[0, layout.FACE, 2] = 1.0
    return torch.from_numpy(points)


def recoloured(pictures: Tensor, exchanged: float, rng: np.random.Generator) -> Tensor:
    """[N, 3, S, S] of one pair, all in the same other light; ``exchanged``: chance of colours that
    no camera gives."""
    gain = np.diag(1 + rng.uniform(-0.15, 0.15) + rng.uniform(-0.06, 0.06, 3))
    offset = 0.5 - gain @ np.full(3, 0.5) + rng.uniform(-0.1, 0.1)
    turn, power = exchange(rng) if rng.random() < exchanged else (np.eye(3), 1.0)
    power *= float(np.exp(rng.uniform(-0.25, 0.25)))
    matrix, offset = gain @ turn, offset + gain @ (0.5 - turn @ np.full(3, 0.5))
    mixed = torch.einsum("ij,njhw->nihw", torch.from_numpy(matrix.astype(np.float32)), pictures)
    shift = torch.from_numpy(offset.astype(np.float32)).view(3, 1, 1)
    return (mixed + shift).clamp_(0, 1).pow_(power)
