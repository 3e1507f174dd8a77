"""Train the dialogue generator: `gesticulate train dialogue`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import UsageError
from ..keypoints.layout import FACE_NOSE_TIP, MOTION_ARMS
from ..keypoints.person import REST
from ..motion.dialogue.checkpoint import save_pair
from ..motion.dialogue.network import Pair, PairDenoiser, PairOptions
from ..motion.diffusion.noise import NoiseOptions, draw, training_scheduler
from .clips import WindowSampler
from .data import encoder_of, load_clips
from .diffusion import (
    changes,
    chosen,
    fit_on,
    made_frames,
    measure,
    squared_error,
    whole_importance,
)
from .diffusion_options import DialogueTraining
from .loop import noise_of
from .sync import synchronised
from .talks import Material, Side, Talks, TalkSampler, quiet_stretches, real_pairs
from .tokenizer import PROBE

# Points whose distances tell how two people stand to each other: nose tip, and both arms.
JOINTS = [FACE_NOSE_TIP, *range(MOTION_ARMS.start, MOTION_ARMS.stop)]


class DialogueLosses(nn.Module):
    """The denoiser and its losses: both people's clean vectors, their velocity, and interaction."""

    def __init__(self, denoiser: PairDenoiser, options: DialogueTraining) -> None:
        super().__init__()
        self.options = options
        self.denoiser = denoiser
        self.scheduler = training_scheduler(denoiser.options.noise)
        self.register_buffer("weight", whole_importance(), persistent=False)
        rest = torch.from_numpy(REST[JOINTS].astype(np.float32))
        self.register_buffer("rest", rest, persistent=False)

    def forward(self, batch: Talks, step: int) -> dict[str, Tensor]:
        """The losses by name. step seeds the noise, so that a resumed run draws the same."""
        noise = noise_of(self.options.loop.seed, step)
        count, before, sides = len(batch.mix), self.options.history, (batch.left, batch.right)
        device = batch.mix.device
        steps = torch.randint(self.scheduler.config.num_train_timesteps, (count,), generator=noise)
        steps = steps.to(device)
        alone = chosen(count, self.options.from_reference, noise, device)
        history, clean, seen, noisy = ([], [], [], [])
        for side in sides:
            vectors = self.denoiser.normalise(side.motion)
            past = (vectors * side.seen)[:, :before]
            history.append(torch.where(alone[:, None, None], past[:, -1:], past))
            clean.append(vectors[:, before:])
            seen.append(side.seen[:, before:])
            # Both are as noisy as each other, for they are denoised together.
            added = draw(tuple(clean[-1].shape), noise, device)
            noisy.append(self.scheduler.add_noise(clean[-1], added, steps))
        hide = chosen(count, self.options.hide_speech, noise, device) & self.training
        speech = [self._hear(side, before, hide) for side in sides]
        mix = self.denoiser.hear(batch.mix[:, before:], hide)
        made = self.denoiser(
            (noisy[0], noisy[1]), steps, (history[0], history[1]), (speech[0], speech[1]), mix
        )
        return self._losses((made[0].float(), made[1].float()), clean, seen, steps)

    def _hear(self, side: Side, before: int, hide: Tensor) -> Tensor:
        # Sound that the lips do not follow would teach the face to ignore sound.
        return self.denoiser.hear(side.speech[:, before:], hide | ~side.follows)

    def _losses(
        self, made: Pair, clean: list[Tensor], seen: list[Tensor], steps: Tensor
    ) -> dict[str, Tensor]:
        place, velocity = steps.new_zeros((), dtype=torch.float), 0.0
        for own, real, known in zip(made, clean, seen, strict=True):
            place = place + 0.5 * squared_error(own, real, known, self.weight)
            (own_change, both), (real_change, _) = changes(own, known), changes(real, known)
            velocity = velocity + 0.5 * squared_error(own_change, real_change, both, self.weight)
        together = self._interaction(made, clean, seen, steps)
        return {
            "loss": place + self.options.velocity * velocity + self.options.interaction * together,
            "place": place,
            "velocity": velocity,
            "interaction": together,
        }

    def _interaction(
        self, made: Pair, clean: list[Tensor], seen: list[Tensor], steps: Tensor
    ) -> Tensor:
        """How far the distances between both people's joints are off, in shoulder widths.

        The joint distance map of InterGen (Liang et al. 2024), in 2D and with both people standing
        in one place, since motion does not tell where somebody stands; only where the sample is
        not too noisy to tell (there: below 700 of 1000 steps).
        """
        wanted, got = (distances(*(self._joints(side) for side in pair)) for pair in (clean, made))
        known = [side[..., _dims()[::2]] for side in seen]
        both = known[0][..., :, None] * known[1][..., None, :]
        early = steps < self.options.interaction_steps * self.scheduler.config.num_train_timesteps
        both = both * early[:, None, None, None]
        return ((got - wanted).abs() * both).sum() / both.sum().clamp(min=1)

    def _joints(self, vectors: Tensor) -> Tensor:
        """Normalised vectors [B, T, 232] -> [B, T, 7, 2] in shoulder widths."""
        return self.denoiser.restore(vectors)[..., _dims()].unflatten(-1, (-1, 2)) + self.rest


