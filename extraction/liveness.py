"""What the processes of one worker know of each other: its name, its end and its signs of life.

Shared memory, because the queue or the database can be what is stuck. Each value is written by
one instruction and has no lock, so a process that is killed leaves none behind. Where processes
cannot be forked (Windows) nothing is shared.
"""

import ctypes
import os
import socket
import time
from multiprocessing.sharedctypes import RawValue

from django.utils import timezone


class Liveness:
    """The shared memory of one worker. Times are ``time.monotonic``, 0 for never."""

    def __init__(self) -> None:
        # With its start: in a container, every main process has the same number.
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
        """When that was a message for something else than an extraction."""
        return float(self._taken_other.value)

    @property
    def done_at(self) -> float:
        """When the work of a message last ended."""
        return float(self._done.value)

    @property
    def acknowledged_at(self) -> float:
        """When a message was last acknowledged to the queue."""
        return float(self._acknowledged.value)

    @property
    def stopping(self) -> bool:
        """Whether no process of the worker may begin anything."""
        return bool(self._stopping.value)

    def stop(self) -> None:
        """Have no process of the worker begin anything more."""
        self._stopping.value = True

    def take(self, *, is_extraction: bool) -> None:
        """Say that a message was taken."""
        self._taken.value = time.monotonic()
        if not is_extraction:
            self._taken_other.value = time.monotonic()

    def finish(self) -> None:
        """Say that the work of a message ended."""
        self._done.value = time.monotonic()

    def acknowledge(self) -> None:
        """Say that a message was acknowledged."""
        self._acknowledged.value = time.monotonic()


_own: Liveness | None = None


def begin() -> Liveness:
    """Make this process and all that it forks from now on one worker."""
    global _own
    _own = Liveness()
    return _own


def worker_name() -> str | None:
    """Return host, main process and start of the worker that this process belongs to, if to any."""
    return _own.name if _own else None


def is_stopping() -> bool:
    """Whether this process belongs to a worker that begins nothing more."""
    return _own is not None and _own.stopping
