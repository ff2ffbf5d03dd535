"""What the processes of one worker share: its name, whether it stops, and their signs of life.

In shared memory, because queue or database may be what hangs. Each value is written by one
instruction and has no lock that a killed process could leave locked. Which leases are held by
processes that exist, and which processes do other work, the kernel knows: each holds a record lock,
which ends with the process and not before, even when it is stopped. Where processes cannot be
forked (Windows) nothing is shared.
"""

import contextlib
import ctypes
import errno
import os
import socket
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.sharedctypes import RawValue
from pathlib import Path

from django.conf import settings
from django.utils import timezone

if sys.platform != "win32":
    import fcntl

# Seconds between two signs of a worker, and for which one is believed. The reconciler may wait for
# the database meanwhile.
SIGN_EVERY = 5.0
SIGN_LASTS = 60.0
# The second half of the bytes that a file can have. No system has process ids of over 31 bits.
_PROCESSES, _MOST_PROCESSES = 1 << 62, 1 << 31


class Liveness:
    """The shared memory of one worker. Times are ``time.monotonic``, 0 for never."""

    def __init__(self) -> None:
        # With its start: in containers, every main process has the same process id.
        self.host, self.process_id, self.since = socket.gethostname(), os.getpid(), timezone.now()
        self.name = f"{self.host}:{self.process_id} since {self.since:%Y-%m-%dT%H:%M:%SZ}"
        self._stopping = RawValue(ctypes.c_bool, False)
        self._draining = RawValue(ctypes.c_bool, False)
        self._taken = RawValue(ctypes.c_double, 0)
        self._done = RawValue(ctypes.c_double, 0)
        self._acknowledged = RawValue(ctypes.c_double, 0)
        # Its first bytes stand for leases, those from _PROCESSES on for processes.
        self._held = _shared_file()

    @property
    def taken_at(self) -> float:
        """When a process of the worker last took a message from the queue."""
        return float(self._taken.value)

    @property
    def has_other_work(self) -> bool:
        """Whether another process of the worker works on a message that is for no extraction."""
        if not self._lock(_PROCESSES, _MOST_PROCESSES, wait=False):
            return True
        self._unlock(_PROCESSES, _MOST_PROCESSES)
        return False

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

    @property
    def draining(self) -> bool:
        """Whether the worker takes nothing from the queue, and ends what it has."""
        return bool(self._draining.value)

    def drain(self, drains: bool) -> None:
        """Have the worker take nothing from the queue, or take from it again."""
        self._draining.value = drains

    def take(self, *, is_extraction: bool) -> None:
        """Record that this process took a message."""
        self._taken.value = time.monotonic()
        if not is_extraction:
            self._lock(_PROCESSES + os.getpid(), wait=True)

    def finish(self) -> None:
        """Record that this process ended the task of a message."""
        self._done.value = time.monotonic()
        self._unlock(_PROCESSES + os.getpid())

    def acknowledge(self) -> None:
        """Record that a message was acknowledged."""
        self._acknowledged.value = time.monotonic()

    @contextmanager
    def holding(self, lease_id: uuid.UUID) -> Iterator[None]:
        """Have the worker's other processes see that this one works under a lease."""
        self._lock(_place(lease_id), wait=True)
        try:
            yield
        finally:
            self._unlock(_place(lease_id))

    def is_held(self, lease_id: uuid.UUID) -> bool:
        """Whether another process of the worker works under a lease, or is stopped while it did.

        False where the system cannot tell.
        """
        if not self._lock(_place(lease_id), wait=False):
            return True
        self._unlock(_place(lease_id))
        return False

    def _lock(self, place: int, places: int = 1, *, wait: bool) -> bool:
        if sys.platform == "win32":  # pragma: no cover  # no record locks there
            return True
        try:
            at_once = 0 if wait else fcntl.LOCK_NB
            fcntl.lockf(self._held, fcntl.LOCK_EX | at_once, places, place)
        except OSError as error:
            return error.errno not in (errno.EAGAIN, errno.EACCES)
        return True

    def _unlock(self, place: int, places: int = 1) -> None:
        if sys.platform != "win32":
            fcntl.lockf(self._held, fcntl.LOCK_UN, places, place)


def _shared_file() -> int:
    """Open a file for what this process forks, which has no name and stays empty."""
    if sys.platform == "linux":  # in memory: no disk can be full or away
        return os.memfd_create("held")
    if sys.platform == "win32":
        return -1
    descriptor, path = tempfile.mkstemp()
    Path(path).unlink()
    return descriptor


def _place(lease_id: uuid.UUID) -> int:
    """The byte that stands for a lease: the first half of a file, which has 63 bits of them."""
    return lease_id.int >> 66


_own: Liveness | None = None


def begin() -> Liveness:
    """Make this process, and those that it forks from now on, one worker."""
    global _own
    _own = Liveness()
    return _own


def worker_name() -> str | None:
    """Return host, main process and start of this process's worker; None if it has none."""
    return _own.name if _own else None


@contextmanager
def holding(lease_id: uuid.UUID | None) -> Iterator[None]:
    """Have this process's worker, if it has one, see that it works under a lease."""
    if _own is None or lease_id is None:
        yield
        return
    with _own.holding(lease_id):
        yield


def is_held(lease_id: uuid.UUID | None) -> bool:
    """Whether another process of this process's worker works under a lease, or was stopped then."""
    return _own is not None and lease_id is not None and _own.is_held(lease_id)


def is_stopping() -> bool:
    """Whether this process belongs to a worker that is stopping."""
    return _own is not None and _own.stopping


def may_begin() -> bool:
    """Whether this process may begin a task: its worker neither stops nor drains."""
    return _own is None or not (_own.stopping or _own.draining)


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
