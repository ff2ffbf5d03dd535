"""The logging handler that writes to ApplicationLogs without making a caller wait for the database.

One daemon thread per process, the writer, brings records onto disk and from there into the
database. They reach it by a queue in memory, which it empties every half second. Two kinds of
record go onto disk at once, by their caller: errors, and whatever is logged while the database may
hold up the writer. So a process that is killed outright loses no error, and of all other records
those of the last half second.
"""

import logging
import math
import multiprocessing
import os
import signal
import sys
import threading
import time
import weakref
from multiprocessing.util import Finalize
from types import FrameType

from django.apps import apps

from logs.fork_safety import between_forks
from logs.handler.queue import RecordQueue
from logs.handler.records import Row, row_of
from logs.handler.writer import BATCH, BatchWriter, to_stderr
from ocrsite.lib.database import drop_connections

# Some 30 MB when it is full.
CAPACITY = 50_000
# Transactions per connection while there is enough to write: a fork waits for them.
BATCHES_PER_CONNECTION = 5
FLUSH_SECONDS = 0.5
EXIT_SECONDS = 5.0
# A transaction whose first statement was answered ends within this time. Should it not, what was
# logged meanwhile goes onto disk with the next call of logging.
TRUST_SECONDS = 0.4

# Logging a row's INSERT would cause another row, and so on; so would anything else that the
# writer logs.
_UNLOGGED = "django.db.backends."

_handlers: "weakref.WeakSet[DatabaseHandler]" = weakref.WeakSet()


class DatabaseHandler(logging.Handler):
    """Writes log records to ApplicationLogs in batches, from a thread of its own."""

    def __init__(self, level: int | str = logging.NOTSET) -> None:
        super().__init__(level)
        self._start_afresh()
        _handlers.add(self)

    def createLock(self) -> None:  # noqa: N802
        """Without logging's lock: the handler has its own, never held during a query."""
        self.lock = None

    def _start_afresh(self) -> None:
        """Forget the parent's records, thread and locks: after a fork the parent still has them."""
        # Reentrant, because a signal handler may log while its own thread holds the lock.
        self._changed = threading.Condition(threading.RLock())
        self._queue = RecordQueue(CAPACITY)
        self._batch_writer = BatchWriter()
        self._writer: threading.Thread | None = None
        self._closed = False
        # Until then the writer is not held up, and saves in time what is in the queue.
        self._safe_until = math.inf
        # Records are numbered: the last that was logged, and the last of those that are on disk,
        # that are settled (see BatchWriter), and that somebody waits for.
        self._logged = self._saved = self._settled = self._awaited = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record or bring it onto disk. Never raises, never waits for the database."""
        try:
            is_own = threading.current_thread() is self._writer
            if not is_own and not f"{record.name}.".startswith(_UNLOGGED):
                self._accept(record.levelno, row_of(record))
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say so on stderr; logging's own way would print the arguments, secrets and all."""
        to_stderr([f"A log record from {record.pathname}:{record.lineno} could not be queued."])

    def _accept(self, level: int, row: Row) -> None:
        with self._changed:
            is_queue_safe = not self._closed and time.monotonic() < self._safe_until
            if is_queue_safe and level < logging.ERROR:
                self._put(level, row)
                return
            if not is_queue_safe and len(self._queue):
                self._save()
        is_on_disk = self._batch_writer.append([row])
        with self._changed:
            if is_on_disk:
                self._count()
            else:
                self._put(level, row)

    def _put(self, level: int, row: Row) -> None:
        self._queue.put(level, row)
        self._count()

    def _count(self) -> None:
        """Number a record that was queued or saved, and wake the writer if it is time."""
        self._logged += 1
        if self._logged == self._saved + 1 or len(self._queue) == BATCH:
            self._changed.notify_all()
        if self._writer is None and not self._closed:
            self._start_writer()

    def _start_writer(self) -> None:
        self._writer = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._writer.start()
        if multiprocessing.parent_process() is not None:
            # Children of multiprocessing (django-q's workers) end without atexit.
            Finalize(None, self.close, exitpriority=-100)

    def flush(self, timeout: float | None = None) -> None:
        """Wait until everything logged so far is written, at most ``timeout`` (5) seconds.

        Never inside ``atomic()`` on SQLite: the writer waits for that very transaction.
        """
        if not apps.ready:  # the writer waits for them, perhaps for ever
            return
        with self._changed:
            target = self._awaited = self._logged
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._settled >= target or self._closed,
                EXIT_SECONDS if timeout is None else timeout,
            )

    def close(self) -> None:
        """Flush; what is not in the database by then stays on disk. Runs when Python exits."""
        self.flush()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._save()
        self._batch_writer.close()
        super().close()

    def _run(self) -> None:
        apps.ready_event.wait()
        while self._wait_for_records():
            self._save()
            with between_forks:
                try:
                    self._write()
                finally:
                    # This thread's connection only. One that is kept would go stale.
                    drop_connections()

    def _wait_for_records(self) -> bool:
        """Wait for a record, then for more to write with it; False when the handler was closed."""
        with self._changed:
            self._safe_until = math.inf
            self._changed.wait_for(
                lambda: self._settled < self._logged or self._must_hurry(),
                self._batch_writer.seconds_to_look(),
            )
            if self._settled < self._logged:
                self._changed.wait_for(
                    lambda: len(self._queue) >= BATCH or self._must_hurry(), FLUSH_SECONDS
                )
            return not self._closed

    def _must_hurry(self) -> bool:
        return self._closed or self._settled < max(self._awaited, self._saved)

    def _save(self) -> None:
        """Bring the queue onto disk. From now on the database may hold up the writer."""
        with self._changed:
            self._safe_until = 0
            self._saved = self._logged
            self._batch_writer.save(self._queue.take(), self._saved)

    def _write(self) -> None:
        """Bring into the database what is on disk, and what is logged meanwhile."""
        self._batch_writer.catch_up(at_once=self._settled < self._awaited)
        for _ in range(BATCHES_PER_CONNECTION):
            has_more = self._batch_writer.write(self._trust_database)
            with self._changed:
                self._settled = self._batch_writer.settled
                self._changed.notify_all()
            if not has_more:
                break
            self._save()  # before the next transaction, which may be held up, too

    def _trust_database(self) -> None:
        """The database has just answered: for a moment the queue is safe again."""
        self._safe_until = time.monotonic() + TRUST_SECONDS


def flush_on_sigterm() -> None:
    """Let SIGTERM end this process only after a flush, unless it has a way of its own to end."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _close_and_end)


def _close_and_end(number: int, _frame: FrameType | None) -> None:
    for handler in list(_handlers):
        handler.close()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _start_afresh_in_child() -> None:
    for handler in _handlers:
        handler._start_afresh()


if sys.platform != "win32":  # Windows cannot fork
    os.register_at_fork(after_in_child=_start_afresh_in_child)
