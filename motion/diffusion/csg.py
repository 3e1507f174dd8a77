"""The public checkpoint of Democratizing (Yang et al. 2025), read into our own network.

Its skeletons are 123 points of COCO-WholeBody (133 without legs and feet) relative to the neck, the
face's to the nose, the hands' to their wrists, in the training set's mean and spread, which lie in
files of their own. Its speech is the last layer of wav2vec 2.0 base, at 25 frames a second.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import WeightsError
from .skeleton_network import SkeletonDenoiser, SkeletonOptions, sinusoids

OPTIONS = SkeletonOptions(
    speech_channels=768,
    dims=2 * 123,
    width=1024,
    heads=16,
    hidden=4096,
    layers=16,
    fusion=4096,
    speech_layers=0,
    window=250,
    history=25,
    norm_first=False,
    speech_encoder="wav2vec2",
)
# Their names -> ours; what stands behind a prefix stays.
PREFIXES = {
    "input_process.poseEmbedding.": "embed_frame.",
    "concat_to_hidden.": "fuse.",
    "seqTransEncoder.layers.": "transformer.layers.",
    "embed_timestep.time_embed.": "embed_step.layers.",
    "embed_audio.": "embed_speech.",
    "output_process.poseFinal.": "read.",
}
NAMES = {"audio_learnable": "unheard"}
# Sines and cosines, which our network computes.
COMPUTED = {"sequence_pos_encoder.pe", "embed_timestep.sequence_pos_encoder.pe"}
# What our network holds besides: the statistics of the training set, from their own files.
STATISTICS = {"mean", "spread", "speech_mean", "speech_std"}


def translate(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of the public checkpoint under our network's names.

    Raises: WeightsError for a key that has no place here, and for position tables that are not
    the sines and cosines of our network.
    """
    ours: dict[str, Tensor] = {}
    for key, value in theirs.items():
        if key in COMPUTED:
            _check_positions(key, value)
            continue
        prefix = next((p for p in PREFIXES if key.startswith(p)), None)
        if key not in NAMES and prefix is None:
            raise WeightsError(
                f"The checkpoint has {key!r}, which this network has no place for. Expected the "
                "`model` of the public checkpoint of Democratizing (audio_concat, long_video)."
            )
        ours[NAMES[key] if prefix is None else PREFIXES[prefix] + key[len(prefix) :]] = value
    return ours


def fill_public(denoiser: SkeletonDenoiser, theirs: dict[str, Tensor]) -> SkeletonDenoiser:
    """Put the public checkpoint's tensors into a network of its sizes; back in eval mode.

    The tensors are taken as they are, not copied. The training set's mean and spread stay.
    Raises: WeightsError where keys are missing, unknown, or of another shape.
    """
    ours = translate(theirs)
    try:
        missing, unexpected = denoiser.load_state_dict(ours, strict=False, assign=True)
    except RuntimeError as error:
        raise WeightsError(f"The checkpoint does not fit the network: {error}") from None
    missing = sorted(set(missing) - STATISTICS)
    if missing or unexpected:
        raise WeightsError(
            f"The checkpoint does not fit the network: missing {missing[:3]}, "
            f"unexpected {unexpected[:3]}."
        )
    return denoiser.eval().requires_grad_(False)


def load_public(path: Path, mean: Tensor, spread: Tensor) -> SkeletonDenoiser:
    """Read the public checkpoint, a torch file of model, optimizer, step and mean_loss.

    mean, spread: [246], of its training set (`Mean_*_no_leg.npy`, `Std_*_no_leg.npy` without their
    first point, the neck). Nothing but tensors and numbers is read from the file: no code runs.
    Raises: WeightsError where the file is missing, damaged, or of another network, and for
    statistics of another length.
    """
    for name, values in (("mean", mean), ("spread", spread)):
        if values.shape != (OPTIONS.dims,):
            raise WeightsError(
                f"The {name} has the shape {list(values.shape)}. Expected [{OPTIONS.dims}]: x and "
                "y of each point but the neck."
            )
    try:
        with torch.serialization.safe_globals(_numbers()):
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        raise WeightsError(f"No weights at {path}.") from None
    except Exception as error:
        raise WeightsError(
            f"{path} is no checkpoint of PyTorch with nothing but tensors and numbers in it. "
            "Expected the public checkpoint; fetch it again."
        ) from error
    if not isinstance(found, dict) or "model" not in found:
        raise WeightsError(f"{path} has no `model`. Expected the public checkpoint.")
    with torch.device("meta"):
        denoiser = SkeletonDenoiser(OPTIONS)
    denoiser = fill_public(denoiser, found["model"])
    denoiser.mean, denoiser.spread = mean.float(), spread.float()
    # wav2vec 2.0 is read as it comes.
    denoiser.speech_mean = torch.zeros(OPTIONS.speech_channels)
    denoiser.speech_std = torch.ones(OPTIONS.speech_channels)
    return denoiser


def _numbers() -> list[Any]:
    """What a number of numpy's is stored by: the mean loss may be one."""
    scalar = np.float64(0).__reduce__()[0]
    return [scalar, np.dtype, *(type(np.dtype(kind)) for kind in (np.float32, np.float64))]


def _check_positions(key: str, table: Tensor) -> None:
    """table: [N, 1, W]. On the meta device only its shape can be looked at."""
    if table.dim() != 3 or table.shape[1] != 1:
        raise WeightsError(f"{key!r} has the shape {list(table.shape)}. Expected [N, 1, W].")
    if table.device.type == "meta":
        return
    wanted = sinusoids(torch.arange(len(table)), table.shape[2])
    if not torch.allclose(table[:, 0].float(), wanted, atol=1e-2):
        raise WeightsError(f"{key!r} holds other positions than the sines and cosines of our own.")
