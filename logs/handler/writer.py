"""Brings rows into ApplicationLogs, or while that cannot be to stderr and to files.

The files are entered when the database takes rows again: by this process, or by any other.
"""

import contextlib
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from django.db import transaction

from logs.handler import bulk_insert
from logs.handler.records import Row, line_of
from logs.handler.spool import Spool, ingest
from logs.redaction import redact

# How soon a database that took nothing is tried again.
RETRY_SECONDS = 2.0
# How often a process that writes looks for files that others left behind.
LOOK_SECONDS = 60.0
# Entered in one go: new records wait meanwhile.
FILES_AT_ONCE = 4
# Of rows that were rescued without a word so many are printed, the newest, when that proves wrong.
UNPRINTED = 1_000


class Delivery:
    """Where the writer of one process puts its rows. A fork needs a new one."""

    def __init__(self) -> None:
        self._spool = Spool()
        self._unprinted: deque[Row] = deque(maxlen=UNPRINTED)
        self._away = False
        self._files_wait = False
        self._look_at = 0.0

    def deliver(self, rows: Sequence[Row], claim: Callable[[], None]) -> None:
        """Insert the rows, or divert them. Never raises.

        ``claim`` is called before either is done for good. It may raise Withdrawn, to prevent it.
        """
        with contextlib.suppress(Withdrawn):
            if self._away or not self._insert(rows, claim):
                claim()
                self.divert(rows)

    def _insert(self, rows: Sequence[Row], claim: Callable[[], None]) -> bool:
        try:
            with transaction.atomic():
                bulk_insert.insert(rows)
                claim()
        except Withdrawn:
            raise
        except Exception as error:
            self._begin_outage(error)
            return False
        self._unprinted.clear()
        return True

    def divert(self, rows: Sequence[Row]) -> None:
        """Keep the rows in a file until the database takes them, and print them. Never raises."""
        self._keep(rows)
        to_stderr(map(line_of, rows))

    def rescue(self, rows: Sequence[Row]) -> None:
        """Divert rows for which the database takes too long. Never raises.

        They are printed when it turns out to be away; mostly it is only slow.
        """
        self._keep(rows)
        self._unprinted.extend(rows)
        if self._away:
            self._print_rescued()

    def _keep(self, rows: Sequence[Row]) -> None:
        try:
            self._spool.write(rows)
        except Exception as error:
            to_stderr([f"Log records cannot be kept on disk: {type(error).__name__}"])

    def catch_up(self, *, at_once: bool = False) -> None:
        """Enter what waits in files when it is time to look, or ``at_once``. Never raises."""
        if not at_once and time.monotonic() < self._look_at:
            return
        try:
            self._spool.close()
            all_entered = ingest(FILES_AT_ONCE)
        except Exception as error:
            self._begin_outage(error)
        else:
            self._away = False
            self._unprinted.clear()
            self._files_wait = not all_entered
            self._look_at = time.monotonic() + (LOOK_SECONDS if all_entered else 0)

    def seconds_to_look(self) -> float | None:
        """Return after how long ``catch_up`` must be called; None when no file is known to wait."""
        return max(0.0, self._look_at - time.monotonic()) if self._files_wait else None

    def _begin_outage(self, error: Exception) -> None:
        if not self._away:
            reason = redact(f"{type(error).__name__}: {error}")
            to_stderr([f"ApplicationLogs cannot be written ({reason}). The records are:"])
        self._away = self._files_wait = True
        self._print_rescued()
        self._look_at = time.monotonic() + RETRY_SECONDS

    def _print_rescued(self) -> None:
        rescued = []
        with contextlib.suppress(IndexError):  # one by one: another thread may be at it, too
            while True:
                rescued.append(self._unprinted.popleft())
        to_stderr(map(line_of, rescued))


class Withdrawn(Exception):
    """The rows are somebody else's by now."""


def to_stderr(lines: Iterable[str]) -> None:
    """Print, where that is possible. Never raises."""
    # No stderr, a closed one, a full disk: nowhere is left to say so.
    with contextlib.suppress(Exception):
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()
