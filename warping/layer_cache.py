"""Taking photos apart, with what was made kept on disk: a batch renders one photo many times."""

from __future__ import annotations

import hashlib
import logging
import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np

from .. import weights
from ..atomic import complete_or_nothing
from ..errors import InputError, UsageError
from .choice import chosen
from .inpainting import Inpainting
from .layers import Layer, PhotoLayers, prepare_photo
from .matte import Matting
from .rig import photo_rig

_log = logging.getLogger(__name__)
_ROOT = Path(__file__).parents[1]


class PhotoPreparation:
    """`prepare_photo` with the choices of a renderer.

    matting, inpainting: see `choice.chosen`. cache_dir: folder for photos taken apart, an .npz file
    of a few megabytes each, which later runs load instead of taking the photo apart again; None
    keeps none. A file's name is a hash of the photo, its pose, and what takes it apart. Nothing is
    deleted: the whole folder may be, at any time.
    Raises: UsageError for a cache with a matting or inpainting of one's own, whose versions nobody
    knows.
    """

    def __init__(
        self,
        matting: Matting | str | None = None,
        inpainting: Inpainting | str | None = None,
        cache_dir: str | Path | None = None,
    ) -> None:
        if cache_dir is not None and not (matting is inpainting is None):
            raise UsageError(
                "cache_dir keeps only what gesticulate's own matting and inpainting make. Leave "
                "out cache_dir, or the other two."
            )
        self.matting = chosen(matting, Matting)
        self.inpainting = chosen(inpainting, Inpainting)
        self.cache_dir = None if cache_dir is None else Path(cache_dir).expanduser()

    def __call__(self, photo: np.ndarray, points: np.ndarray) -> PhotoLayers:
        """photo: [H, W, 3] uint8 RGB. points: [133, 3], its skeleton, in its pixels."""
        if self.cache_dir is None:
            return self._made(photo, points)
        path = self.cache_dir / f"{key(photo, points)}.npz"
        if path.exists():
            with suppress(InputError):  # damaged: made again
                layers = load_layers(path)
                if np.array_equal(layers.photo, photo) and np.array_equal(layers.points, points):
                    return layers
            _log.info("The prepared photo %s is damaged and made again.", path)
        layers = self._made(photo, points)
        try:
            self.cache_dir.mkdir(parents=True, exist_ok=True)
            save_layers(path, layers)
        except OSError as error:
            _log.warning("The prepared photo cannot be kept in %s (%s).", self.cache_dir, error)
        return layers

    def _made(self, photo: np.ndarray, points: np.ndarray) -> PhotoLayers:
        return prepare_photo(photo, points, matting=self.matting, inpainting=self.inpainting)


def key(photo: np.ndarray, points: np.ndarray) -> str:
    """Hex digits that stand for a photo [H, W, 3] uint8 with a skeleton [133, 3], taken apart by
    this version."""
    digest = hashlib.sha256(_version())
    for array in (photo, points):
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:32]


@cache
def _version() -> bytes:
    """Of all that decides what comes out: code, networks, and the libraries that do the sums."""
    digest = hashlib.sha256(f"{cv2.__version__} {np.__version__}".encode())
    for path in _parts():
        digest.update(path.read_bytes())
    return digest.digest()


def _parts() -> Iterator[Path]:
    yield weights.FOLDER / "manifest.json"
    for folder in ("keypoints", "warping"):
        yield from sorted((_ROOT / folder).glob("*.py"))


def save_layers(path: str | Path, layers: PhotoLayers) -> None:
    """Write a photo taken apart (.npz), so that it need not be taken apart again."""
    arrays = {
        "photo": layers.photo,
        "background": layers.background,
        "person": layers.person,
        "points": layers.points,
        "parts": np.array([f"{layer.part} {layer.side}" for layer in layers.layers], dtype=str),
    }
    for number, layer in enumerate(layers.layers):
        arrays[f"texture{number}"] = layer.texture
        arrays[f"box{number}"] = np.array(layer.box)
        arrays[f"outline{number}"] = layer.outline
    with complete_or_nothing(path) as part, open(part, "wb") as file:
        np.savez_compressed(file, **arrays)


def load_layers(path: str | Path) -> PhotoLayers:
    """Read what `save_layers` wrote.

    Raises: InputError where the file is not one of those.
    """
    try:
        with np.load(path) as arrays:
            layers = []
            for number, name in enumerate(arrays["parts"].tolist()):
                part, side = name.split(" ")
                box = tuple(arrays[f"box{number}"].tolist())
                texture, outline = arrays[f"texture{number}"], arrays[f"outline{number}"]
                layers.append(Layer(part, side, texture, box, outline))
            photo, points = arrays["photo"], arrays["points"]
            rig = photo_rig(points, (photo.shape[1], photo.shape[0]))
            rest = arrays["background"], arrays["person"]
    except (KeyError, ValueError, EOFError, OSError, BadZipFile, zlib.error) as error:
        raise InputError(
            f"{path} does not hold a prepared photo ({error}). Delete it and prepare it again."
        ) from error
    return PhotoLayers(photo, *rest, tuple(layers), rig, points)
