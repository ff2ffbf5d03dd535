"""Files that are written whole or not at all, and work that one process does at a time."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from django.core.files import locks


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Yield a file (mode 600) that replaces ``path`` once all of it is on disk.

    Its folder (mode 700) is made when it is missing. An exception or a crash leaves
    ``.<name>.draft``, which the next write replaces. Raises OSError.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)  # with whatever mode it was left
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Write a folder's entries to disk, so that a rename survives a crash. Raises OSError."""
    if sys.platform == "win32":  # Windows cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def sole_process(path: Path) -> Iterator[bool]:
    """Hold a lock file for the block; yield False when another process of this machine holds it.

    The file stays, mode 600, in a folder of mode 700; the lock ends with its process, however that
    ends. Raises OSError when the file can be neither made nor locked.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield locks.lock(descriptor, locks.LOCK_EX | locks.LOCK_NB)
    finally:
        os.close(descriptor)