def _dims() -> list[int]:
    """The vectors' dimensions of `JOINTS`: face and body stand one behind the other, as points."""
    return [2 * joint + axis for joint in JOINTS for axis in range(2)]


def distances(left: Tensor, right: Tensor) -> Tensor:
    """[B, T, N, 2] twice -> [B, T, N, N], from each joint of the one to each of the other."""
    apart = left[..., :, None, :] - right[..., None, :, :]
    return (apart.square().sum(-1) + 1e-4).sqrt()


def build(options: DialogueTraining, channels: int, encoder: str) -> PairDenoiser:
    """An untrained denoiser of the options' sizes. Raises: UsageError for a window too short."""
    return PairDenoiser(
        PairOptions(
            speech_channels=channels,
            speech_encoder=encoder,
            width=options.width,
            heads=options.heads,
            hidden=options.hidden,
            layers=options.layers,
            speech_layers=options.speech_layers,
            dropout=options.dropout,
            window=made_frames(options.data.window, options.history),
            history=options.history,
            noise=NoiseOptions(steps=options.noise_steps),
        )
    )


def material(options: DialogueTraining, split: str) -> Material:
    """What a split has to make talks of."""
    clips = load_clips(options.data, split)
    pairs = real_pairs(clips)
    paired = {clip.name for pair in pairs for clip in pair}
    single = [clip for clip in clips if clip.name not in paired]
    spoken = synchronised([clip for clip in single if clip.speech is not None])
    return Material(spoken, quiet_stretches(single, options.listening), pairs)


def train_dialogue(options: DialogueTraining) -> Path:
    """Train; returns the weights file it wrote (fp16)."""
    from ..speech.features import MelEncoder
    from ..speech.track import SAMPLE_RATE, Speech

    loop = options.loop
    encoder = MelEncoder()
    silence = encoder.encode(Speech(np.zeros(SAMPLE_RATE, np.float32)), 25.0).features[0]
    train, val = (material(options, split) for split in ("train", "val"))
    data = options.data
    if (given := encoder_of(data)) != encoder.name:
        raise UsageError(
            f"{data.folder} holds features of the speech encoder {given!r}, expected "
            f"{encoder.name!r}: talks are put together with pauses, whose features that encoder "
            "tells. Build a data set with it."
        )
    draws = (data.window, silence, options.real, data.favoured)
    talks = TalkSampler(train, *draws, seed=loop.seed)
    # A small validation split may hold nobody who is silent.
    held_out = replace(val, quiet=val.quiet or train.quiet)
    held_out_talks = TalkSampler(held_out, *draws, augment=False, seed=1)
    torch.manual_seed(loop.seed)
    denoiser = build(options, encoder.channels, encoder.name)
    paired = [clip for pair in train.pairs for clip in pair if clip.speech is not None]
    windows = WindowSampler([*train.spoken, *paired], data.window, data.favoured, seed=loop.seed)
    measure(denoiser, [windows.batch(PROBE + i, 64) for i in range(8)])
    trained = fit_on(DialogueLosses(denoiser, options), loop, talks, held_out_talks)
    path = loop.output / "dialogue.safetensors"
    save_pair(path, trained.denoiser)
    return path
