"""Photos -> RGB arrays."""

from __future__ import annotations

import io
import logging
import warnings
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
# panorama has about 100 million); Pillow itself refuses 179 million.
_MAX_PIXELS = 170_000_000

_log = logging.getLogger(__name__)


def read_photo(path: str | Path) -> np.ndarray:
    """A photo, upright, in sRGB, as [H, W, 3] uint8 RGB.

    Turned as its EXIF data say, and converted from its colour profile. What is transparent becomes
    white. 16 bits a channel are scaled to 8; grey, palette, CMYK and Lab pictures become RGB; of
    an animation the first picture is taken, with a warning. Damaged EXIF data and profiles are
    left out, with a warning.
    Raises: InputError where the file is missing, empty, damaged, of an unknown kind, smaller than
    64 pixels a side, or of more than 170 million pixels.
    """
    from PIL import Image, UnidentifiedImageError

    path = Path(path)
    check_file(path, "photo")
    try:
        with warnings.catch_warnings():
            # Of large pictures: what is too large is said below. Of EXIF data: said here.
            warnings.simplefilter("ignore")
            with Image.open(path) as opened:
                _check_size(path, opened.size)
                if getattr(opened, "n_frames", 1) > 1:
                    _log.warning("%s is an animation: its first picture is taken.", path)
                opened.load()
                return _to_rgb(_upright(path, opened), path)
    except InputError:
        raise
    except UnidentifiedImageError as error:
        raise InputError(_unknown_kind(path)) from error
    except Image.DecompressionBombError as error:
        raise InputError(_too_large(path, "")) from error
    except Exception as error:  # each of Pillow's formats has its own way to fail
        raise InputError(
            f"the photo {path} is damaged and cannot be decoded ({error}). "
            "Save or copy it again, as PNG or JPEG."
        ) from error


def _check_size(path: Path, size: tuple[int, int]) -> None:
    if min(size) < MIN_SIDE:
        raise InputError(
            f"the photo {path} has {size[0]} x {size[1]} pixels; at least {MIN_SIDE} a side are "
            "needed, 512 or more look good. Give a larger picture of the person."
        )
    if size[0] * size[1] > _MAX_PIXELS:
        raise InputError(_too_large(path, f" ({size[0]} x {size[1]})"))


def _too_large(path: Path, told: str) -> str:
    return (
        f"the photo {path} has more than {_MAX_PIXELS / 1e6:.0f} million pixels{told}. "
        "Scale it down first; more than 4000 a side are of no use here."
    )


def _upright(path: Path, photo: Image.Image) -> Image.Image:
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(photo)
    except Exception:  # a tag of any kind may be damaged
        _log.warning("The EXIF data of %s are damaged and left out: is the picture upright?", path)
        return photo


def _to_rgb(photo: Image.Image, path: Path) -> np.ndarray:
    """[H, W, 3] uint8 of any mode that Pillow has."""
    from PIL import Image

    if photo.mode.startswith(("I;16", "I", "F")):
        return _grey_to_rgb(np.asarray(photo))
    if photo.mode in ("P", "PA", "LA", "La", "RGBa") or "transparency" in photo.info:
        photo = _kept_profile(photo, photo.convert("RGBA"))
    elif photo.mode not in ("RGB", "RGBA", "CMYK", "L", "LAB"):
        photo = _kept_profile(photo, photo.convert("RGB"))
    photo = _in_srgb(photo, path)
    if photo.mode == "RGBA":
        white = Image.new("RGBA", photo.size, "white")
        photo = Image.alpha_composite(white, photo)
    return np.array(photo.convert("RGB"))


def _kept_profile(before: Image.Image, after: Image.Image) -> Image.Image:
    # A profile of greys does not fit the colours they have become.
    if before.mode not in ("LA", "La"):
        after.info["icc_profile"] = before.info.get("icc_profile")
    return after


def _in_srgb(photo: Image.Image, path: Path) -> Image.Image:
    """Through the photo's ICC profile: AdobeRGB's and Display P3's numbers taken for sRGB's would
    be pale, a printer's inks garish."""
    from PIL import ImageCms

    data = photo.info.get("icc_profile")
    if photo.mode == "LAB":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    elif not data:
        return photo
    try:
        if photo.mode != "LAB":
            profile = ImageCms.ImageCmsProfile(io.BytesIO(data or b""))
            if "srgb" in ImageCms.getProfileDescription(profile).lower():
                return photo
        mode = "RGBA" if photo.mode == "RGBA" else "RGB"
        srgb = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(photo, profile, srgb, outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        if photo.mode == "LAB":
            raise
        _log.warning("The colour profile of %s is left out: %s. Colours may be off.", path, error)
        return photo
    assert converted is not None  # only where it works in place
    return converted


def _grey_to_rgb(grey: np.ndarray) -> np.ndarray:
    """Grey of more than 8 bits. Pillow would cut it off at 255 instead of scaling it."""
    grey = np.nan_to_num(grey.astype(np.float64))
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
