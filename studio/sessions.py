"""Whose file is whose: every browser has a secret of its own, and sees only what came from it."""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
import threading
import time
from pathlib import Path

# What a secret looks like; anything else in a cookie is no secret of ours.
_SECRET = re.compile(r"[0-9a-f]{64}")


def new_secret() -> str:
    """The cookie of a browser that has none yet."""
    return secrets.token_hex(32)


def is_secret(text: str | None) -> bool:
    """Whether a cookie can be one of `new_secret`."""
    return text is not None and _SECRET.fullmatch(text) is not None


def owner_of(secret: str) -> str:
    """The name of a browser, which tells nothing of its secret: 32 hex digits."""
    return hashlib.sha256(secret.encode()).hexdigest()[:32]


class Sessions:
    """The studio's files below one temporary folder, and who they belong to.

    uploads: where the server puts what comes in. results: a folder an owner, one a job in it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.uploads, self.results = self.root / "uploads", self.root / "results"
        self.uploads.mkdir(parents=True, exist_ok=True)
        self.results.mkdir(exist_ok=True)
        self._uploaded: dict[Path, str] = {}
        self._pages: dict[str, str] = {}
        self._lock = threading.Lock()

    def claim(self, path: str, owner: str) -> None:
        """An upload came from an owner."""
        with self._lock:
            self._uploaded[Path(path).resolve()] = owner

    def claim_page(self, page: str, owner: str) -> bool:
        """Whether an open page (the server's session hash) is an owner's; the first who names it
        has it."""
        with self._lock:
            return self._pages.setdefault(page, owner) == owner

    def owns(self, path: str | Path, owner: str) -> bool:
        """Whether an owner may see and use a file: uploaded by it, or made for it."""
        try:
            resolved = Path(path).resolve()
        except (ValueError, OSError, RuntimeError):  # no name that a file can have
            return False
        if self._uploaded.get(resolved) == owner:
            return True
        return resolved.is_relative_to(self.results / owner)

    def used(self, owner: str) -> int:
        """Bytes of an owner's uploads."""
        with self._lock:
            paths = [path for path, whose in self._uploaded.items() if whose == owner]
        return sum(path.stat().st_size for path in paths if path.exists())

    def new_folder(self, owner: str) -> Path:
        """An empty folder for the files of one job."""
        folder = self.results / owner / secrets.token_hex(8)
        folder.mkdir(parents=True)
        return folder

    def sweep(self, hours: float) -> None:
        """Delete what is older than so many hours."""
        before = time.time() - 3600 * hours
        for folder in [*self.uploads.glob("*"), *self.results.glob("*/*")]:
            if folder.stat().st_mtime < before:
                shutil.rmtree(folder, ignore_errors=True)
        with self._lock:
            self._uploaded = {path: who for path, who in self._uploaded.items() if path.exists()}

    def plain(self, text: str) -> str:
        """A message with bare file names in place of the server's folders."""
        inner = r"/(?:uploads/[^/\s]+|results/[^/\s]+/[^/\s]+)/"
        return re.sub(re.escape(str(self.root)) + inner, "", text)
