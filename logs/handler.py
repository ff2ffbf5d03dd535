"""The logging handler that writes to ApplicationLogs without making anybody wait for it.

The caller only appends to a queue in memory. One daemon thread per process writes what has
gathered every half second, and at once after an ERROR. What the database does not take goes
to stderr. A process that is killed outright loses at most that half second.
"""

import contextlib
import logging
import multiprocessing
import os
import sys
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterable, Sequence
from multiprocessing.util import Finalize

from django.apps import apps
from django.db import connections, transaction

from logs.backlog import Backlog
from logs.entries import Entry, entry_of, line_of, row_of
from logs.redaction import redact

CAPACITY = 10_000
# Rows per INSERT transaction: short enough that nobody notices the lock on SQLite.
BATCH = 1_000
FLUSH_SECONDS = 0.5
EXIT_SECONDS = 5.0

# Logging a row's INSERT would cause another row, and so on; so would anything else that the
# writer thread logs.
_UNLOGGED = "django.db.backends"

_handlers: "weakref.WeakSet[DatabaseHandler]" = weakref.WeakSet()


class DatabaseHandler(logging.Handler):
    """Writes log records to ApplicationLogs in batches, from a thread of its own."""

    def __init__(self, level: int | str = logging.NOTSET) -> None:
        super().__init__(level)
        self.addFilter(self._is_loggable)
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
        self._writing: list[Entry] = []
        self._written_number = 0
        self._urgent = False
        self._closed = False
        self._writer: threading.Thread | None = None

    def _is_loggable(self, record: logging.LogRecord) -> bool:
        name = record.name
        return not (
            name == _UNLOGGED
            or name.startswith(f"{_UNLOGGED}.")
            or threading.current_thread() is self._writer
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record. Never raises and never waits for the database."""
        try:
            entry = entry_of(record)
            with self._changed:
                if not self._closed:
                    self._queue(entry)
                    return
            _to_stderr([line_of(entry)])
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say so on stderr; logging's own way would print the arguments, secrets and all."""
        _to_stderr([f"A log record from {record.pathname}:{record.lineno} could not be queued."])

    def flush(self, timeout: float | None = None) -> None:
        """Wait until everything logged so far is written, at most ``timeout`` (5) seconds.

        Never inside ``atomic()`` on SQLite: the writer waits for that very transaction.
        """
        if not apps.ready:  # the writer waits for them, perhaps for ever
            return
        with self._changed:
            target = self._backlog.last_number
            self._urgent = True
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._written_number >= target,
                EXIT_SECONDS if timeout is None else timeout,
            )

    def close(self) -> None:
        """Flush; what is not in the database by then goes to stderr. Runs when Python exits."""
        self.flush()
        with self._changed:
            entries, dropped = self._backlog.take_all()
            entries = [*self._writing, *entries, *_drop_notice(dropped)]
            self._closed = True
            self._changed.notify_all()
        if entries:
            _to_stderr(["ApplicationLogs could not be written before the end:"])
            _to_stderr(line_of(entry) for entry in entries)
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
        while self._wait_for_entries():
            with self._changed:
                entries, dropped = self._backlog.take_all()
                number = self._backlog.last_number
                self._writing = [*entries, *_drop_notice(dropped)]
                self._urgent = False
            _write(self._writing)
            with self._changed:
                self._writing = []
                self._written_number = number
                self._changed.notify_all()

    def _wait_for_entries(self) -> bool:
        """Wait for entries, then for company; False when the handler was closed."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._backlog) or self._closed)
            self._changed.wait_for(
                lambda: self._urgent or self._closed or len(self._backlog) >= BATCH, FLUSH_SECONDS
            )
            return not self._closed


def _write(entries: Sequence[Entry]) -> None:
    """Insert the entries, or print those that the database did not take. Never raises."""
    done = 0
    try:
        from logs import error_groups
        from logs.models import ApplicationLog

        for start in range(0, len(entries), BATCH):
            batch = entries[start : start + BATCH]
            rows = [row_of(entry) for entry in batch]
            with transaction.atomic():
                error_groups.record(rows)
                ApplicationLog.objects.bulk_create(rows)
            done += len(batch)
    except Exception as error:
        reason = redact(f"{type(error).__name__}: {error}")
        _to_stderr([f"ApplicationLogs cannot be written ({reason}). The records are:"])
        _to_stderr(line_of(entry) for entry in entries[done:])
    finally:
        # This thread's connection only. A connection kept would be inherited by forks, and go
        # stale: the records written next would be lost with it.
        with contextlib.suppress(Exception):
            connections.close_all()


def _drop_notice(dropped: Counter[str]) -> list[Entry]:
    if not dropped:
        return []
    counts = ", ".join(f"{count} {level}" for level, count in dropped.items())
    message = f"{dropped.total()} log records were dropped because the queue was full: {counts}"
    return [
        Entry(
            time.time(), logging.WARNING, "WARNING", __name__, message, None, "handler", None, 0, {}
        )
    ]


def _to_stderr(lines: Iterable[str]) -> None:
    # No stderr, a closed one, a full disk: nowhere is left to say so.
    with contextlib.suppress(Exception):
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()


def _start_afresh_in_child() -> None:
    for handler in _handlers:
        handler._start_afresh()


if sys.platform != "win32":  # Windows cannot fork
    os.register_at_fork(after_in_child=_start_afresh_in_child)
