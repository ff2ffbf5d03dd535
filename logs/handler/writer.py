"""Brings rows onto disk, and from there into ApplicationLogs.

While the database is away, rows are printed to stderr, too. Their files are ingested when it takes
rows again: by this process, or by any other.
"""

import contextlib
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from logs.handler.records import Row, line_of
from logs.handler.spool import Batch, Spool, ingest, insert
from logs.redaction import redact

# Rows per transaction: SQLite is locked for some 20 ms.
BATCH = 2_000
# How soon a database that took nothing is tried again.
RETRY_SECONDS = 2.0
# How often a process that writes looks for files that others left behind.
LOOK_SECONDS = 60.0
# Files ingested at a time: new records wait meanwhile.
FILES_AT_ONCE = 4
# Records of an outage that wait to be printed; the newest, should the writer be held up.
UNPRINTED = 10_000


class BatchWriter:
    """Writes the rows of one process. Safe between its threads; a fork needs a new one.

    Records are numbered by the caller: those up to ``settled`` are written, or are left in files to
    any process. No method raises.
    """

    def __init__(self) -> None:
        # Reentrant, because a signal handler may log or end the process while its thread holds it.
        self._lock = threading.RLock()
        self._spool = Spool()
        self._is_appending = False
        self._has_disk = True
        # Not in the database yet, the oldest first.
        self._batches: deque[Batch] = deque()
        self._outdated: str | None = None
        self._unprinted: deque[str] = deque(maxlen=UNPRINTED)
        self._is_away = self._is_closed = self._files_wait = False
        self._look_at = 0.0
        self.settled = 0

    def append(self, rows: Sequence[Row]) -> bool:
        """Have rows on disk when it returns; False when the disk does not take them."""
        with self._lock:
            is_on_disk = self._append(rows)
            if self._is_away:
                self._unprinted.extend(map(line_of, rows))
        if self._is_closed:
            self._print()
        return is_on_disk

    def _append(self, rows: Sequence[Row]) -> bool:
        if self._is_appending:
            # A signal handler has interrupted an append. That file is ingested after it has rested.
            self._spool = Spool()
        self._is_appending = True
        try:
            self._spool.append(rows)
        except Exception as error:
            if self._has_disk:
                to_stderr([f"Log records cannot be kept on disk: {type(error).__name__}"])
            self._has_disk = False
        else:
            self._has_disk = True
        finally:
            self._is_appending = False
        return self._has_disk

    def save(self, rows: Sequence[Row], number: int) -> None:
        """Have rows on disk, and in batches for ``write`` with all that was appended before.

        The records up to ``number`` are settled with them.
        """
        with self._lock:
            for start in range(0, len(rows), BATCH):
                some = rows[start : start + BATCH]
                is_on_disk = self.append(some)
                self._cut()
                if not is_on_disk and not self._is_away:
                    self._batches.append(Batch(some))
            self._cut()
            if self._batches:
                self._batches[-1].number = number
            else:
                self.settled = number

    def _cut(self) -> None:
        """Make a batch of what was appended; while the database is away the file goes on."""
        if not self._is_away and (batch := self._spool.cut()):
            self._batches.append(batch)

    def write(self, answered: Callable[[], None]) -> bool:
        """Insert the oldest batch; False when there is none.

        ``answered`` is called when the database has answered the first statement.
        """
        self._print()
        with self._lock:
            batch = self._batches[0] if self._batches else None
        if batch is None:
            return False
        try:
            self._outdated = insert(batch, self._outdated, answered)
        except Exception as error:
            self._begin_outage(error)
        with self._lock:
            if self._batches and self._batches[0] is batch:  # else it was released
                self._settle(self._batches.popleft())
        return True

    def _settle(self, batch: Batch) -> None:
        self.settled = max(self.settled, batch.number)

    def catch_up(self, *, at_once: bool = False) -> None:
        """Ingest the files that wait, when it is time to look for them or ``at_once``."""
        if not at_once and time.monotonic() < self._look_at:
            return
        try:
            if self._is_away:
                ingest(at_most=1)  # if that fails, the file of this process goes on
                with self._lock:
                    self._spool.finish()
            is_done = ingest(FILES_AT_ONCE)
        except Exception as error:
            self._begin_outage(error)
        else:
            self._is_away = False
            self._files_wait = not is_done
            self._look_at = time.monotonic() + (LOOK_SECONDS if is_done else 0)

    def seconds_to_look(self) -> float | None:
        """Return after how long ``catch_up`` must be called; None when no file is known to wait."""
        return max(0.0, self._look_at - time.monotonic()) if self._files_wait else None

    def close(self) -> None:
        """Leave to any process what is not in the database; what is appended later is printed."""
        with self._lock:
            self._cut()
            if self._batches:
                self._release("ApplicationLogs could not be written before the end:")
            self._is_away = self._is_closed = True
        self._print()

    def _begin_outage(self, error: Exception) -> None:
        reason = redact(f"{type(error).__name__}: {error}")
        self._release(f"ApplicationLogs cannot be written ({reason}). The records are:")
        self._print()
        self._files_wait = True
        self._look_at = time.monotonic() + RETRY_SECONDS

    def _release(self, headline: str) -> None:
        """Leave all batches to any process; print them if the outage begins with them."""
        with self._lock:
            self._cut()
            if not self._is_away:
                self._unprinted.append(headline)
            for batch in self._batches:
                if not self._is_away:
                    self._unprinted.extend(map(line_of, batch.rows))
                self._settle(batch)
                if batch.path:
                    self._spool.release(batch.path)
            self._batches.clear()
            self._is_away = True

    def _print(self) -> None:
        # Not while holding the lock: stderr may make the writer wait, but no caller.
        with self._lock:
            lines = list(self._unprinted)
            self._unprinted.clear()
        if lines:
            to_stderr(lines)


def to_stderr(lines: Iterable[str]) -> None:
    """Print, where that is possible. Never raises."""
    # No stderr, a closed one, a full disk: nowhere is left to say so.
    with contextlib.suppress(Exception):
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()
