"""Where the weights are: the registry of embedded and public files, each with its checksum.

``manifest.json`` has a row a file. A file is looked for in this folder (embedded), in the user's
own folder (`user_folder`: put there by hand), in the Hugging Face cache, and last on the network.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from ..atomic import complete_or_nothing
from ..errors import WeightsError

FOLDER = Path(__file__).parent
# Seconds until a network that does not answer counts as none.
_PATIENCE = 3.0
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Weights:
    """A row of the registry.

    file: its name. what: one line. licence: SPDX name or a short statement. bytes: its size.
    sha256: hex digest. repository, revision: on the Hugging Face hub; None for embedded weights.
    train: the command that makes weights which are not part of gesticulate yet; those have no size
        and digest.
    """

    name: str
    file: str
    what: str
    licence: str
    bytes: int = 0
    sha256: str = ""
    repository: str | None = None
    revision: str | None = None
    train: str | None = None

    @property
    def source(self) -> str:
        """Where the file comes from, for people."""
        if self.repository is None:
            return "part of gesticulate"
        return f"https://huggingface.co/{self.repository}/resolve/{self.revision}/{self.file}"


@dataclass(frozen=True)
class Description:
    """What `--dry-run` says of weights. path: where they are; None where not on this machine."""

    weights: Weights
    path: Path | None

    def __str__(self) -> str:
        w = self.weights
        if w.train and not self.path:
            return f"{w.name}: {w.what}, {w.licence}, not here; made by `{w.train}`"
        where = str(self.path) if self.path else f"to be fetched from {w.source}"
        return f"{w.name}: {w.what}, {w.bytes / 1e6:.1f} MB, {w.licence}, {where}"


def names() -> list[str]:
    """The names of all weights."""
    return list(_registry(FOLDER))


def get(name: str) -> Weights:
    """The row of a name. Raises: WeightsError for a name that is not in the registry."""
    registry = _registry(FOLDER)
    if name not in registry:
        near = difflib.get_close_matches(name, registry, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known are {', '.join(registry)}."
        raise WeightsError(f"No weights are called {name!r}. {hint}")
    return registry[name]


def describe(name: str) -> Description:
    """Source, licence, size and place of weights, without fetching or reading them."""
    weights = get(name)
    return Description(weights, _find(weights))


def available(name: str) -> bool:
    """Whether weights are on this machine."""
    return _find(get(name)) is not None


def resolve(name: str) -> Path:
    """The path of weights, fetched if need be, whole and unchanged.

    Raises: WeightsError where they are damaged, missing, or cannot be fetched.
    """
    weights = get(name)
    path = _find(weights) or _fetch(weights)
    _verify(path, weights)
    return path


def verify(name: str) -> Path | None:
    """Read weights that are on this machine and compare their checksum; None where they are not.

    Raises: WeightsError where they are damaged.
    """
    weights = get(name)
    path = _find(weights)
    if path is not None:
        _verify(path, weights, again=True)
    return path


def locate(name_or_path: str) -> Path:
    """A .safetensors or .onnx file by its path, or registered weights as `resolve` finds them."""
    if name_or_path.endswith((".safetensors", ".onnx")):
        return Path(name_or_path)
    return resolve(name_or_path)


def user_folder() -> Path:
    """The folder for weights that a person puts there by hand."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "gesticulate" / "weights"


@cache
def _registry(folder: Path) -> dict[str, Weights]:
    rows = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return {name: Weights(name=name, **row) for name, row in rows.items()}


def _find(weights: Weights) -> Path | None:
    """The file on this machine, or None."""
    for folder in (FOLDER, user_folder()):
        if (folder / weights.file).is_file():
            return folder / weights.file
    if weights.repository is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(weights.repository, weights.file, revision=weights.revision)
    return Path(cached) if isinstance(cached, str) else None


def _fetch(weights: Weights) -> Path:
    """The file from the hub, into the Hugging Face cache."""
    if weights.train:
        raise WeightsError(
            f"The weights {weights.name} ({weights.what}) are not part of gesticulate. Train them "
            f"with `{weights.train}`, then put {weights.file} into {user_folder()}, or name its "
            "path in place of theirs."
        )
    if weights.repository is None:
        raise WeightsError(
            f"{FOLDER / weights.file} is missing; it is part of gesticulate. Install the package "
            "again."
        )
    from huggingface_hub import constants, hf_hub_download

    if constants.HF_HUB_OFFLINE:
        raise _not_fetched(weights, "HF_HUB_OFFLINE is set")
    if not reachable(constants.ENDPOINT):
        raise _not_fetched(weights, f"{constants.ENDPOINT} does not answer")
    try:
        return Path(hf_hub_download(weights.repository, weights.file, revision=weights.revision))
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise _not_fetched(weights, f"{type(error).__name__}: {reason}") from error


def _not_fetched(weights: Weights, reason: str) -> WeightsError:
    return WeightsError(
        f"Could not fetch {weights.file} ({weights.bytes / 1e6:.0f} MB, {weights.what}): {reason}. "
        f"Try again with a network, or fetch {weights.source} by hand and put it into "
        f"{user_folder()}."
    )


def reachable(endpoint: str) -> bool:
    """Whether a host takes a connection within `_PATIENCE` seconds.

    Asked first because the hub's client tries a missing network for half a minute. A thread,
    because looking up a host's name cannot be given a time limit. Behind a proxy only the client
    knows the way.
    """
    from urllib.request import getproxies

    if "https" in getproxies():
        return True
    parts = urlsplit(endpoint)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    answers: list[bool] = []

    def connect() -> None:
        try:
            socket.create_connection((parts.hostname, port), timeout=_PATIENCE).close()
            answers.append(True)
        except OSError:
            answers.append(False)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    return bool(answers and answers[0])


def _verify(path: Path, weights: Weights, again: bool = False) -> None:
    """Compare size and checksum. again: read also a file that has not changed since."""
    if weights.train:
        return
    status = path.stat()
    if status.st_size != weights.bytes:
        raise _damaged(path, weights, f"{status.st_size} bytes, expected {weights.bytes}")
    stamp = [status.st_size, status.st_mtime_ns, weights.sha256]
    stamps = _read_stamps()
    if not again and stamps.get(str(path)) == stamp:
        return
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != weights.sha256:
        raise _damaged(
            path, weights, f"sha256 {digest.hexdigest()[:16]}, expected {weights.sha256[:16]}"
        )
    _write_stamps({**stamps, str(path): stamp})


def _damaged(path: Path, weights: Weights, reason: str) -> WeightsError:
    if path.parent == FOLDER:
        remedy = "Install gesticulate again."
    else:
        remedy = f"Delete {path.resolve()} and run again to fetch it anew from {weights.source}."
    return WeightsError(f"The weights {path} are damaged: {reason}. {remedy}")


def _stamp_file() -> Path:
    return user_folder().parent / "verified.json"


def _read_stamps() -> dict[str, list]:
    try:
        stamps = json.loads(_stamp_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamps if isinstance(stamps, dict) else {}


def _write_stamps(stamps: dict[str, list]) -> None:
    """Remember what was verified; where nothing can be written the file is just read again."""
    with suppress(OSError):
        _stamp_file().parent.mkdir(parents=True, exist_ok=True)
        with complete_or_nothing(_stamp_file()) as part:
            part.write_text(json.dumps(stamps), encoding="utf-8")
