"""Backups of an installation: its database where that is a file, its documents and its records.

A backup is a folder whose contents are laid out as those of DATA_DIR, without the secrets:
docs/backup.md says how to restore one.
"""

import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection

from extraction.documents.intake import documents_folder
from ocrsite.lib import clock
from ocrsite.lib.files import make_folder, sole_process, sync_folder
from tokens import encryption
from tokens.key_rotation import encrypt_clear_keys

logger = logging.getLogger(__name__)

DATABASE = "db.sqlite3"
# As times are sorted by their names.
_NAME = "ocrsite-%Y%m%dT%H%M%SZ"
NAMES = "ocrsite-[0-9]*Z"
_DRAFT = ".draft"
_LOCK = ".backup.lock"
# Copied before the database: what is entered into it meanwhile is in both, and is entered once.
_RECORDS = ("journal", "unwritten-logs")
# Copied after it: each document of its rows was there by then.
_KEPT = ("files", "archive")
_SINGLE = ("installation",)
# How often the database is copied anew because a key was inserted in clear meanwhile.
_TRIES = 3
_AT_ONCE = 1024 * 1024


class BackupFailed(Exception):
    """There is no new backup; those of before are untouched."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What was written: a folder, whether the database is in it, and how many other files."""

    folder: Path
    has_database: bool
    files: int
    linked: int
    """Of the files, those that the backup before had already: they take no further space."""


def back_up(target: Path, keep: int) -> Backup:
    """Write a backup into a folder, remove all but the newest ``keep``, and return it.

    It has its name when all of it is on disk. Raises BackupFailed, OSError and django.db.Error;
    then nothing of it stays, nor of one that was killed.
    """
    make_folder(target)
    with sole_process(target / _LOCK) as is_alone:
        if not is_alone:
            raise BackupFailed(f"Another backup into {target} is under way.")
        for draft in target.glob(f"{NAMES}{_DRAFT}"):
            shutil.rmtree(draft)
        folder = target / clock.now().strftime(_NAME)
        if folder.exists():
            raise BackupFailed(f"{folder} is there already.")
        before = max(target.glob(NAMES), default=None)
        written = _write(folder, before)
        # This one stays whatever the others are called: the clock may have been set back.
        others = sorted(each for each in target.glob(NAMES) if each != folder)
        for old in others[: max(0, len(others) - keep + 1)]:
            shutil.rmtree(old)
    logger.info("Backup %s is written: %s files.", folder.name, written.files)
    return written


def _write(folder: Path, before: Path | None) -> Backup:
    draft = make_folder(folder.with_name(folder.name + _DRAFT))
    try:
        has_database, copies = _fill(draft, before)
        draft.rename(folder)
    except BaseException:
        # Else it would fill the disk, maybe that of the site, until the next one.
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync_folder(folder.parent)
    return Backup(folder, has_database, copies.copied + copies.linked, copies.linked)


def _fill(draft: Path, before: Path | None) -> tuple[bool, "_Copies"]:
    """Copy everything, the database too where it is a file: whether it is."""
    copies = _Copies(Path(settings.DATA_DIR), draft, before)
    for name in _RECORDS:
        copies.copy_all(name, may_link=False)
    documents_folder()  # raises where its disk is away
    has_database = connection.vendor == "sqlite"
    if has_database:
        _copy_database(draft / DATABASE)
    for name in _KEPT:
        copies.copy_all(name, may_link=True)
    for name in _SINGLE:
        copies.copy(Path(name), may_link=False)
    if hasattr(os, "sync"):  # not on Windows
        os.sync()
    return has_database, copies


def _copy_database(path: Path) -> None:
    """Copy SQLite's database as it is at one moment, without a key in clear; nobody waits for it.

    Never called within a transaction. Raises BackupFailed and django.db.Error.
    """
    for _ in range(_TRIES):
        encrypt_clear_keys()
        path.unlink(missing_ok=True)
        os.close(_created(path))
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(path)])
        try:
            if not _has_clear_key(path):
                return
        except sqlite3.Error as error:  # Django's are others
            raise BackupFailed(f"The copy of the database cannot be read: {error}") from error
    raise BackupFailed("Keys are being inserted in clear: none is to be in a backup. Try again.")


def _has_clear_key(path: Path) -> bool:
    """Make a copy one file, whoever opens it; whether a key in clear is in it.

    Raises BackupFailed where SQLite finds something, and sqlite3.Error.
    """
    clear = "SELECT 1 FROM TokenMaster WHERE ApiKey <> '' AND substr(ApiKey, 1, ?) <> ? LIMIT 1"
    prefix = encryption.PREFIX
    with closing(sqlite3.connect(path, isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode=DELETE")
        (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise BackupFailed(f"The copy of the database is damaged: {verdict}")
        return copy.execute(clear, [len(prefix), prefix]).fetchone() is not None


class _Copies:
    """Copies files of one folder into another, or links them to those of the backup before."""

    def __init__(self, source: Path, target: Path, before: Path | None) -> None:
        self._source, self._target, self._before = source, target, before
        self.copied = self.linked = 0

    def copy_all(self, name: str, *, may_link: bool) -> None:
        """Copy all files below a folder. What other processes remove meanwhile is left out."""
        for path in _files_below(self._source / name):
            self.copy(path.relative_to(self._source), may_link=may_link)

    def copy(self, path: Path, *, may_link: bool) -> None:
        """Copy a file, mode 600, or link it where the backup before has the very same."""
        target = self._target / path
        _make_folders(target.parent)
        try:
            source = (self._source / path).open("rb")
        except FileNotFoundError:
            return
        with source:
            stat = os.fstat(source.fileno())
            if may_link and self._link(path, stat, target):
                self.linked += 1
                return
            with os.fdopen(_created(target), "wb") as copy:
                shutil.copyfileobj(source, copy, _AT_ONCE)
        os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        self.copied += 1

    def _link(self, path: Path, stat: os.stat_result, target: Path) -> bool:
        """Files of documents and archives are replaced and never changed: their times tell."""
        if self._before is None:
            return False
        try:
            known = (self._before / path).stat()
            if (known.st_size, known.st_mtime_ns) != (stat.st_size, stat.st_mtime_ns):
                return False
            target.hardlink_to(self._before / path)
        except OSError:  # it has none, or the file system knows no links
            return False
        return True


def _make_folders(folder: Path) -> None:
    """Make a folder and those above it that are missing, all with mode 700."""
    if not folder.is_dir():
        _make_folders(folder.parent)
        make_folder(folder, parents=False)


def _created(path: Path) -> int:
    """Return the descriptor of a new file, mode 600."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, links aside. Raises OSError for what cannot be read."""
    for where, _, names in os.walk(folder, onerror=_unless_gone):
        for name in names:
            path = Path(where, name)
            if not path.is_symlink():
                yield path
