"""The public weights of AnimateAnyone's reimplementation, read into our networks.

Four files of the reimplementation, the autoencoder and the CLIP image encoder, in the folder
layout that the reimplementation itself uses. Every tensor is mapped; one that is missing or has no
place is an error.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import WeightsError
from ..weights import reachable, user_folder
from .checkpoint import assemble
from .coders import PictureCoders
from .networks import FULL, AnimationNetwork, AnimationOptions


@dataclass(frozen=True)
class PublicFile:
    """place: in the folder. repository, file: on the Hugging Face hub."""

    place: str
    repository: str
    file: str


_ANYONE = "patrolli/AnimateAnyone"
_VAE = "stabilityai/sd-vae-ft-mse"
_CLIP = "lambdalabs/sd-image-variations-diffusers"
# Each of the four files, and the part of our networks that it fills.
PARTS = {
    "reference_unet.pth": "reference",
    "denoising_unet.pth": "denoiser",
    "motion_module.pth": "denoiser",
    "pose_guider.pth": "guider",
}
NETWORK_FILES = tuple(PublicFile(name, _ANYONE, name) for name in PARTS)
CODER_FILES: tuple[PublicFile, ...] = (
    PublicFile("sd-vae-ft-mse/config.json", _VAE, "config.json"),
    PublicFile(
        "sd-vae-ft-mse/diffusion_pytorch_model.safetensors",
        _VAE,
        "diffusion_pytorch_model.safetensors",
    ),
    PublicFile("image_encoder/config.json", _CLIP, "image_encoder/config.json"),
    PublicFile("image_encoder/pytorch_model.bin", _CLIP, "image_encoder/pytorch_model.bin"),
)
_MOTION = re.compile(r"(.+\.motion_modules\.\d+)\.temporal_transformer\.(.+)")
_BLOCK = (
    (r"attention_blocks\.(0|1)\.pos_encoder\.pe$", lambda _: "pos_embed.pe"),
    (r"attention_blocks\.(0|1)\.", lambda found: f"attn{int(found[1]) + 1}."),
    (r"(?<![\w.])norms\.(0|1)\.", lambda found: f"norm{int(found[1]) + 1}."),
    (r"ff_norm\.", lambda _: "norm3."),
)


def public_folder() -> Path:
    """Where a person puts the public files by hand."""
    return user_folder() / "animate-anyone"


def our_name(file: str, name: str) -> str:
    """The name in `AnimationNetwork`'s state of a tensor of one of the four files."""
    motion = _MOTION.fullmatch(name)
    if motion is None:
        return f"{PARTS[file]}.{name}"
    module, inner = motion.groups()
    head, block, rest = inner.partition("transformer_blocks.0.")
    for pattern, replace in _BLOCK if block else ():
        rest = re.sub(rf"^{pattern}", replace, rest)
    return f"{PARTS[file]}.{module}.{head}{block}{rest}"


def converted(file: str, tensors: dict[str, Tensor], into: dict[str, Tensor]) -> None:
    """Add the tensors of one of the four files, under our names.

    Raises: WeightsError where two tensors that become one are not the same.
    """
    for name, value in tensors.items():
        own = our_name(file, name)
        # The public motion modules keep a table of positions for each attention, ours one for both.
        if own in into and not torch.equal(into[own], value):
            raise WeightsError(f"{file}: {name} differs from another tensor that is also {own}.")
        into[own] = value


def load_public_network(
    folder: Path | None = None,
    options: AnimationOptions = FULL,
    dtype: torch.dtype = torch.float32,
) -> AnimationNetwork:
    """The networks of the four files. folder: of the files; None as `public_files` finds them.

    Raises: WeightsError where files are missing, damaged, or do not fit.
    """
    tensors: dict[str, Tensor] = {}
    for name, path in public_files(NETWORK_FILES, folder).items():
        converted(name, _read(path), tensors)
    return assemble(options, tensors, "the public weights", dtype)


