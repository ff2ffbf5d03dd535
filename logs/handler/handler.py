"""The logging handler that writes to ApplicationLogs without making anybody wait for it.

The caller only appends to a queue in memory. One daemon thread per process writes what has
gathered every half second, and at once after an ERROR. What the database does not take goes to
stderr and to files that are entered later. While the database lets the first thread wait, a second
one brings records into such files, so that a process that is killed outright takes along at most
the last second, and no ERROR older than 100 ms.
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
from collections.abc import Callable, Iterable
from functools import partial
from multiprocessing.util import Finalize
from types import FrameType

from django.apps import apps
from django.db import connections

from logs.fork_safety import between_forks
from logs.handler.queue import Backlog
from logs.handler.records import Entry, Row, entry_of, row_of
from logs.handler.writer import Delivery, Withdrawn, to_stderr

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
# How often the keeper looks whether an ERROR is still in memory only: it is by the second look.
LOOK_SECONDS = 0.04
# When the database has held up the writer for so long, the keeper takes all other records, too.
STUCK_SECONDS = 0.4

# Logging a row's INSERT would cause another row, and so on; so would anything else that the
# writer thread logs.
_UNLOGGED = "django.db.backends."

_handlers: "weakref.WeakSet[DatabaseHandler]" = weakref.WeakSet()


class DatabaseHandler(logging.Handler):
    """Writes log records to ApplicationLogs in batches, from a thread of its own.

    A second one, the keeper, has in files what the database does not take in time.
    """

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
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        self._at_risk = threading.Condition(lock)
        self._backlog = Backlog(CAPACITY)
        self._delivery = Delivery()
        # What the writer has in hand and not yet in the database, and the keeper not yet in a file.
        self._writing: list[Entry] = []
        self._keeping: list[Entry] = []
        self._held_since: float | None = None
        self._urgent = False
        # Numbers of entries: up to which all are out, and up to which somebody waits for that.
        self._settled = self._awaited = 0
        self._closed = False
        self._writer: threading.Thread | None = None
        self._keeper: threading.Thread | None = None

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
        return not is_unlogged and threading.current_thread() not in (self._writer, self._keeper)

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
            self._changed.wait_for(lambda: not self._keeping, EXIT_SECONDS)
            entries = [*self._writing, *self._backlog.take(CAPACITY)]
            self._writing = []
            self._closed = True
            self._changed.notify_all()
            self._at_risk.notify_all()
        if entries:
            to_stderr(["ApplicationLogs could not be written before the end:"])
            self._delivery.divert(_rows(entries))
        super().close()

    def _queue(self, entry: Entry) -> None:
        self._backlog.put(entry)
        if entry.level >= logging.ERROR:
            self._urgent = True
            self._at_risk.notify_all()
        if self._urgent or len(self._backlog) in (1, BATCH):
            self._changed.notify_all()
        if self._writer is None:
            self._writer = _started(self._run, "log-writer")
            self._keeper = _started(self._keep, "log-keeper")
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
            self._held_since = None
            self._changed.wait_for(
                lambda: len(self._backlog) or self._is_hurried(), self._delivery.seconds_to_look()
            )
            if len(self._backlog):
                self._changed.wait_for(
                    lambda: len(self._backlog) >= BATCH or self._is_hurried(), FLUSH_SECONDS
                )
            self._hold()
            return not self._closed

    def _is_hurried(self) -> bool:
        # What the keeper has in hand cannot be hurried.
        is_awaited = self._settled < self._awaited and not self._keeping
        return self._urgent or self._closed or is_awaited

    def _work(self) -> None:
        for _ in range(BATCHES_PER_CONNECTION):
            if not self._write_batch():
                break
        self._delivery.catch_up(at_once=self._settled < self._awaited)
        with self._changed:
            self._urgent = len(self._backlog) >= BATCH or self._backlog.has(logging.ERROR)
            kept = [entry.number for entry in self._keeping]
            self._settled = min([self._backlog.oldest_number(), *kept]) - 1
            self._changed.notify_all()

    def _write_batch(self) -> bool:
        """Write some entries; False when there was none."""
        with self._changed:
            is_urgent = self._backlog.has(logging.ERROR)
            entries = self._writing = self._backlog.take(URGENT_BATCH if is_urgent else BATCH)
            self._hold()
        if entries:
            self._delivery.deliver(_rows(entries), partial(self._claim, entries))
        return bool(entries)

    def _hold(self) -> None:
        """From now on, what the writer does may hold it up."""
        self._held_since = time.monotonic()
        self._at_risk.notify_all()

    def _claim(self, entries: list[Entry]) -> None:
        """Make what is being written the writer's for good.

        Raises Withdrawn when ``close`` or the keeper took it over.
        """
        with self._changed:
            if self._writing is not entries:
                raise Withdrawn
            self._writing = []

    def _keep(self) -> None:
        """Bring into files what the writer does not get rid of in time."""
        looked_at = 0
        while not self._closed:
            with self._changed:
                self._at_risk.wait_for(
                    lambda: self._closed or self._held_since or self._waiting_errors()
                )
                is_stuck = time.monotonic() - (self._held_since or math.inf) > STUCK_SECONDS
                if is_stuck:
                    self._keeping = self._take_over(logging.NOTSET)
                elif any(number <= looked_at for number in self._waiting_errors()):
                    self._keeping = self._take_over(logging.ERROR)
                looked_at = self._backlog.last_number
            if self._keeping:
                self._delivery.rescue(_rows(self._keeping))
                with self._changed:
                    self._keeping = []
                    # As soon as the writer can, it is to enter the file.
                    self._awaited = self._backlog.last_number
                    self._changed.notify_all()
            time.sleep(LOOK_SECONDS)

    def _waiting_errors(self) -> list[int]:
        """The numbers of errors that are in memory only; of those in the queue, the first."""
        writing = [entry.number for entry in self._writing if entry.level >= logging.ERROR]
        return [*writing, *self._backlog.heads(logging.ERROR)]

    def _take_over(self, lowest: int) -> list[Entry]:
        """Take what waits from this level on, and all of a batch with one such in it."""
        entries = self._backlog.take(CAPACITY, lowest)
        if any(entry.level >= lowest for entry in self._writing):
            entries = [*self._writing, *entries]
            self._writing = []
        return entries


def _started(work: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


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
