"""Files that are whole or not there, and their own user's alone; locks between processes."""

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from django.core.files import locks

# What a disk or a process that is at its limits answers, whatever was asked of it.
_STORAGE_ERRORS = {
    number
    for name in ("ENOSPC", "EDQUOT", "EIO", "EROFS", "EMFILE", "ENFILE", "ESTALE")
    if (number := getattr(errno, name, None)) is not None
}
_seen: set[Path] = set()

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


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


def sync_file(path: Path) -> None:
    """Write a file's contents to disk, so that they survive a loss of power. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR)  # Windows flushes none that is open to read alone
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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


def restrict_umask() -> None:
    """Have this process and its children make files and folders for their own user alone.

    For the first lines of every entry point: whatever is made before keeps other modes.
    """
    os.umask(_OTHERS)


def make_folder(folder: Path, *, parents: bool = True) -> Path:
    """Return a folder, made with mode 700 where it is missing. Raises OSError.

    Without ``parents`` the one above it must be there.
    """
    folder.mkdir(mode=0o700, parents=parents, exist_ok=True)
    return folder


def standing_folder(folder: Path, made: Path | None = None) -> Path:
    """Return a folder that is made once, when this process first asks for it.

    Raises FileNotFoundError when the folder is gone later: its disk is away, and what were written
    to a new one in its place would be lost when it comes back. A file ``made`` tells that to
    processes that start meanwhile.
    """
    # Asked first: another thread or process may make the folder between the two questions.
    was_there = folder in _seen or (made is not None and made.exists())
    if not folder.is_dir():
        if was_there:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))
        make_folder(folder)
    if folder not in _seen:
        if made:
            made.touch(mode=0o600)
        _seen.add(folder)
    return folder


def is_storage_fault(error: BaseException, root: Path) -> bool:
    """Whether an exception means that files, or those under a root, cannot be kept now."""
    if not isinstance(error, OSError):
        return False
    name = error.filename if isinstance(error.filename, str) else ""
    return error.errno in _STORAGE_ERRORS or (bool(name) and Path(name).is_relative_to(root))


class Repair(NamedTuple):
    """How many files and folders were open to other users: closed now, or still open."""

    closed: int
    still_open: int


def close_to_others(folder: Path) -> Repair:
    """Take every right from other users on a folder and on all that it holds.

    Symbolic links are left alone with what they lead to: another user may have to serve it.
    """
    closed = still_open = 0
    for path, mode in _modes(folder):
        if not stat.S_IMODE(mode) & _OTHERS:
            continue
        try:
            os.chmod(path, stat.S_IMODE(mode) & ~_OTHERS)  # noqa: PTH101  # a million Paths are slow
            is_open = bool(os.lstat(path).st_mode & _OTHERS)  # some file systems have no modes
        except FileNotFoundError:
            continue
        except OSError:
            is_open = True
        closed += not is_open
        still_open += is_open
    return Repair(closed, still_open)


def _modes(folder: Path) -> Iterator[tuple[str, int]]:
    """The modes of a folder and of all that it holds, but for symbolic links."""
    if sys.platform == "win32":  # which has no modes
        return
    folders = [str(folder)]
    yield folders[0], folder.stat().st_mode
    while folders:
        # Other processes work there: what is gone, or not ours to read, is passed over.
        with (
            contextlib.suppress(FileNotFoundError, PermissionError),
            os.scandir(folders.pop()) as entries,
        ):
            for entry in entries:
                if entry.is_symlink():
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                yield entry.path, entry.stat(follow_symlinks=False).st_mode
