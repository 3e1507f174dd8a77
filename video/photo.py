"""Photos -> RGB arrays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..media_probe import check_file

if TYPE_CHECKING:
    from PIL import Image

# A face of a third of the picture would have 20 pixels: no mouth is left to move.
MIN_SIDE = 64
# Beyond this a file is more likely an attack or a mistake than a photo (a phone's largest
# panorama has about 100 million).
_MAX_PIXELS = 250_000_000


def read_photo(path: str | Path) -> np.ndarray:
    """A photo, upright, as [H, W, 3] uint8 RGB.

    Turned as its EXIF data say. What is transparent becomes white. 16 bits a channel are scaled
    to 8; grey, palette and CMYK pictures become RGB; of an animation the first picture is taken.
    Raises: InputError where the file is missing, empty, damaged, of an unknown kind, or smaller
    than 64 pixels a side.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    path = Path(path)
    check_file(path, "photo")
    try:
        with Image.open(path) as opened:
            _check_size(path, opened.size)
            photo = ImageOps.exif_transpose(opened)
            pixels = _to_rgb(photo)
    except UnidentifiedImageError as error:
        raise InputError(_unknown_kind(path)) from error
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise InputError(
            f"the photo {path} is damaged and cannot be decoded ({error}). "
            "Save or copy it again, as PNG or JPEG."
        ) from error
    return pixels


def _check_size(path: Path, size: tuple[int, int]) -> None:
    if min(size) < MIN_SIDE:
        raise InputError(
            f"the photo {path} has {size[0]} x {size[1]} pixels; at least {MIN_SIDE} a side are "
            "needed, 512 or more look good. Give a larger picture of the person."
        )
    if size[0] * size[1] > _MAX_PIXELS:
        raise InputError(
            f"the photo {path} has {size[0]} x {size[1]} pixels, more than {_MAX_PIXELS / 1e6:.0f}"
            " million. Scale it down first."
        )


def _to_rgb(photo: Image.Image) -> np.ndarray:
    """[H, W, 3] uint8 of any mode that Pillow has."""
    from PIL import Image

    if photo.mode.startswith(("I;16", "I", "F")):
        return _grey_to_rgb(np.asarray(photo))
    if photo.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in photo.info:
        photo = photo.convert("RGBA")
        white = Image.new("RGBA", photo.size, "white")
        photo = Image.alpha_composite(white, photo)
    return np.array(photo.convert("RGB"))


def _grey_to_rgb(grey: np.ndarray) -> np.ndarray:
    """Grey of more than 8 bits. Pillow would cut it off at 255 instead of scaling it."""
    grey = grey.astype(np.float64)
    full = 65535.0 if grey.max() > 255 else 255.0 if grey.max() > 1 else 1.0
    scaled = np.clip(np.rint(grey / full * 255), 0, 255).astype(np.uint8)
    return np.repeat(scaled[..., None], 3, axis=-1)


def _unknown_kind(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(32)
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
        return (
            f"{path} is a HEIC photo, the format of Apple's cameras, which cannot be read here. "
            "Export it as JPEG (on a Mac: open it in Preview, File > Export) and give that file."
        )
    return f"{path} is not a picture that can be read, or it is damaged. Give a PNG or JPEG file."
