"""What the command line asks for the diffusion renderer's weights. Light: --help must answer at
once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro import conf


@dataclass(frozen=True)
class ConvertOptions:
    """Make one file of the public AnimateAnyone weights, half as large as they are.

    Without FOLDER they are looked for where the renderer looks for them, and fetched if need be
    (some 10 GB). Licences and sources: docs/animation.md.
    """

    folder: Annotated[conf.Positional[Path | None], conf.arg(metavar="FOLDER")] = None
    """Folder with reference_unet.pth, denoising_unet.pth, motion_module.pth, pose_guider.pth, and
    the folders sd-vae-ft-mse and image_encoder."""
    out: Annotated[Path | None, conf.arg(aliases=["-o"])] = None
    """The .safetensors file to write; by default where the renderer looks for it."""
