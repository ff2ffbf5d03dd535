"""Runs jobs in processes that are forked for them by one that has our parsers loaded.

That one, ``extraction.documents.fork_server``, is started with the first job and kept; one that is
gone is replaced. A job then costs some milliseconds of CPU instead of 70 to 170.
"""

import atexit
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    # Windows, which cannot fork, has no ``resource``.
    from extraction.documents.fork_server import Job

_SERVER = Path(__file__).with_name("fork_server.py")


def run_job(job: "Job", wall: float, environment: Mapping[str, str]) -> int | None:
    """Return a job's exit code, negative for the signal that killed it; None after so many seconds.

    The job is killed then, and so it is when this raises anything. A server that is started for it
    gets the environment. Raises OSError for a fault of the machine.
    """
    server = _servers.take(environment)
    try:
        code = server.run(job, wall)
    except BaseException:
        server.kill()
        raise
    if code in (None, -signal.SIGKILL):
        server.kill()  # what killed its job has killed the server too, or will
    else:
        _servers.give_back(server)
    return code


class _Server:
    """A process that forks one job at a time."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        # -I: neither the current folder nor PYTHONPATH adds modules. The session makes a group of
        # the server and its job, which are killed together.
        self._process = subprocess.Popen(  # noqa: S603  # an argument list, no shell
            [sys.executable, "-I", str(_SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        self._jobs = cast("IO[bytes]", self._process.stdin)
        self._codes = cast("IO[bytes]", self._process.stdout)

    def lives(self) -> bool:
        return self._process.poll() is None

    def run(self, job: "Job", wall: float) -> int | None:
        self._jobs.write(json.dumps(job).encode() + b"\n")
        self._jobs.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(self._codes, selectors.EVENT_READ)
            if not selector.select(wall):
                return None
        # Nothing comes from a server that the machine killed, and its job with it.
        return int(self._codes.readline() or -signal.SIGKILL)

    def kill(self) -> None:
        if self.lives():
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._close()

    def leave(self) -> None:
        """Close this process' ends of the pipes of a server that another process started."""
        self._process.returncode = 0  # what waits for it is the other one
        self._close()

    def _close(self) -> None:
        self._codes.close()
        # A job that was not sent is still in the buffer; it must not be sent now.
        self._jobs.detach().close()  # type: ignore[attr-defined]  # a BufferedWriter


class _Servers:
    """The server of this process while no job runs in it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: _Server | None = None

    def take(self, environment: Mapping[str, str]) -> _Server:
        """Return the server, or a new one where it is gone or at work."""
        with self._lock:
            server, self._idle = self._idle, None
        if server is not None and not server.lives():
            server.kill()
            server = None
        return server or _Server(environment)

    def give_back(self, server: _Server) -> None:
        """Keep a server, unless there is one: those of jobs at one time are not kept."""
        with self._lock:
            extra, self._idle = self._idle, server
        if extra is not None:
            extra.kill()

    def close(self) -> None:
        """End the server, if there is one."""
        with self._lock:
            server, self._idle = self._idle, None
        if server is not None:
            server.kill()

    def leave(self) -> None:
        """Use servers of its own in a process that was forked."""
        self._lock = threading.Lock()  # a thread that is no longer there may have held it
        server, self._idle = self._idle, None
        if server is not None:
            server.leave()


_servers = _Servers()
atexit.register(_servers.close)
if sys.platform != "win32":
    os.register_at_fork(after_in_child=_servers.leave)
