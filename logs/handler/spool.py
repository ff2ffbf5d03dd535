"""Rows on disk until they are in the database.

JSON Lines under ``DATA_DIR/unwritten-logs`` (mode 600). A process appends to a file of its own.
The rows of a file are inserted in one transaction, which also notes the file's name; after the
commit the file is removed. Any process ingests the files of one that died, unless their names are
noted. So each row is inserted exactly once, whenever the process died and whoever ingests the file.

What cannot be ingested is kept in the folder ``rejected`` beside them, and an ERROR says so.
"""

import contextlib
import os
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import (
    DEFAULT_DB_ALIAS,
    DataError,
    Error,
    IntegrityError,
    connections,
    transaction,
)
from django.utils import timezone
from pydantic import TypeAdapter, ValidationError

from logs.handler import bulk_insert
from logs.handler.records import Row, own_record
from ocrsite.lib.files import atomic_write

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from logs.models import IngestedFile

FILE_BYTES = 1_000_000
# Of all processes together, that wait to be ingested; the oldest are dropped for new ones.
MOST_FILES = 100
# A file without an append for so long belongs to a process that died or is idle: any process may
# ingest it. Its own process appends nothing more after half of this time.
RESTED_SECONDS = 60.0
# Longer than any process takes to insert a file that it has read.
_NAMES_KEPT = timedelta(days=1)

_OPEN = ".open"
_DONE = ".jsonl"

# What a row is to blame for. Drivers raise the last two, for text and numbers that no column holds.
_BAD_ROW = (DataError, IntegrityError, ValueError, OverflowError)

_row = TypeAdapter(Row)
# Not by dump_json, which takes twice as long.
_to_json = _row.serializer.to_json


@dataclass(slots=True)
class Batch:
    """Rows for one transaction, and the file that holds them; None: the disk did not take them."""

    rows: Sequence[Row]
    path: Path | None = None
    written_at: float = 0.0
    """The time of the last append, in seconds since the epoch."""
    number: int = 0
    """Of the last record that is settled once the batch is written; see BatchWriter."""


