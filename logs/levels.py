"""Levels of loggers that staff set in the admin, in every process and without a restart.

A daemon thread of each process reads the rows of LoggerLevel and sets the levels of logging itself,
so that a call of logging costs no more. It keeps its connection, because a log-in costs the server
more than the query, and closes it for every fork.
"""

import logging
import os
import sys
import threading
import time

from django.apps import apps

from ocrsite.lib.database import drop_connections

logger = logging.getLogger(__name__)

# How late a change is in effect, at most.
READ_SECONDS = 5.0
# A fork waits so long for a query of the thread to end; then it goes ahead.
FORK_PATIENCE_SECONDS = 1.0

ended = threading.Event()
"""Once it is set, levels are read no more."""

# The configured levels of the loggers that have another one now, by name.
_configured: dict[str, int] = {}


def follow() -> None:
    """Read the levels every few seconds from now on, in this process and those it forks."""
    _start()
    if sys.platform != "win32":  # Windows cannot fork
        os.register_at_fork(
            before=lambda: _reader.hold(),
            after_in_parent=lambda: _reader.go_on(),
            after_in_child=_start,
        )


def apply() -> None:
    """Give each logger with a row its level, and each that had one its configured level.

    Raises django.db.Error.
    """
    from logs.models import LoggerLevel  # the apps are set up first

    wanted = dict(LoggerLevel.objects.values_list("logger", "level"))
    for name in _configured.keys() - wanted.keys():
        logging.getLogger(name).setLevel(_configured.pop(name))
    for name, level in wanted.items():
        logger = logging.getLogger(name)
        _configured.setdefault(name, logger.level)
        if logging.getLevelName(logger.level) != level:
            logger.setLevel(level)


class _Reader:
    """The thread of one process, and what a fork agrees with it about its connection.

    A connection that is open during a fork is open in two processes, and the child would end it.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._forks = 0
        self._connected = False
        self._works = False

    def start(self) -> None:
        threading.Thread(target=self._read_for_ever, name="log-levels", daemon=True).start()

    def hold(self) -> None:
        """Return when the thread has no connection, and keep it from making one."""
        with self._changed:
            self._forks += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._connected, timeout=FORK_PATIENCE_SECONDS)

    def go_on(self) -> None:
        """Let the thread connect again."""
        with self._changed:
            self._forks -= 1
            self._changed.notify_all()

    def _read_for_ever(self) -> None:
        # Nobody may ask the database before; where other apps take long, the pause is over sooner.
        apps.ready_event.wait()
        # The pause first: commands that end soon have no use for the database.
        while self._pause():
            self._read()

    def _pause(self) -> bool:
        """Wait until it is time to read; False when nothing is to be read any more."""
        due = time.monotonic() + READ_SECONDS
        with self._changed:
            while True:
                if self._forks and self._connected:
                    self._disconnect()
                left = due - time.monotonic()
                if left <= 0 and not self._forks:
                    break
                self._changed.wait(max(left, 0.0) or None)
            if ended.is_set():
                self._disconnect()
                return False
            self._connected = True
            return True

    def _read(self) -> None:
        try:
            apply()
        except Exception:
            # A database that is away, or has no such table yet, leaves the levels as they are.
            if self._works:
                logger.warning("Could not read the levels of loggers; trying again.", exc_info=True)
            self._works = False
            with self._changed:
                self._disconnect()
        else:
            self._works = True

    def _disconnect(self) -> None:
        drop_connections()
        self._connected = False
        self._changed.notify_all()


_reader = _Reader()


def _start() -> None:
    global _reader
    _reader = _Reader()  # a fork's lock and thread stayed behind
    _reader.start()
