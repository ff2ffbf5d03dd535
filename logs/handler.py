"""The logging handler that writes to ApplicationLogs without making anybody wait for it.

The caller only appends to a queue in memory. One daemon thread per process writes what has
gathered every half second, and at once after an ERROR. What the database does not take goes
to stderr and to files that are entered later. A process that is killed outright loses at most that
half second.
"""

import logging
import multiprocessing
import os
import signal
import sys
import threading
import weakref
from collections.abc import Iterable
from multiprocessing.util import Finalize
from types import FrameType

from django.apps import apps
from django.db import connections

from logs.backlog import Backlog
from logs.delivery import Delivery, Withdrawn, to_stderr
from logs.entries import Entry, Row, entry_of, row_of
from logs.forks import between_forks

# Some 30 MB when it is full.
CAPACITY = 50_000
# Rows per transaction: so short that nobody notices the lock on SQLite. An ERROR waits for one
# transaction to end, and takes only a few others with it.
BATCH = 500
URGENT_BATCH = 50
# Transactions per connection while there is enough to write: a fork waits for them.
BATCHES_PER_CONNECTION = 20
FLUSH_SECONDS = 0.5
EXIT_SECONDS = 5.0

# Logging a row's INSERT would cause another row, and so on; so would anything else that the
# writer thread logs.
_UNLOGGED = "django.db.backends."

_handlers: "weakref.WeakSet[DatabaseHandler]" = weakref.WeakSet()


class DatabaseHandler(logging.Handler):
    """Writes log records to ApplicationLogs in batches, from a thread of its own."""

    def __init__(self, level: int | str = logging.NOTSET) -> None:
        super().__init__(level)
        self._start_afresh()
        _handlers.add(self)

    def createLock(self) -> None:  # noqa: N802
        """Without logging's lock: the queue has its own, which is never held while writing."""
        self.lock = None

    def _start_afresh(self) -> None:
        """Forget the parent's queue, thread and locks: after a fork the parent still has them."""
        # Reentrant, because a signal handler may log while its own thread holds the lock.
        self._changed = threading.Condition(threading.RLock())
        self._backlog = Backlog(CAPACITY)
        self._delivery = Delivery()
        self._writing: list[Entry] = []
        self._withdrawn = False
        self._urgent = False
        # Numbers of entries: up to which all are out, and up to which somebody waits for that.
        self._settled = self._awaited = 0
        self._closed = False
        self._writer: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record. Never raises and never waits for the database."""
        try:
            if not self._is_loggable(record):
                return
            entry = entry_of(record)
            with self._changed:
                if not self._closed:
                    self._queue(entry)
                    return
            self._delivery.divert([row_of(entry)])
        except Exception:
            self.handleError(record)

    def _is_loggable(self, record: logging.LogRecord) -> bool:
        is_unlogged = f"{record.name}.".startswith(_UNLOGGED)
        return not is_unlogged and threading.current_thread() is not self._writer

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say so on stderr; logging's own way would print the arguments, secrets and all."""
        to_stderr([f"A log record from {record.pathname}:{record.lineno} could not be queued."])

    def flush(self, timeout: float | None = None) -> None:
        """Wait until everything logged so far is written, at most ``timeout`` (5) seconds.

        Never inside ``atomic()`` on SQLite: the writer waits for that very transaction.
        """
        if not apps.ready:  # the writer waits for them, perhaps for ever
            return
        with self._changed:
            target = self._awaited = self._backlog.last_number
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._settled >= target or self._closed,
                EXIT_SECONDS if timeout is None else timeout,
            )

    def close(self) -> None:
        """Flush; what is not in the database by then is diverted. Runs when Python exits."""
        self.flush()
        with self._changed:
            self._withdrawn = bool(self._writing)
            entries = [*self._writing, *self._backlog.take(CAPACITY)]
            self._closed = True
            self._changed.notify_all()
        if entries:
            to_stderr(["ApplicationLogs could not be written before the end:"])
            self._delivery.divert(_rows(entries))
        super().close()

    def _queue(self, entry: Entry) -> None:
        self._backlog.put(entry)
        self._urgent = self._urgent or entry.level >= logging.ERROR
        if self._urgent or len(self._backlog) in (1, BATCH):
            self._changed.notify_all()
        if self._writer is None:
            self._writer = threading.Thread(target=self._run, name="log-writer", daemon=True)
            self._writer.start()
            if multiprocessing.parent_process() is not None:
                # Children of multiprocessing (django-q's workers) end without atexit.
                Finalize(None, self.close, exitpriority=-100)

    def _run(self) -> None:
        apps.ready_event.wait()
        while self._wait_for_work():
            with between_forks:
                try:
                    self._work()
                finally:
                    # This thread's connection only. One that is kept would go stale.
                    connections.close_all()

    def _wait_for_work(self) -> bool:
        """Wait for entries, then for company; False when the handler was closed."""
        with self._changed:
            self._changed.wait_for(
                lambda: len(self._backlog) or self._is_hurried(), self._delivery.seconds_to_look()
            )
            if len(self._backlog):
                self._changed.wait_for(
                    lambda: len(self._backlog) >= BATCH or self._is_hurried(), FLUSH_SECONDS
                )
            return not self._closed

    def _is_hurried(self) -> bool:
        return self._urgent or self._closed or self._settled < self._awaited

    def _work(self) -> None:
        for _ in range(BATCHES_PER_CONNECTION):
            if not self._write_batch():
                break
        self._delivery.catch_up(at_once=self._settled < self._awaited)
        with self._changed:
            self._urgent = len(self._backlog) >= BATCH or self._backlog.has(logging.ERROR)
            self._settled = self._backlog.oldest_number() - 1
            self._changed.notify_all()

    def _write_batch(self) -> bool:
        """Write some entries; False when there was none."""
        with self._changed:
            is_urgent = self._backlog.has(logging.ERROR)
            entries = self._writing = self._backlog.take(URGENT_BATCH if is_urgent else BATCH)
        if entries:
            self._delivery.deliver(_rows(entries), self._claim)
        return bool(entries)

    def _claim(self) -> None:
        """Take over what is being written from ``close``. Raises Withdrawn when that was first."""
        with self._changed:
            if self._withdrawn:
                raise Withdrawn
            self._writing = []


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


def _rows(entries: Iterable[Entry]) -> list[Row]:
    rows = []
    for entry in entries:
        try:
            rows.append(row_of(entry))
        except Exception:
            to_stderr([f"A log record from {entry.module}:{entry.line} could not be written."])
    return rows


def _start_afresh_in_child() -> None:
    for handler in _handlers:
        handler._start_afresh()


if sys.platform != "win32":  # Windows cannot fork
    os.register_at_fork(after_in_child=_start_afresh_in_child)
