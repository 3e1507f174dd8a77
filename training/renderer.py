"""Train the learned renderer: `gesticulate train renderer`."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from ..datasets.load import Clips
from ..errors import InputError, WeightsError
from ..evaluation.lpips import Lpips
from ..evaluation.lpips_weights import load_weights
from ..refinement.discriminator import PatchDiscriminator
from ..refinement.network import (
    FULL,
    LEAN,
    RendererNetwork,
    RendererOptions,
    load_renderer,
    save_renderer,
)
from ..weights import locate
from .frames import Batches, FrameStream
from .loop import Learner, Run, moving_average
from .options import RendererTraining
from .renderer_figures import Validation, validation_frames
from .renderer_losses import DrawingNetwork, Objective, critic_losses
from .scenes import Photo, planned_photos, prepare_photos, prepared

# S2G-MDD and the thin-plate-spline motion model.
_BETAS = (0.5, 0.999)
# Of the discriminator, by the renderer's size.
_CRITIC_WIDTHS = {"lean": (32, 64, 128), "full": (64, 128, 256)}


def train_renderer(options: RendererTraining) -> Path | None:
    """Train a renderer; returns the weights file it wrote (fp16 safetensors), None where only
    photos were to be prepared.

    The folder of the run gets checkpoints, metrics.jsonl, sheets/*.png of validation pairs and at
    the end renderer.safetensors with the averaged weights.
    Raises: WeightsError for missing weights, before anything is prepared.
    """
    _check_weights(options)
    photos = _photos(options, "train")
    held_out = _photos(options, "val")
    if options.stage == "prepare":
        return None
    torch.manual_seed(options.loop.seed)
    network = build(options)
    network.to(memory_format=torch.channels_last)
    validation = Validation(
        validation_frames(options.data, held_out or _first(photos), network.options.size),
        _judge(),
    )
    trained = _fit(options, network, photos, validation)
    path = options.loop.output / "renderer.safetensors"
    save_renderer(path, trained)
    return path


def _check_weights(options: RendererTraining) -> None:
    """Find out now rather than after minutes of preparing photos."""
    losses = options.losses
    if options.stage != "prepare" and (losses.perceptual or losses.perceptual_regions):
        load_weights(net=losses.perceptual_net)


def _photos(options: RendererTraining, split: str) -> list[Photo]:
    """The photos of a split, prepared."""
    data = options.data
    folder = data.scenes or options.loop.output / "scenes"
    planned = planned_photos(data, folder, split, Clips(data.folder))
    prepare_photos(data.folder, planned, data.prepare_workers)
    photos = prepared(planned)
    if not photos and split == "train":
        raise InputError(
            f"{data.folder} gives no photo to learn from: none of its clips of the split 'train' "
            "can be read, or shows a whole face. Build the data set from more videos, with "
            "--val-share 0 where they are of one person."
        )
    return photos


def _first(photos: list[Photo]) -> list[Photo]:
    """The first photo of each clip, to be measured where nobody is held out."""
    warnings.warn(
        "the data set has no clip of the split 'val': figures and sheets are of clips that are "
        "learned from",
        stacklevel=2,
    )
    return list({photo.row.id: photo for photo in reversed(photos)}.values())[::-1]


def _judge() -> Lpips | None:
    """What measures LPIPS in validation, where its weights are on this machine."""
    try:
        return Lpips.pretrained()
    except WeightsError as error:
        warnings.warn(f"validation goes without LPIPS: {error}", stacklevel=2)
        return None


def build(options: RendererTraining) -> RendererNetwork:
    """The network to be trained, with the weights of `options.init` as far as they fit."""
    wanted = {"lean": LEAN, "full": FULL}[options.size]
    assert wanted.refiner is not None
    refiner = replace(wanted.refiner, structure=options.structure)
    loaded = load_renderer(locate(options.init)) if options.init else None
    if loaded is not None:
        begun: RendererOptions = loaded.options
        if begun.refiner is not None:
            refiner = replace(begun.refiner, structure=options.structure)
        wanted = replace(wanted, motion=begun.motion, size=begun.size)
    network = RendererNetwork(replace(wanted, refiner=None if options.stage == "warp" else refiner))
    if loaded is not None:
        _take(network, loaded)
    if options.stage == "refine":
        # Of the warp only what is chosen from its features goes on learning: among that are the
        # masks of what the refiner may take from the photo, which nothing has trained before.
        network.motion.requires_grad_(False)
        network.motion.heads.requires_grad_(True)
        network.motion.coarse_occlusion.requires_grad_(True)
    return network


def _take(network: RendererNetwork, loaded: RendererNetwork) -> None:
    """Copy every weight that both networks have in the same shape."""
    own = network.state_dict()
    fitting = {
        name: value
        for name, value in loaded.state_dict().items()
        if name in own and own[name].shape == value.shape
    }
    network.load_state_dict(fitting, strict=False)
    new = {name.partition(".")[0] for name in own.keys() - fitting.keys()}
    if new:
        warnings.warn(f"starting untrained: {', '.join(sorted(new))}", stacklevel=2)


def _fit(
    options: RendererTraining,
    network: RendererNetwork,
    photos: list[Photo],
    validation: Validation,
) -> RendererNetwork:
    """The loop: the renderer's step, then the discriminator's."""
    run = Run(options.loop)
    device = run.accelerator.device
    averaged = moving_average(network, options.loop.ema).to(device)
    learner = run.learner(DrawingNetwork(network), betas=_BETAS)
    critic = _critic(options, run)
    objective = Objective(options.losses, device)
    run.resume(averaged)
    stream = FrameStream(
        options.data, photos, network.options.size, options.loop.batch,
        options.loop.seed, run.accelerator.process_index,
    )  # fmt: skip
    batches = Batches(stream, options.loop.steps)

    def validate() -> dict[str, float]:
        return _validate(options, run, averaged.module, validation)

    while run.unfinished:
        frames = batches(run.step).to(device)
        learner.model.train()
        network.motion.train(options.stage != "refine")
        judge = critic if run.step >= options.losses.adversarial_from else None
        with run.accelerator.autocast():
            drawn = learner.model(frames)
            terms = objective(drawn, frames, _frozen(judge) if judge else None)
        learner.learn(terms["loss"])
        if judge:
            with run.accelerator.autocast():
                found = critic_losses(_thawed(judge).model, drawn, frames)
            judge.learn(found["critic"])
            terms |= found
        averaged.update_parameters(network)
        run.finish_step(terms, validate, learner.scheduler.get_last_lr()[0])
    return averaged.module.eval()


def _critic(options: RendererTraining, run: Run) -> Learner | None:
    """The discriminator; none where only the warp is trained, or it would never be heard."""
    losses = options.losses
    if options.stage == "warp" or losses.adversarial == 0:
        return None
    module = PatchDiscriminator(_CRITIC_WIDTHS[options.size], edges=options.structure != "none")
    module.to(memory_format=torch.channels_last)
    return run.learner(module, losses.discriminator_rate, _BETAS)


def _frozen(critic: Learner) -> nn.Module:
    """The discriminator for the renderer's step: gradients go through it, not into it."""
    return critic.module.requires_grad_(False)


def _thawed(critic: Learner) -> Learner:
    """The discriminator for its own step."""
    critic.module.requires_grad_(True)
    critic.model.train()
    return critic


def _validate(
    options: RendererTraining, run: Run, network: RendererNetwork, validation: Validation
) -> dict[str, float]:
    """Figures of the averaged weights, and a sheet."""
    network.eval()
    with run.accelerator.autocast():
        drawn = validation.drawn(lambda frames: network(frames.inputs), run.accelerator.device)
    if run.accelerator.is_main_process:
        sheet = options.loop.output / "sheets" / f"step-{run.step:06d}.png"
        validation.write_sheet(sheet, drawn)
    return validation.figures(drawn)
