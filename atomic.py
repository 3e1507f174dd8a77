"""Files and folders that are complete or not there at all, whatever ends the process.

What is being written lies in a folder of its own, ``.part-<user>/<random name>/`` beside its
target, and is renamed at the end. The process holds a lock on that folder, which the system takes
back when the process ends, by ``kill -9`` too: so the next write beside it can tell what is
orphaned, and removes it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: orphans stay there
    fcntl = None  # type: ignore[assignment]

# A folder a user: others could not write into it.
_PREFIX = ".part-"
PARTS = f"{_PREFIX}{os.getuid() if hasattr(os, 'getuid') else 0}"


@contextmanager
def complete_or_nothing(path: str | Path) -> Iterator[Path]:
    """The name to write to, for what shall be found at ``path``.

    It is put in place in one step when the block ends well, over an older file, and removed when it
    does not. It may become a file or a folder; a folder replaces only an empty one. Where two
    processes write one path, the one that ends later stays, whole.
    path: its folder exists. A link is followed.
    """
    target = Path(path).resolve()
    with temporary_folder(target.parent) as folder:
        part = folder / target.name
        yield part
        os.replace(part, target)


@contextmanager
def temporary_folder(beside: str | Path) -> Iterator[Path]:
    """A folder in another one, which exists, for what is needed meanwhile."""
    parts = Path(beside).resolve() / PARTS
    sweep(parts)
    folder, lock = _locked_folder(parts)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _unlock(lock)
        with suppress(OSError):  # something else is being written
            parts.rmdir()


def complete_files(folder: Path, pattern: str = "*") -> list[Path]:
    """The files in a folder and below that match a pattern, but for those being written."""
    return sorted(
        path
        for path in folder.rglob(pattern)
        if path.is_file()
        and not any(part.startswith(_PREFIX) for part in path.relative_to(folder).parts)
    )


def sweep(parts: Path) -> None:
    """Remove what ended processes left in a folder called `PARTS`."""
    with suppress(OSError):
        for folder in list(parts.iterdir()):
            lock, is_ours = _lock(folder)
            if lock is not None and is_ours:
                shutil.rmtree(folder, ignore_errors=True)
            _unlock(lock)


def _locked_folder(parts: Path) -> tuple[Path, int | None]:
    """A new folder that is this process's, and what holds it."""
    while True:
        parts.mkdir(exist_ok=True)
        # Meanwhile another process may remove the empty ``parts``, or take the new folder, which
        # is not locked yet, for an orphan.
        with suppress(FileNotFoundError):
            folder = Path(tempfile.mkdtemp(dir=parts))
            lock, is_ours = _lock(folder)
            if is_ours and folder.is_dir():
                return folder, lock
            _unlock(lock)


def _lock(folder: Path) -> tuple[int | None, bool]:
    """(What holds the lock, whether it is ours). Where the file system has no locks, it is ours
    and nothing holds it."""
    if fcntl is None:
        return None, True
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return descriptor, False
    except OSError:
        os.close(descriptor)
        return None, True
    return descriptor, True


def _unlock(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)
