"""Refuses a database file that was replaced or removed since this process opened it first.

A connection that is open would go on writing to a file that nobody finds any more. A new one would
apply the write-ahead log of the old file, which has its name still, to the new one.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from django.db.backends.sqlite3 import base

from ocrsite.lib.database_guard import DatabaseRefused, refuse, require_accepted, say

# SQLite's own files beside a database: the write-ahead log and its index.
_SIDE_FILES = ("-wal", "-shm")

Identity = tuple[int, int]  # device and inode


@dataclass(frozen=True, slots=True)
class _Opened:
    """What a path led to when this process connected last."""

    database: Identity | None
    side_files: dict[str, Identity | None]


_opened: dict[str, _Opened] = {}
_may_create = True
_said_missing: set[str] = set()


def require_existing_file() -> None:
    """From now on, let this process make no database file where there is none."""
    global _may_create
    _may_create = False


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to the file that this process opened first."""

    def get_new_connection(self, conn_params: Any) -> Any:
        """Connect. Raises DatabaseRefused where the file is another one, or gone."""
        path = str(conn_params["database"])
        identity = _require_same_file(path)
        if identity is not None:
            # SQLite would make a new file, were this one removed just now.
            conn_params = {**conn_params, "database": f"{Path(path).absolute().as_uri()}?mode=rw"}
        connection = super().get_new_connection(conn_params)
        _remember(path, identity or _identity(path))
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor. Raises DatabaseRefused where the file is another one by now, or gone."""
        _require_same_file(str(self.settings_dict["NAME"]))
        return super().create_cursor(name)


def _remember(path: str, identity: Identity | None) -> None:
    side_files = {suffix: _identity(path + suffix) for suffix in _SIDE_FILES}
    _opened[path] = _Opened(identity, side_files)


def _require_same_file(path: str) -> Identity | None:
    """Return what the path leads to. Raises DatabaseRefused where that is not the one to use."""
    require_accepted()
    opened = _opened.get(path)
    identity = _identity(path)
    if opened is None and identity is None and not _may_create:
        _refuse_missing(path)
    if opened is None:
        return identity
    if identity == opened.database:
        if None in opened.side_files.values():  # SQLite makes them when it needs them
            _remember(path, identity)
        return identity
    _set_side_files_aside(path, opened)
    what = "was replaced" if identity else "is gone"
    reason = (
        f"The database {path} {what} while the site used it. Nothing is written to it any more; "
        "web and worker start again by themselves."
    )
    refuse(reason)
    raise DatabaseRefused(reason)


def _refuse_missing(path: str) -> NoReturn:
    reason = f"There is no database {path}. Restore it, or make a new one: manage.py migrate"
    if path not in _said_missing:  # once, not at every request
        _said_missing.add(path)
        say(reason)
    raise DatabaseRefused(reason)


def _set_side_files_aside(path: str, opened: _Opened) -> None:
    """Keep the old database's log from being applied to the new file. It may be needed: it stays.

    Log and index that came with the new file are left alone.
    """
    for suffix, identity in opened.side_files.items():
        if identity is not None and _identity(path + suffix) == identity:
            with contextlib.suppress(OSError):  # another process was first
                Path(path + suffix).rename(f"{path}{suffix}.of-replaced-{identity[1]}")


def _identity(path: str) -> Identity | None:
    """What a path leads to; None for nothing, as for a database in memory."""
    try:
        found = os.stat(path)  # noqa: PTH116  # a Path takes thrice as long
    except OSError:
        return None
    return found.st_dev, found.st_ino
