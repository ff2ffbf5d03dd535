"""Levels of loggers that staff set in the admin, in every process and without a restart.

A daemon thread of each process reads the rows of LoggerLevel and sets logging's own levels, so that
a call of logging costs no more.
"""

import contextlib
import logging
import os
import sys
import threading

from django.db import connections

from logs.fork_safety import between_forks

# How late a change is in effect, at most.
READ_SECONDS = 5.0

ended = threading.Event()
"""Once it is set, levels are read no more."""

# The configured levels of the loggers that have another one now, by name.
_configured: dict[str, int] = {}


def follow() -> None:
    """Read the levels every few seconds from now on, in this process and those it forks."""
    _start()
    if sys.platform != "win32":  # Windows cannot fork
        os.register_at_fork(after_in_child=_start)


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


def _start() -> None:
    threading.Thread(target=_read_for_ever, name="log-levels", daemon=True).start()


def _read_for_ever() -> None:
    # The pause first: a command that ends soon needs no connection.
    while not ended.wait(READ_SECONDS):
        with between_forks:
            # A database that is away, or has no such table yet, leaves the levels as they are.
            with contextlib.suppress(Exception):
                apply()
            connections.close_all()
