"""Train the diffusion renderer: `gesticulate train animation`.

Hu et al., "Animate Anyone" (CVPR 2024), section 3.3: first single frames from a photo and a pose,
with everything but the motion modules; then windows of frames, with those alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..animation.checkpoint import load_animation, save_animation
from ..animation.coders import PictureCoders, tiny_coders
from ..animation.networks import FULL, TINY, AnimationNetwork, AnimationOptions
from ..animation.public import (
    CODER_FILES,
    load_public_coders,
    load_public_network,
    public_files,
)
from ..errors import UsageError, WeightsError
from ..weights import locate
from .animation_data import PosedClips, held_out, in_order
from .animation_figures import Validation
from .animation_objective import Objective, draw_noise, encode
from .loop import Run, moving_average
from .options import AnimationTraining

_BETAS = (0.9, 0.999)
_SIZES = {"full": FULL, "tiny": TINY}


def train_animation(options: AnimationTraining) -> Path:
    """Train one stage; returns the weights file it wrote.

    The folder of the run gets checkpoints, metrics.jsonl, sheets/*.png of validation samples and at
    the end animation.safetensors with the averaged weights.
    Raises: UsageError for sizes that do not fit, InputError as the data set, WeightsError as the
    weights to begin with.
    """
    network_options = _network_options(options)
    frames = 1 if options.stage == "pairs" else options.data.frames
    loop = options.loop
    # What is missing is said before the networks are built, which takes a while.
    validation = Validation(held_out(options.data, frames), options)
    if options.size == "full":
        public_files(CODER_FILES, options.coders)
    torch.manual_seed(loop.seed)
    network = build(options, network_options)
    coders = _coders(options)
    trained = _fit(options, network, coders, validation, frames)
    path = loop.output / "animation.safetensors"
    save_animation(path, trained)
    return path


def _network_options(options: AnimationTraining) -> AnimationOptions:
    sizes = _SIZES[options.size]
    if options.data.size % sizes.multiple:
        raise UsageError(
            f"data.size is {options.data.size}. Expected a multiple of {sizes.multiple} pixels."
        )
    if options.stage == "motion" and options.data.frames > sizes.max_frames:
        raise UsageError(
            f"data.frames is {options.data.frames}. The motion modules see at most "
            f"{sizes.max_frames} frames."
        )
    if options.stage == "motion" and options.init is None:
        raise UsageError(
            "The stage `motion` needs --init: the animation.safetensors of the stage `pairs`."
        )
    return replace(sizes, motion=options.stage == "motion")


def build(options: AnimationTraining, sizes: AnimationOptions) -> AnimationNetwork:
    """The network to be trained, begun as the options say; only the stage's parameters ask for
    gradients."""
    network = AnimationNetwork(sizes)
    if options.init == "public":
        _take(network, load_public_network().state_dict(), "the public weights")
    elif options.init is not None and options.init.endswith(".safetensors"):
        loaded = load_animation(locate(options.init))
        if replace(loaded.options, motion=sizes.motion) != sizes:
            raise WeightsError(
                f"{options.init} has other sizes ({loaded.options}) than the network to train "
                f"({sizes})."
            )
        _take(network, loaded.state_dict(), options.init)
    elif options.init is not None:
        _copy_stable_diffusion(network, options.init)
    if options.motion_init is not None and sizes.motion:
        _begin_motion(network, options.motion_init)
    elif sizes.motion and not _moves(network):
        warnings.warn("starting untrained: the motion modules", stacklevel=2)
    _freeze(network, options.stage)
    if options.gradient_checkpointing:
        network.reference.enable_gradient_checkpointing()
        network.denoiser.enable_gradient_checkpointing()
    return network


def _freeze(network: AnimationNetwork, stage: str) -> None:
    """Leave gradients to what the stage trains."""
    if stage == "motion":
        network.requires_grad_(False)
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(".motion_modules." in name)
    else:
        # As the public code does: the last tokens are written in this block, and most of its layers
        # come after them, where nobody reads.
        network.reference.up_blocks[-1].requires_grad_(False)


def _take(network: AnimationNetwork, tensors: Mapping[str, Tensor], source: str) -> None:
    """Copy tensors by name; only motion modules may be missing or left over."""
    try:
        missing, unexpected = network.load_state_dict(tensors, strict=False)
    except RuntimeError as error:
        raise WeightsError(
            f"{source} does not fit the network to train: {str(error).splitlines()[-1].strip()}"
        ) from None
    odd = [name for name in (*missing, *unexpected) if ".motion_modules." not in name]
    if odd:
        raise WeightsError(f"{source} does not fit the network to train: {odd[:3]}.")


def _moves(network: AnimationNetwork) -> bool:
    """Whether the motion modules do anything: untrained ones end in zeros."""
    ends = (v for n, v in network.named_parameters() if ".motion_modules." in n and "proj_out" in n)
    return any(bool(end.any()) for end in ends)


def _copy_stable_diffusion(network: AnimationNetwork, source: str) -> None:
    """Begin both networks as copies of a Stable Diffusion's UNet."""
    from diffusers import UNet2DConditionModel

    own = Path(source) / "config.json"
    try:
        folder = {} if own.is_file() else {"subfolder": "unet"}
        unet: Any = UNet2DConditionModel.from_pretrained(source, **folder)
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"Could not load a Stable Diffusion 1.5 from {source!r}: {str(error).splitlines()[0]} "
            "Give its hub name, or the folder it lies in."
        ) from error
    tensors = unet.state_dict()
    try:
        for part in (network.reference, network.denoiser):
            missing, unexpected = part.load_state_dict(tensors, strict=False)
            odd = [name for name in missing if ".motion_modules." not in name]
            # The reference network has no output layers.
            odd += [
                name for name in unexpected if not name.startswith(("conv_norm_out", "conv_out"))
            ]
            if odd:
                raise RuntimeError(f"{odd[:3]}")
    except RuntimeError as error:
        raise WeightsError(
            f"The UNet of {source!r} is not of the size of the network to train: {error}"
        ) from None


def _begin_motion(network: AnimationNetwork, source: str) -> None:
    """Begin the motion modules as those of AnimateDiff (Guo et al., ICLR 2024)."""
    from diffusers import MotionAdapter

    try:
        network.denoiser.load_motion_modules(MotionAdapter.from_pretrained(source))
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"Could not begin the motion modules with {source!r}: {str(error).splitlines()[0]} "
            "Give the hub name or folder of a motion adapter of Stable Diffusion 1.5's sizes."
        ) from error


def _coders(options: AnimationTraining) -> PictureCoders:
    if options.size == "tiny":
        return tiny_coders(TINY.token)
    return load_public_coders(options.coders)


def _fit(
    options: AnimationTraining,
    network: AnimationNetwork,
    coders: PictureCoders,
    validation: Validation,
    frames: int,
) -> AnimationNetwork:
    """The loop; returns the averaged network."""
    loop = options.loop
    run = Run(loop)
    device, process = run.accelerator.device, run.accelerator.process_index
    averaged = moving_average(network, loop.ema).to(device)
    coders.to(device)
    learner = run.learner(Objective(network, options.gamma), betas=_BETAS)
    run.resume(averaged)
    stream = PosedClips(options.data, frames, loop.batch, loop.seed, process)
    batches = in_order(stream, run.step, loop.steps)

    def validate() -> dict[str, float]:
        with run.accelerator.autocast():
            figures = validation.figures(averaged.module, coders, device)
            if run.accelerator.is_main_process:
                sheet = loop.output / "sheets" / f"step-{run.step:06d}.png"
                figures |= validation.write_sheet(sheet, averaged.module, coders, device)
        return figures

    while run.unfinished:
        learner.model.train()
        latents = encode(coders, next(batches), device)
        noise = draw_noise(
            latents.target.shape, options.noise_offset, options.hide_photo,
            (loop.seed, process, run.step),
        )  # fmt: skip
        with run.accelerator.autocast():
            terms = learner.model(latents, noise.to(device))
        learner.learn(terms["loss"])
        averaged.update_parameters(network)
        run.finish_step(terms, validate, learner.scheduler.get_last_lr()[0])
    return averaged.module.eval()
