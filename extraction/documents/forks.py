"""Runs jobs in processes that are forked for them by one that has our parsers loaded.

That one, ``extraction.documents.fork_server``, is started with the first job and kept; one that is
gone is replaced. A job then costs some milliseconds of CPU instead of 70 to 170. Where many
processes do jobs (``shared_by_forks``) their servers are forked by one, and share its memory.
"""

import atexit
import contextlib
import json
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    # Windows, which cannot fork, has no ``resource``.
    from extraction.documents.fork_server import Job

_SERVER = Path(__file__).with_name("fork_server.py")
# Seconds. Where no server was forked by then this process starts one itself.
_FORKED_WITHIN = 10.0

# Where to ask for servers; None: each process starts its own.
_asked: socket.socket | None = None


@contextmanager
def shared_by_forks(environment: Mapping[str, str], *modules: str) -> Iterator[None]:
    """Have the processes that are forked inside the block share what their servers have loaded.

    ``modules`` are loaded before the first job. Where that is not possible (only Linux can wait for
    another's child), or no more, each process starts a server of its own.
    """
    global _asked
    if sys.platform != "linux":  # pragma: no cover
        yield
        return
    asked, answers = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    asked.setblocking(False)
    with asked:
        with answers:
            process = subprocess.Popen(  # noqa: S603  # an argument list, no shell
                [sys.executable, "-I", str(_SERVER), str(answers.fileno()), *modules],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                pass_fds=[answers.fileno()],
                start_new_session=True,
            )
        _asked = asked
        try:
            yield
        finally:
            _asked = None
            process.kill()  # and so its servers
            process.wait()


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


class _Process(Protocol):
    """The process of a server."""

    def lives(self) -> bool:
        """Whether it has not ended."""

    def kill(self) -> None:
        """End it, with its job."""

    def leave(self) -> None:
        """Let another process be the one that ends it."""


class _Started:
    """A process that this one started."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def lives(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        if self.lives():
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def leave(self) -> None:
        self._process.returncode = 0  # what waits for it is the other one


class _Forked:
    """A process that another one forked for this one. Its job is killed with it."""

    def __init__(self, pid: int) -> None:
        self._file = os.pidfd_open(pid)

    def lives(self) -> bool:
        return not select.select([self._file], [], [], 0)[0]

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._file, signal.SIGKILL)
        select.select([self._file], [], [])
        os.close(self._file)

    def leave(self) -> None:
        os.close(self._file)


def _new_server(environment: Mapping[str, str]) -> "_Server":
    if _asked is not None:
        with contextlib.suppress(OSError):
            return _forked_server(_asked)
    # -I: neither the current folder nor PYTHONPATH adds modules. The session makes a group of
    # the server and its job, which are killed together.
    process = subprocess.Popen(  # noqa: S603  # an argument list, no shell
        [sys.executable, "-I", str(_SERVER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    jobs, codes = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    return _Server(_Started(process), jobs, codes)


def _forked_server(asked: socket.socket) -> "_Server":
    """Have a server forked. Raises OSError where that does not happen."""
    its_jobs, jobs = os.pipe()
    try:
        codes, its_codes = os.pipe()
    except OSError:  # there are no more file handles: these two must not be lost besides
        os.close(its_jobs)
        os.close(jobs)
        raise
    try:
        try:
            socket.send_fds(asked, [b"fork"], [its_jobs, its_codes])
        finally:
            os.close(its_jobs)
            os.close(its_codes)
        ready, _, _ = select.select([codes], [], [], _FORKED_WITHIN)
        # Its process id. Nothing comes, which is no process, from one that ended at once.
        process = _Forked(int(os.read(codes, 32) or 0) if ready else 0)
    except BaseException:
        os.close(jobs)
        os.close(codes)
        raise
    return _Server(process, os.fdopen(jobs, "wb"), os.fdopen(codes, "rb"))


class _Server:
    """A process that forks one job at a time."""

    def __init__(self, process: _Process, jobs: IO[bytes], codes: IO[bytes]) -> None:
        self._process, self._jobs, self._codes = process, jobs, codes

    def lives(self) -> bool:
        return self._process.lives()

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
        self._process.kill()
        self._close()

    def leave(self) -> None:
        """Close this process' ends of the pipes of a server that another process uses."""
        self._process.leave()
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
        return server or _new_server(environment)

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