class Spool:
    """The file that a process appends to. Its owner locks it; a fork needs a new one."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._rows: list[Row] = []
        self._size = 0
        self._written_at = 0.0

    def append(self, rows: Sequence[Row]) -> None:
        """Hand rows to the operating system, which keeps them if this process dies.

        Raises OSError.
        """
        if time.time() - self._written_at > RESTED_SECONDS / 2:
            self.finish()
        path = self._path or _new_path()
        data = b"".join([_to_json(row) + b"\n" for row in rows])
        _append(path, self._size, data)
        self._path = path
        self._rows += rows
        self._size += len(data)
        self._written_at = time.time()
        if self._size >= FILE_BYTES:
            self.finish()

    def cut(self) -> Batch | None:
        """End the file; return it with its rows in the order of their times, or None without one.

        Its process is to insert it, or else to ``release`` it.
        """
        if self._path is None:
            return None
        rows = sorted(self._rows, key=attrgetter("timestamp"))
        batch = Batch(rows, self._path, self._written_at)
        self._forget()
        return batch

    def finish(self) -> None:
        """End the file, and let any process ingest it."""
        path = self._path
        self._forget()
        if path is not None:
            self.release(path)

    def release(self, path: Path) -> None:
        """Let any process ingest a file that was cut; drop the oldest when too many wait."""
        with contextlib.suppress(OSError):  # such as: it rested, and was ingested
            path.rename(path.with_suffix(_DONE))
        if lost := _make_room():
            reason = "because the database was away for too long"
            with contextlib.suppress(OSError):
                self.append([own_record(f"{lost} log records were dropped {reason}")])

    def _forget(self) -> None:
        self._path, self._rows, self._size = None, [], 0


def insert(
    batch: Batch, outdated: str | None = None, answered: Callable[[], None] = lambda: None
) -> str | None:
    """Insert a batch and remove its file; if the file was ingested before, only remove it.

    ``answered`` is called when the database has answered the first statement. Returns the name that
    was noted, if nobody will ask for it any more: passed to the next call as ``outdated``, it is
    replaced by the next name. Raises django.db.Error.
    """
    name = batch.path.stem if batch.path else None

    def insert_once(rows: Sequence[Row]) -> None:
        try:
            with transaction.atomic():
                if name is not None:
                    _note(name, outdated)
                    answered()
                bulk_insert.insert(rows)
        except IntegrityError:
            if not _is_noted(name):  # by another process, a moment ago
                raise

    try:
        insert_once(batch.rows)
    except _BAD_ROW:
        insert_once(_acceptable(batch.rows, name or str(time.time_ns())))
    if batch.path is None:
        return outdated
    try:
        batch.path.unlink()
    except OSError:  # such as: another process has just ingested it
        return None
    # No other process has read a file that did not rest.
    return name if time.time() - batch.written_at < RESTED_SECONDS / 2 else None


def ingest(at_most: int = MOST_FILES) -> bool:
    """Move that many files into ApplicationLogs, the oldest first; return whether none is left.

    Raises django.db.Error when the database takes none.
    """
    waiting = _waiting()
    at_once = 0
    for path in waiting:
        if at_once == at_most:
            return False
        at_once += _ingest(path)
    # No sooner: the name of a file that still waits might be among the old ones.
    _forget_old_names()
    return True


def _ingest(path: Path) -> bool:
    """Ingest a file; False when nothing was to be done, or it was set aside."""
    try:
        rows = _read(path)
        if _is_noted(path.stem):
            path.unlink(missing_ok=True)
        else:
            insert(Batch(rows, path))
    except FileNotFoundError:  # another process has just ingested it
        return False
    except Error:  # the database takes none
        raise
    except Exception as error:
        _set_aside(path, error)
        return False
    return True


def _set_aside(path: Path, error: Exception) -> None:
    """Move a file away that would hold up the others, and say so."""
    try:
        folder = _rejected_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.rename(folder / path.name)
    except OSError:  # it stays, and is passed over
        return
    insert(Batch([_rejection(f"A file of log records ({type(error).__name__})", path.name)]))


def _note(name: str, outdated: str | None) -> None:
    if outdated is None or not _replace(outdated, name):
        _ingested_files().create(name=name)


def _replace(old: str, new: str) -> bool:
    """Note a name in place of another; False when that is not noted."""
    # Every batch comes this way, and the ORM would take 0.3 ms.
    connection = connections[DEFAULT_DB_ALIAS]
    with connection.cursor() as cursor:
        cursor.execute(
            'UPDATE "logs_enteredfile" SET "name" = %s, "entered_at" = %s WHERE "name" = %s',
            [new, connection.ops.adapt_datetimefield_value(timezone.now()), old],
        )
        return bool(cursor.rowcount)


def _is_noted(name: str | None) -> bool:
    return _ingested_files().filter(name=name).exists()


def _forget_old_names() -> None:
    old = _ingested_files().filter(ingested_at__lt=timezone.now() - _NAMES_KEPT)
    if old.exists():  # a DELETE of nothing would lock SQLite, too
        old.delete()


def _acceptable(rows: Sequence[Row], name: str) -> list[Row]:
    """The rows that the database takes; the others are kept under this name, and an ERROR says so.

    One row must not hold up the others.
    """
    accepted, rejected = [], []
    for row in rows:
        try:
            with transaction.atomic():
                bulk_insert.insert([row])
                transaction.set_rollback(True)
        except _BAD_ROW as error:
            rejected.append(row)
            reason = type(error).__name__
        else:
            accepted.append(row)
    if rejected:
        _keep(f"{name}-refused{_DONE}", [_to_json(row) for row in rejected])
        what = f"{len(rejected)} log records that the database refused ({reason})"
        accepted.append(_rejection(what, f"{name}-refused{_DONE}"))
    return accepted


def _keep(name: str, lines: Sequence[bytes]) -> None:
    """Write lines to a file in the folder for what was rejected, where the disk takes it."""
    with contextlib.suppress(OSError), atomic_write(_rejected_folder() / name) as file:
        file.writelines(line + b"\n" for line in lines)


def _rejection(what: str, name: str) -> Row:
    return own_record(f"{what} cannot be ingested: see unwritten-logs/rejected/{name}.", "ERROR")


def _append(path: Path, size: int, data: bytes) -> None:
    """Append to a file of that size: all of the data, or else nothing. Raises OSError."""
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with os.fdopen(os.open(path, flags, 0o600), "ab") as file:
            file.write(data)
    except OSError:
        with contextlib.suppress(OSError):
            os.truncate(path, size)
        raise


def _read(path: Path) -> list[Row]:
    """The rows of a file; lines that are none are kept apart, and an ERROR says so."""
    rows, unreadable = [], []
    for line in path.read_bytes().splitlines():
        try:
            rows.append(_row.validate_json(line))
        except ValidationError:
            unreadable.append(line)
    if unreadable:
        name = f"{path.stem}-unreadable{_DONE}"
        _keep(name, unreadable)
        rows.append(_rejection(f"{len(unreadable)} unreadable log records", name))
    return rows


def waiting_files() -> int:
    """Return how many files wait to be ingested. Raises nothing."""
    try:
        return len(_waiting())
    except OSError:
        return 0


def _waiting() -> list[Path]:
    """The files that no process appends to any more, the oldest first."""
    folder = _folder()
    rested_since = time.time() - RESTED_SECONDS
    waiting = list(folder.glob(f"*{_DONE}"))
    for path in folder.glob(f"*{_OPEN}"):
        with contextlib.suppress(FileNotFoundError):  # released or removed meanwhile
            if path.stat().st_mtime < rested_since:
                waiting.append(path)
    return sorted(waiting)


def _make_room() -> int:
    """Remove the oldest files when too many wait; return how many records were lost with them."""
    waiting = _waiting()
    lost = 0
    for path in waiting[: max(0, len(waiting) - MOST_FILES)]:
        with contextlib.suppress(OSError):
            count = path.read_bytes().count(b"\n")
            path.unlink()
            lost += count
    return lost


def _new_path() -> Path:
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # By time, so that files are ingested in the order in which they were begun.
    return folder / f"{time.time_ns()}-{uuid.uuid4().hex}{_OPEN}"


def _folder() -> Path:
    return Path(settings.DATA_DIR) / "unwritten-logs"


def _rejected_folder() -> Path:
    return _folder() / "rejected"


def _ingested_files() -> "QuerySet[IngestedFile]":
    from logs.models import IngestedFile  # logging is set up before models can be imported

    return IngestedFile.objects.all()
