"""Records on disk that the database did not take, until it does.

JSON Lines under ``DATA_DIR/unwritten-logs`` (mode 600). Every process writes files of its own, a
few thousand records in each; any process enters them, each in one transaction that also notes the
file's name. So a file that two processes enter, or one that died after its commit, is entered once.
"""

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from logs.handler import bulk_insert
from logs.handler.records import Row, own_warning, row_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from logs.models import EnteredFile

FILE_BYTES = 1_000_000
# Of all processes together; then the oldest makes room.
MOST_FILES = 100
# Nobody writes to a file that rested for half of this time, so that one which rested for all of it
# belongs to a process that died or is idle.
RESTED_SECONDS = 60.0
# The names of files that were entered are kept for longer than anybody needs to enter one.
_NAMES_KEPT = timedelta(days=1)

_OPEN = ".open"
_DONE = ".jsonl"

_row = TypeAdapter(Row)


class Spool:
    """The files of one process. Safe between its threads; a fork needs a new one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._written_at = 0.0

    def write(self, rows: Iterable[Row]) -> None:
        """Append rows. Raises OSError."""
        with self._lock:
            if time.monotonic() - self._written_at > RESTED_SECONDS / 2:
                self._close()
            if self._path is None:
                folder = _folder()
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                rows = [*_make_room(folder), *rows]
                # By time, so that they are entered in the order in which they were written.
                self._path = folder / f"{time.time_ns()}-{uuid.uuid4().hex}{_OPEN}"
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "ab") as file:
                file.write(b"".join(to_json(row._asdict()) + b"\n" for row in rows))
                size = file.tell()
            self._written_at = time.monotonic()
            if size >= FILE_BYTES:
                self._close()

    def close(self) -> None:
        """Let what was written be entered at once."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        path, self._path = self._path, None
        if path is not None:
            with contextlib.suppress(FileNotFoundError):  # it rested, and was entered
                path.rename(path.with_suffix(_DONE))


def ingest(at_most: int = MOST_FILES) -> bool:
    """Move that many files into ApplicationLogs, the oldest first; return whether none is left.

    Raises django.db.Error when the database takes none.
    """
    waiting = _waiting()
    for path in waiting[:at_most]:
        try:
            rows = _read(path)
        except OSError:  # another process has just entered it, or it is somebody else's
            continue
        try:
            _enter(path, rows)
        except DataError:
            _enter(path, _acceptable(rows))
        path.unlink(missing_ok=True)
    if waiting:
        _entered_files().filter(entered_at__lt=timezone.now() - _NAMES_KEPT).delete()
    return len(waiting) <= at_most


def _enter(path: Path, rows: Sequence[Row]) -> None:
    """Insert a file's rows, unless that was done before."""
    entered = _entered_files()
    if entered.filter(name=path.stem).exists():
        return
    try:
        with transaction.atomic():
            entered.create(name=path.stem)
            bulk_insert.insert(rows)
    except IntegrityError:
        if not entered.filter(name=path.stem).exists():  # no other process was faster
            raise


def _acceptable(rows: Sequence[Row]) -> list[Row]:
    """The rows that the database takes: one that it refuses must not hold up the others."""
    accepted = []
    for row in rows:
        try:
            with transaction.atomic():
                bulk_insert.insert([row])
                transaction.set_rollback(True)
        except DataError as error:
            accepted.append(_warning(f"A log record was refused by the database: {error}"))
        else:
            accepted.append(row)
    return accepted


def _read(path: Path) -> list[Row]:
    """The rows of a file, with a warning for lines that are none."""
    lines = path.read_bytes().splitlines()
    rows = []
    for line in lines:
        with contextlib.suppress(ValidationError):
            rows.append(_row.validate_json(line))
    if unreadable := len(lines) - len(rows):
        rows.append(_warning(f"{unreadable} log records on disk could not be read: {path.name}"))
    return rows


def _waiting() -> list[Path]:
    """The files that nobody writes to any more, the oldest first."""
    folder = _folder()
    rested_since = time.time() - RESTED_SECONDS
    waiting = list(folder.glob(f"*{_DONE}"))
    for path in folder.glob(f"*{_OPEN}"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if path.stat().st_mtime < rested_since:
                waiting.append(path)
    return sorted(waiting)


def _make_room(folder: Path) -> list[Row]:
    """Remove the oldest files when there are too many; return what is to be said about it."""
    paths = sorted([*folder.glob(f"*{_DONE}"), *folder.glob(f"*{_OPEN}")])
    lost = 0
    for path in paths[: max(0, len(paths) + 1 - MOST_FILES)]:
        with contextlib.suppress(FileNotFoundError):
            lost += path.read_bytes().count(b"\n")
            path.unlink()
    if not lost:
        return []
    return [_warning(f"{lost} log records were dropped because the database was away for too long")]


def _warning(message: str) -> Row:
    return row_of(own_warning(message))


def _folder() -> Path:
    return Path(settings.DATA_DIR) / "unwritten-logs"


def _entered_files() -> "QuerySet[EnteredFile]":
    from logs.models import EnteredFile  # logging is set up before models can be imported

    return EnteredFile.objects.all()
