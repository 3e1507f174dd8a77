"""Windows of two people in talk: of real pairs, or made of clips of one person each by turns.

A made pair is two clips of different people whose speech alternates. While one speaks, the other
moves as people do who don't: a stretch of a clip without voice. Where a side goes from the one to
the other, its motion fades, and nothing is learned from the fade.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d, label, uniform_filter1d
from torch import Tensor

from ..errors import InputError
from ..keypoints.motion import Motion
from ..motion.lips import opening
from ..motion.vectors import SEEN, to_vectors
from .clips import Clip, augment_speech

FPS = 25.0
# Turns last so long, and the next one begins so long after the last one's end (below 0: before).
TURN_SECONDS, GAP_SECONDS = (1.0, 4.0), (-0.2, 0.6)
# Share of windows in which one person speaks throughout.
MONOLOGUES = 0.15
FADE_SECONDS = 0.5
# A pause this long shows how somebody is who does not speak.
QUIET_SECONDS = 1.0
# In real pairs, whose lips move more over this time is who speaks.
LIPS_SECONDS = 1.0
# Standard deviation of what takes the estimator's jitter out of them.
LIPS_SMOOTHING = 0.05


@dataclass(frozen=True)
class Side:
    """B windows of one person.

    motion: [B, T, 232] vectors. seen: the same shape, 1 where they are to be learned from. speech:
    [B, T, C], the own. follows: [B] bool, the lips go with the sound.
    """

    motion: Tensor
    seen: Tensor
    speech: Tensor
    follows: Tensor

    def to(self, device: torch.device) -> Side:
        """The same on another device."""
        return Side(*(getattr(self, f.name).to(device) for f in fields(self)))


@dataclass(frozen=True)
class Talks:
    """B windows of two people; mix: [B, T, C], the speech of both."""

    left: Side
    right: Side
    mix: Tensor

    def to(self, device: torch.device) -> Talks:
        """The same on another device."""
        return Talks(self.left.to(device), self.right.to(device), self.mix.to(device))


@dataclass(frozen=True)
class Stretch:
    """Frames of a clip in which nobody speaks: start, and the one behind the last."""

    clip: Clip
    start: int
    stop: int

    def frames(self, count: int, offset: int) -> np.ndarray:
        """[count] frames of the clip, there and back again as often as needed."""
        length = self.stop - self.start
        at = (offset + np.arange(count)) % max(1, 2 * length - 2)
        return self.start + np.minimum(at, np.maximum(2 * length - 2 - at, 0))


@dataclass(frozen=True)
class Material:
    """spoken: clips with sound of one person each. quiet: stretches to listen with. pairs: clips of
    two people who talk to each other."""

    spoken: Sequence[Clip]
    quiet: Sequence[Stretch]
    pairs: Sequence[tuple[Clip, Clip]] = ()


def quiet_stretches(clips: Sequence[Clip], kinds: Sequence[str]) -> list[Stretch]:
    """Where clips show people who don't speak: pauses in clips with sound, and clips of some kinds
    without sound as a whole."""
    least = round(QUIET_SECONDS * FPS)
    found = []
    for clip in clips:
        silent = np.full(len(clip), clip.kind in kinds)
        quiet = silent if clip.speech is None else clip.voice < 0.5
        runs, number = label(quiet)
        for run in range(1, number + 1):
            at = np.flatnonzero(runs == run)
            if len(at) >= least:
                found.append(Stretch(clip, int(at[0]), int(at[-1]) + 1))
    return found


def draw_turns(frames: int, rng: np.random.Generator) -> np.ndarray:
    """Who speaks when, [2, T] bool: in turns, with gaps and overlaps between them."""
    speaks = np.zeros((2, frames), bool)
    who = int(rng.integers(2))
    if rng.random() < MONOLOGUES:
        speaks[who] = True
        return speaks
    start = -rng.uniform(0, TURN_SECONDS[1]) * FPS
    while start < frames:
        end = start + rng.uniform(*TURN_SECONDS) * FPS
        speaks[who, max(0, round(start)) : max(0, round(end))] = True
        start, who = end + rng.uniform(*GAP_SECONDS) * FPS, 1 - who
    return speaks


def louder(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The features of both voices together: of whoever has more of everything, frame by frame.

    left, right: [T, C].
    """
    return np.where((left.mean(1) >= right.mean(1))[:, None], left, right)


def who_speaks(left: Clip, right: Clip) -> np.ndarray:
    """[2, T] bool: of two people on one recording, whose lips move while there is voice."""
    window = round(LIPS_SECONDS * FPS)
    moves = []
    for clip in (left, right):
        gap = opening(Motion(clip.points, clip.confidence))
        gap = gaussian_filter1d(gap, LIPS_SMOOTHING * FPS, mode="nearest")
        mean, square = (uniform_filter1d(x, window, mode="nearest") for x in (gap, gap**2))
        moves.append(square - mean**2)
    voiced = np.maximum(left.voice, right.voice) >= 0.5
    return np.stack([moves[0] >= moves[1], moves[0] < moves[1]]) & voiced


def real_pairs(clips: Sequence[Clip]) -> list[tuple[Clip, Clip]]:
    """The clips that were cut out of one video as its left and its right person."""
    by_name = {clip.name: clip for clip in clips}
    pairs = []
    for name, clip in by_name.items():
        partner = by_name.get(name.removesuffix("-left") + "-right")
        if name.endswith("-left") and partner is not None and len(partner) == len(clip):
            if clip.speech is None and partner.speech is None:
                continue
            pairs.append((clip, partner))
    return pairs


