"""Lets a process fork only while no thread of this app has a connection.

A connection that is open during a fork is open in two processes, and a database driver's lock
that is held then is held in the child for ever.
"""

import os
import sys
import threading

# A fork waits so long for a thread to close its connection; then it goes ahead.
PATIENCE_SECONDS = 1.0

between_forks = threading.Lock()
"""Held by a thread of this app while it has a connection."""

_forking = threading.local()


def _wait_for_threads() -> None:
    _forking.holds = between_forks.acquire(timeout=PATIENCE_SECONDS)


def _go_on() -> None:
    if _forking.holds:
        between_forks.release()


def _go_on_in_child() -> None:
    # Perhaps held by a thread that does not exist in the child.
    if between_forks.locked():
        between_forks.release()


if sys.platform != "win32":  # Windows cannot fork
    os.register_at_fork(
        before=_wait_for_threads, after_in_parent=_go_on, after_in_child=_go_on_in_child
    )
