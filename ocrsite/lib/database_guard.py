"""A database that this process must not use: refused once, said once, until the process ends."""

import logging
import sys
from collections.abc import Callable

from django.db import OperationalError

logger = logging.getLogger(__name__)


class DatabaseRefused(OperationalError):
    """The database at the configured address is not, or no longer, the one to work with."""


_reason: str | None = None
_when_refused: list[Callable[[], None]] = []


def refuse(reason: str) -> None:
    """Let this process connect to no database any more, and say why on the console and in the log.

    A new process decides anew.
    """
    global _reason
    if _reason is not None:
        return
    _reason = reason
    say(reason)
    for act in _when_refused:
        act()


def say(reason: str) -> None:
    """Say on the console and, where that can be written, in the log what is wrong."""
    sys.stderr.write(f"CRITICAL: {reason}\n")
    sys.stderr.flush()
    logger.critical("%s", reason)


def is_refused() -> bool:
    """Whether the database was refused, so that this process is of no use any more."""
    return _reason is not None


def require_accepted() -> None:
    """Raise DatabaseRefused once the database was refused."""
    if _reason is not None:
        raise DatabaseRefused(_reason)


def when_refused(act: Callable[[], None]) -> None:
    """Have a function called, by whichever thread it is, when the database is refused."""
    _when_refused.append(act)
