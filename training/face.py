"""Train the face's refiner: `gesticulate train face`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..atomic import complete_or_nothing
from ..evaluation.lpips import Lpips
from ..keypoints import layout
from ..refinement.discriminator import PatchDiscriminator, discriminator_hinge, generator_hinge
from ..refinement.edges import GROUPS
from ..refinement.face.network import (
    FaceRefiner,
    RegionRefiner,
    load_face_refiner,
    save_face_refiner,
)
from ..weights import locate
from .face_data import FacePairs, FacePairStream, face_clips
from .face_options import FaceLosses, FaceTraining
from .face_reader import RegionReader, misreading, train_reader
from .loop import Learner, Run, moving_average

# Of the refiner: with less momentum the steps of its last layer are noise larger than what there is
# to learn. Of the discriminator: S2G-MDD's.
_BETAS = (0.9, 0.99)
_CRITIC_BETAS = (0.5, 0.999)
_CRITIC_WIDTHS = (64, 128)
# Logits of the discriminator are multiplied by this: spectral normalisation bounds how fast they
# may change, and over squares that differ in a few pixels of teeth they stayed at zero for good.
_GAIN = 12.0
_SHEET_PAIRS = 24
# Of the 133 points.
_LIPS_AND_LIDS = slice(layout.FACE.start + 36, layout.FACE.stop)


def train_face(options: FaceTraining) -> Path:
    """Train the network of one region; returns the weights file (fp16 safetensors).

    The folder of the run gets reader.safetensors, checkpoints, metrics.jsonl, sheets/*.png of
    validation pairs (photo, prior, drawn, truth) and at the end face-refiner.safetensors, in which
    the other region's network is that of ``options.init``, or untrained.
    Raises: InputError where the folder has no clips; WeightsError where LPIPS is missing.
    """
    torch.manual_seed(options.loop.seed)
    lpips = Lpips.pretrained() if options.losses.perceptual else None
    refiner = _begun(options)
    network = refiner.region(options.region)
    network.to(memory_format=torch.channels_last)
    region = "mouth" if options.region == "mouth" else "right_eye"
    size = network.options.size
    seed = options.loop.seed
    stream = FacePairStream(
        face_clips(options.data, "train"), region, size, options.loop.batch, seed,
        options.exchanged,
    )  # fmt: skip
    held_out = FacePairStream(face_clips(options.data, "val"), region, size, 8, 1, augment=False)
    validation = [held_out[i] for i in range(max(1, options.val_pairs // 8))]
    reader = _reader(options, stream)
    objective = _Objective(options.losses, reader, lpips)
    trained = _fit(options, network, stream, objective, validation)
    network.load_state_dict(trained.state_dict())
    path = options.loop.output / "face-refiner.safetensors"
    save_face_refiner(path, refiner)
    return path


def _begun(options: FaceTraining) -> FaceRefiner:
    if options.init is None:
        return FaceRefiner(options.networks)
    return load_face_refiner(locate(options.init)).requires_grad_(True).train()


def _reader(options: FaceTraining, stream: FacePairStream) -> RegionReader:
    """The frozen reader: of the run's folder, or trained into it."""
    path = options.loop.output / "reader.safetensors"
    if not path.exists():
        reader = train_reader(stream, options.reader_steps)
        path.parent.mkdir(parents=True, exist_ok=True)
        with complete_or_nothing(path) as part:
            save_file(reader.state_dict(), part)
    reader = RegionReader()
    reader(stream[0].target[:1])
    reader.load_state_dict(load_file(path))
    return reader.eval().requires_grad_(False)


class _Drawing(nn.Module):
    """One forward pass of a step: the drawn region, and the edge maps that it was drawn from."""

    def __init__(self, network: RegionRefiner) -> None:
        super().__init__()
        self.network = network

    def forward(self, pairs: FacePairs) -> tuple[Tensor, Tensor]:
        network: RegionRefiner = self.network
        edges = network.draw_edges(pairs.points)
        features = network.encode(pairs.photos, pairs.between_photos)
        drawn = network(pairs.prior, pairs.between, pairs.between_rest, features, edges)
        return drawn, edges[-1].detach()


class _Objective:
    """The losses by name; "loss" is their weighted sum."""

    def __init__(self, weights: FaceLosses, reader: RegionReader, lpips: Lpips | None) -> None:
        """lpips: None where it has no weight."""
        self.weights, self.reader, self.lpips = weights, reader, lpips

    def __call__(self, drawn: Tensor, pairs: FacePairs) -> dict[str, Tensor]:
        weights, near = self.weights, surroundings(pairs)
        off = (drawn - pairs.target).abs().mean(1, keepdim=True)
        change = (drawn - pairs.prior).abs().mean(1, keepdim=True)
        terms = {
            "pixels": off.mean(),
            "opening": (off * near).sum() / near.sum().clamp(min=1.0),
            "change": (change * (1 - near)).mean(),
            "perceptual": self._lpips(drawn, pairs.target),
            "reader": misreading(self.reader, drawn, pairs.opening),
        }
        total = (
            weights.pixels * (terms["pixels"] + weights.hesitation * terms["change"])
            + weights.opening * terms["opening"]
            + weights.perceptual * terms["perceptual"]
            + weights.reader * terms["reader"]
        )
        return {"loss": total, **terms}

    def _lpips(self, drawn: Tensor, target: Tensor) -> Tensor:
        if self.lpips is None:
            return drawn.new_zeros(())
        # Twice the size: AlexNet's first convolution has a stride of 4.
        made, true = (
            F.interpolate(picture, scale_factor=2.0, mode="bilinear") * 2 - 1
            for picture in (drawn, target)
        )
        with torch.no_grad():
            aim = self.lpips.features(true)
        found = self.lpips.features(made)
        levels = zip(self.lpips.heads, found, aim, strict=True)
        return torch.stack([head((a - b).square()).float().mean() for head, a, b in levels]).sum()


def surroundings(pairs: FacePairs) -> Tensor:
    """[B, 1, S, S] in 0..1: what lies between lips or lids, now or in the photo, and near them."""
    size = pairs.between.shape[-1]
    near = torch.maximum(pairs.between, pairs.between_rest)
    lips = _drawn_points(pairs.points, size)
    reach = 2 * (size // 16) + 1
    near = torch.maximum(near, lips)
    return F.avg_pool2d(F.max_pool2d(near, reach, 1, reach // 2), 5, 1, 2)


def _drawn_points(points: Tensor, size: int) -> Tensor:
    """[B, 1, S, S], 1 at the pixels of lips and lids."""
    drawn = points.new_zeros(len(points), 1, size, size)
    places = ((points[:, _LIPS_AND_LIDS, :2] + 1) * 0.5 * (size - 1)).round().long()
    inside = ((places >= 0) & (places < size)).all(-1)
    batch = torch.arange(len(points)).unsqueeze(1).expand(places.shape[:2])
    drawn[batch[inside], 0, places[..., 1][inside], places[..., 0][inside]] = 1.0
    return drawn


def _fit(
    options: FaceTraining, network: RegionRefiner, stream: FacePairStream,
    objective: _Objective, validation: list[FacePairs],
) -> RegionRefiner:  # fmt: skip
    run = Run(options.loop)
    device = run.accelerator.device
    averaged = moving_average(network, options.loop.ema).to(device)
    learner = run.learner(_Drawing(network), betas=_BETAS)
    critic = run.learner(
        PatchDiscriminator(_CRITIC_WIDTHS), options.losses.discriminator_rate, _CRITIC_BETAS
    )
    run.resume(averaged)
    batches = _batches(stream, run.step, options)

    def validate() -> dict[str, float]:
        return _validate(options, run.step, averaged.module, objective, validation)

    while run.unfinished:
        pairs = next(batches).to(device)
        learner.model.train()
        judged = options.losses.adversarial > 0 and run.step >= options.losses.adversarial_from
        with run.accelerator.autocast():
            drawn, edges = learner.model(pairs)
            terms = objective(drawn, pairs)
            if judged:
                critic.module.requires_grad_(False)
                terms["adversarial"] = generator_hinge(
                    _GAIN * critic.module(*_close_up(drawn, edges, pairs.points))
                )
                terms["loss"] = terms["loss"] + options.losses.adversarial * terms["adversarial"]
        learner.learn(terms["loss"])
        if judged:
            terms |= _judge(run, critic, drawn.detach(), pairs, edges)
        averaged.update_parameters(network)
        run.finish_step(terms, validate, learner.scheduler.get_last_lr()[0])
    return averaged.module.eval()


def _judge(
    run: Run, critic: Learner, drawn: Tensor, pairs: FacePairs, edges: Tensor
) -> dict[str, Tensor]:
    """The discriminator's own step, and how often it was right."""
    critic.module.requires_grad_(True)
    critic.model.train()
    twice = torch.cat([pairs.points, pairs.points])
    with run.accelerator.autocast():
        both = _close_up(torch.cat([pairs.target, drawn]), torch.cat([edges, edges]), twice)
        real, fake = (_GAIN * critic.model(*both).float()).chunk(2)
        loss = discriminator_hinge(real, fake)
    critic.learn(loss)
    right = ((real > 0).float().mean() + (fake < 0).float().mean()) / 2
    return {"critic": loss.detach(), "critic_right": right.detach()}


def _close_up(picture: Tensor, edges: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """What the discriminator sees: half of each side, about the lips or the eye, where pictures
    differ. picture: [B, 3, S, S]; edges: [B, 3, S/2, S/2], which get the groups it was made for."""
    rest = edges.new_zeros(len(edges), len(GROUPS) - edges.shape[1], *edges.shape[2:])
    edges = torch.cat([edges, rest], dim=1)
    size, half = picture.shape[-1], picture.shape[-1] // 2
    places = points[:, _LIPS_AND_LIDS, :2]
    near = (places.abs() < 1).all(-1, keepdim=True)
    middle = (places * near).sum(1) / near.sum(1).clamp(min=1)
    corner = ((middle + 1) * 0.5 * size - half / 2).round().long().clamp(0, size - half) // 2 * 2
    pictures, maps = [], []
    for one, lines, (x, y) in zip(picture, edges, corner.tolist(), strict=True):
        pictures.append(one[:, y : y + half, x : x + half])
        maps.append(lines[:, y // 2 : (y + half) // 2, x // 2 : (x + half) // 2])
    return torch.stack(pictures), torch.stack(maps)


class _OneThread(torch.utils.data.IterableDataset):
    """The stream's batches from one on."""

    def __init__(self, stream: FacePairStream, first: int) -> None:
        self.stream, self.first = stream, first

    def __iter__(self) -> Iterator[FacePairs]:
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
        index = self.first
        while True:
            yield self.stream[index]
            index += 1


def _batches(stream: FacePairStream, first: int, options: FaceTraining) -> Iterator[FacePairs]:
    if options.workers == 0:
        return iter(_OneThread(stream, first))
    # One worker: more would each make the same batches.
    return iter(DataLoader(_OneThread(stream, first), batch_size=None, num_workers=1))


@torch.no_grad()
def _validate(
    options: FaceTraining, step: int, network: RegionRefiner, objective: _Objective,
    validation: list[FacePairs],
) -> dict[str, float]:  # fmt: skip
    """Figures of the averaged weights, beside those of the prior, and a sheet."""
    drawing = _Drawing(network).eval()
    network.eval()
    sums: dict[str, float] = {}
    rows: list[Tensor] = []
    for pairs in validation:
        drawn, _ = drawing(pairs)
        for prefix, picture in (("", drawn), ("prior_", pairs.prior)):
            for name, value in objective(picture, pairs).items():
                sums[prefix + name] = sums.get(prefix + name, 0.0) + float(value)
        if len(rows) < _SHEET_PAIRS:
            rows += torch.cat([pairs.photos[:, 0], pairs.prior, drawn, pairs.target], dim=3)
    sheet = _sheet(torch.stack(rows))
    path = options.loop.output / "sheets" / f"step-{step:06d}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    with complete_or_nothing(path) as part:
        cv2.imwrite(str(part), sheet[..., ::-1])
    return {name: value / len(validation) for name, value in sums.items()}


def _sheet(rows: Tensor) -> np.ndarray:
    """[N, 3, h, w] -> [H, W, 3] uint8, three rows beside each other."""
    pictures = (rows.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    lines = [np.concatenate(pictures[i : i + 3], axis=1) for i in range(0, len(pictures) - 2, 3)]
    return np.concatenate(lines)
