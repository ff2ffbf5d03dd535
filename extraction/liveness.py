"""What the processes of one worker share: its name, whether it stops, and their signs of life.

In shared memory, because queue or database may be what hangs. Each value is written by one
instruction and has no lock that a killed process could leave locked. Where processes cannot be
forked (Windows) nothing is shared.
"""

import contextlib
import ctypes
import os
import socket
import time
from multiprocessing.sharedctypes import RawValue
from pathlib import Path

from django.conf import settings
from django.utils import timezone

# Seconds between two signs of a worker, and for which one is believed. The reconciler may wait for
# the database meanwhile.
SIGN_EVERY = 5.0
SIGN_LASTS = 60.0


class Liveness:
    """The shared memory of one worker. Times are ``time.monotonic``, 0 for never."""

    def __init__(self) -> None:
        # With its start: in containers, every main process has the same process id.
        started = timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        self.name = f"{socket.gethostname()}:{os.getpid()} since {started}"
        self._stopping = RawValue(ctypes.c_bool, False)
        self._taken = RawValue(ctypes.c_double, 0)
        self._taken_other = RawValue(ctypes.c_double, 0)
        self._done = RawValue(ctypes.c_double, 0)
        self._acknowledged = RawValue(ctypes.c_double, 0)

    @property
    def taken_at(self) -> float:
        """When a process of the worker last took a message from the queue."""
        return float(self._taken.value)

    @property
    def other_taken_at(self) -> float:
        """When one last took a message that was not for an extraction."""
        return float(self._taken_other.value)

    @property
    def done_at(self) -> float:
        """When a process last ended the task of a message."""
        return float(self._done.value)

    @property
    def acknowledged_at(self) -> float:
        """When a process last acknowledged a message to the queue."""
        return float(self._acknowledged.value)

    @property
    def stopping(self) -> bool:
        """Whether the processes of the worker may begin no task."""
        return bool(self._stopping.value)

    def stop(self) -> None:
        """Have no process of the worker begin another task."""
        self._stopping.value = True

    def take(self, *, is_extraction: bool) -> None:
        """Record that a message was taken."""
        self._taken.value = time.monotonic()
        if not is_extraction:
            self._taken_other.value = time.monotonic()

    def finish(self) -> None:
        """Record that the task of a message ended."""
        self._done.value = time.monotonic()

    def acknowledge(self) -> None:
        """Record that a message was acknowledged."""
        self._acknowledged.value = time.monotonic()


_own: Liveness | None = None


def begin() -> Liveness:
    """Make this process, and those that it forks from now on, one worker."""
    global _own
    _own = Liveness()
    return _own


def worker_name() -> str | None:
    """Return host, main process and start of this process's worker; None if it has none."""
    return _own.name if _own else None


def is_stopping() -> bool:
    """Whether this process belongs to a worker that is stopping."""
    return _own is not None and _own.stopping


def show_sign() -> None:
    """Tell the processes of the site that a worker lives: by a file's time of change."""
    with contextlib.suppress(OSError):  # a disk that is full or away stops no worker
        _sign().touch(mode=0o600)


def has_sign() -> bool:
    """Whether a worker of this DATA_DIR showed a sign within SIGN_LASTS."""
    try:
        return abs(time.time() - _sign().stat().st_mtime) < SIGN_LASTS
    except OSError:
        return False


def _sign() -> Path:
    return Path(settings.DATA_DIR) / "worker.alive"