def load_public_coders(folder: Path | None = None) -> PictureCoders:
    """The autoencoder and CLIP. Raises: WeightsError as `load_public_network`."""
    from diffusers import AutoencoderKL
    from transformers import CLIPVisionModelWithProjection

    paths = public_files(CODER_FILES, folder)
    kinds = {"sd-vae-ft-mse": AutoencoderKL, "image_encoder": CLIPVisionModelWithProjection}
    loaded: list[Any] = []
    for place, kind in kinds.items():
        source = paths[f"{place}/config.json"].parent
        try:
            model, report = kind.from_pretrained(source, output_loading_info=True)
        except Exception as error:
            raise WeightsError(f"{source} cannot be read ({error}). Fetch it again.") from error
        # Older transformers saved the numbers of CLIP's patches as if they were weights.
        odd = {key for key in report["unexpected_keys"] if not key.endswith("position_ids")}
        wrong = {*report["missing_keys"], *odd}
        if wrong:
            raise WeightsError(f"{source} does not fit: {sorted(wrong)[:3]}. Fetch it again.")
        loaded.append(model)
    return PictureCoders(*loaded)


def public_files(wanted: tuple[PublicFile, ...], folder: Path | None = None) -> dict[str, Path]:
    """The wanted files by their places: in the folder, or, without one, in `public_folder`, the
    Hugging Face cache or from the network.

    Raises: WeightsError that names all that are missing.
    """
    found = {one.place: _find(one, folder) for one in wanted}
    missing = [one for one in wanted if found[one.place] is None]
    reason = "" if folder is None else f"; looked in {folder}"
    if missing and folder is None:
        reason = _download(missing, found)
        missing = [one for one in wanted if found[one.place] is None]
    if missing:
        raise WeightsError(_advice(missing, folder, reason))
    return {place: path for place, path in found.items() if path is not None}


def _find(one: PublicFile, folder: Path | None) -> Path | None:
    """The file, or the same in the older format."""
    for name in (one.place, one.place.replace(".safetensors", ".bin")):
        if ((folder or public_folder()) / name).is_file():
            return (folder or public_folder()) / name
    if folder is not None:
        return None
    from huggingface_hub import try_to_load_from_cache

    for name in (one.file, one.file.replace(".safetensors", ".bin")):
        cached = try_to_load_from_cache(one.repository, name)
        if isinstance(cached, str):
            return Path(cached)
    return None


def _download(missing: list[PublicFile], found: dict[str, Path | None]) -> str:
    """Fetch into the Hugging Face cache. Returns why not, where not."""
    from huggingface_hub import constants, hf_hub_download

    if constants.HF_HUB_OFFLINE:
        return "; HF_HUB_OFFLINE is set"
    if not reachable(constants.ENDPOINT):
        return f"; {constants.ENDPOINT} does not answer"
    try:
        for one in missing:
            found[one.place] = Path(hf_hub_download(one.repository, one.file))
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        return f"; {type(error).__name__}: {lines[0]}"
    return ""


def _advice(missing: list[PublicFile], folder: Path | None, reason: str) -> str:
    places = ", ".join(one.place for one in missing)
    sources = ", ".join(
        f"https://huggingface.co/{name}"
        for name in dict.fromkeys(one.repository for one in missing)
    )
    return (
        f"The diffusion renderer's weights are not here ({len(missing)} files missing{reason}). "
        f"Put {places} from {sources} into {folder or public_folder()}"
        f"{'' if folder else ', or run once with a network (some 10 GB in all)'}; "
        "`gesticulate convert animation` then makes one file of half the size of them. "
        "--preset contextual renders without them."
    )


def _read(path: Path) -> dict[str, Tensor]:
    try:
        # Only files of the newer format can be read bit by bit.
        mapped = zipfile.is_zipfile(path)
        tensors = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError) as error:
        raise WeightsError(
            f"{path} cannot be read ({type(error).__name__}). Expected the public file of tensors; "
            "fetch it again."
        ) from error
    if not isinstance(tensors, dict) or not all(isinstance(v, Tensor) for v in tensors.values()):
        raise WeightsError(f"{path} is no file of tensors by name. Fetch it again.")
    return tensors
