"""Temporary folders on the file system of the stored files, so that a rename moves a result.

Django keeps large uploads beside them while they come in (FILE_UPLOAD_TEMP_DIR).
"""

import contextlib
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from ocrsite.lib.files import standing_folder

# What was so long untouched has no owner: a task ends within minutes, and an upload that still
# comes in, or an export of hours, is written to.
STALE_SECONDS = 3600


def _root() -> Path:
    return Path(settings.DATA_DIR) / "tmp"


def temp_root() -> Path:
    """Return the folder of all temporary files. Raises OSError when it is away."""
    return standing_folder(_root())


@contextlib.contextmanager
def temp_dir() -> Iterator[Path]:
    """Make a new folder (mode 700) under ``DATA_DIR/tmp`` and remove it with its contents.

    Raises OSError.
    """
    folder = Path(tempfile.mkdtemp(dir=temp_root()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def temp_file() -> Iterator[Path]:
    """Return a path in ``DATA_DIR/tmp`` where there is no file yet; it is removed at the end.

    Raises OSError.
    """
    path = temp_root() / f"{uuid.uuid4()}.document"
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def remove_stale_temp_dirs() -> int:
    """Remove what killed processes left under ``DATA_DIR/tmp`` over an hour ago; return how many.

    Several processes may do it at the same time: what is gone already is not an error.
    """
    oldest = time.time() - STALE_SECONDS
    removed = 0
    for path in _root().glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if _touched_at(path) < oldest:
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()
                removed += 1
    return removed


def _touched_at(path: Path) -> float:
    """When it was written to, or a file in it: that changes no folder. Raises FileNotFoundError."""
    inside = list(path.rglob("*")) if path.is_dir() else []
    return max(each.stat().st_mtime for each in [path, *inside])