class TalkSampler:
    """Draws batches of windows. Every batch is a function of (seed, step, process) alone.

    material: what they are made of. silence: [C], the features of a frame without sound. real:
    share of the windows that are of real pairs, where there are any; all are where there is
    nothing to make others of.
    Raises: InputError where there are no pairs, and nobody speaks or nobody is silent.
    """

    def __init__(
        self,
        material: Material,
        window: int,
        silence: np.ndarray,
        real: float = 0.5,
        favoured: dict[str, float] | None = None,
        augment: bool = True,
        seed: int = 0,
    ) -> None:
        favoured = favoured or {}
        clips = [clip for clip in material.spoken if favoured.get(clip.kind, 1.0) > 0]
        quiet, pairs = material.quiet, material.pairs
        makes = bool(clips and quiet)
        if not makes and not pairs:
            raise InputError(
                f"Talks are made of clips of people who speak, here {len(clips)}, and of stretches "
                f"without voice, here {len(quiet)}. Needed are both: pauses of a second, or silent "
                "clips (option `listening`). Build the data set from more videos, or from videos "
                "of two people (`dataset build --persons 2`)."
            )
        self.alone = len({clip.person for clip in clips}) == 1
        self.clips, self.quiet, self.pairs = clips, quiet, pairs
        self.window, self.silence, self.augment, self.seed = window, silence, augment, seed
        self.real = (real if makes else 1.0) if pairs else 0.0
        weight = np.array([len(clip) * favoured.get(clip.kind, 1.0) for clip in clips])
        self.chance = weight / weight.sum()
        lengths = np.array([stretch.stop - stretch.start for stretch in quiet], float)
        self.quiet_chance = lengths / lengths.sum()

    def batch(self, step: int, size: int, process: int = 0) -> Talks:
        """The batch of a step: ``size`` windows."""
        rng = np.random.default_rng((self.seed, step, process))
        samples = [
            self._real(rng) if rng.random() < self.real else self._made(rng) for _ in range(size)
        ]
        sides, mixes = [], [torch.from_numpy(np.stack([sample[2] for sample in samples]))]
        for side in range(2):
            columns = zip(*(sample[side] for sample in samples), strict=True)
            sides.append(Side(*(torch.from_numpy(np.stack(column)) for column in columns)))
        return Talks(sides[0], sides[1], mixes[0])

    def _made(self, rng: np.random.Generator) -> tuple:
        """Two clips of different people, in turns."""
        first = self.clips[int(rng.choice(len(self.clips), p=self.chance))]
        second = self.clips[int(rng.choice(len(self.clips), p=self.chance))]
        while second.person == first.person and not self.alone:
            second = self.clips[int(rng.choice(len(self.clips), p=self.chance))]
        turns = draw_turns(self.window, rng)
        sides = [
            self._side(clip, speaks, rng)
            for clip, speaks in zip((first, second), turns, strict=True)
        ]
        # A sound that the own lips do not follow is hidden from its side (`DialogueLosses`), and
        # must not come back as the mix.
        heard = [
            speech if follows else np.broadcast_to(self.silence, speech.shape)
            for _, _, speech, follows in sides
        ]
        return sides[0], sides[1], louder(*heard).astype(np.float32)

    def _side(self, clip: Clip, speaks: np.ndarray, rng: np.random.Generator) -> tuple:
        """One person: a clip while speaking, a quiet stretch while not."""
        count = self.window
        start = int(rng.integers(max(1, len(clip) - count + 1)))
        at = np.arange(start, start + count)
        inside = at < len(clip)
        at = np.minimum(at, len(clip) - 1)
        stretch = self.quiet[int(rng.choice(len(self.quiet), p=self.quiet_chance))]
        other = stretch.frames(count, int(rng.integers(len(stretch.clip))))
        share = speaks.astype(float)
        for _ in range(2):  # twice a mean over the fade's half: no corner at its ends
            share = uniform_filter1d(share, round(FADE_SECONDS / 2 * FPS), mode="nearest")
        weight = share[:, None]
        points = clip.points[at] * weight[..., None]
        points = points + stretch.clip.points[other] * (1 - weight[..., None])
        spoken = (clip.confidence[at] > SEEN) & inside[:, None]
        listened = stretch.clip.confidence[other] > SEEN
        seen = np.where(weight > 0.99, spoken, listened & (weight < 0.01))
        assert clip.speech is not None
        speech = clip.speech[at]
        if self.augment:
            speech = augment_speech(speech, rng)
        speech = np.where((speaks & inside)[:, None], speech, self.silence)
        return _sample(points, seen, speech, clip.follows)

    def _real(self, rng: np.random.Generator) -> tuple:
        """A window of a real pair, each side with the speech of its own turns."""
        pair = self.pairs[int(rng.integers(len(self.pairs)))]
        count, length = self.window, len(pair[0])
        start = int(rng.integers(max(1, length - count + 1)))
        at = np.arange(start, start + count)
        inside = at < length
        at = np.minimum(at, length - 1)
        mix = next(clip.speech for clip in pair if clip.speech is not None)[at]
        if self.augment:
            mix = augment_speech(mix, rng)
        mix = mix.astype(np.float32)
        sides = [
            _sample(
                clip.points[at],
                (clip.confidence[at] > SEEN) & inside[:, None],
                np.where(speaks[at, None], mix, self.silence),
                clip.follows,
            )
            for clip, speaks in zip(pair, who_speaks(*pair), strict=True)
        ]
        return sides[0], sides[1], mix


def _sample(points: np.ndarray, seen: np.ndarray, speech: np.ndarray, follows: bool) -> tuple:
    """The columns of `Side` for one window."""
    vectors = np.concatenate(to_vectors(points), axis=1)
    known = np.repeat(seen, 2, axis=1).astype(np.float32)
    return vectors, known, speech.astype(np.float32), np.array(follows)
