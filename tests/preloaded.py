"""Commands of the project, by fork of a process that has loaded what needs no settings.

Half of what a start costs is loading Django, gunicorn and the other packages: 2 s of CPU for web or
worker. ``fork`` has that done once; the project itself, the settings and whatever reads them a
command loads anew, in its own environment, as in an interpreter of its own.

``python -m tests.preloaded SOCKET`` is the process that forks. Each command is kept by a process
between the two, its parent, which tells how it ended.
"""

import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
# Packages that a web or a worker loads, and that ask for no settings while they are loaded.
_LOADED = (
    *("django.contrib.admin.utils", "django.core.handlers.wsgi", "django.core.management"),
    *("django.db.backends.sqlite3.base", "django.db.migrations.executor", "django.db.models"),
    *("django.template.backends.django", "django.test.signals", "django.middleware.csrf"),
    *("gunicorn.app.wsgiapp", "gunicorn.workers.gthread", "dj_database_url", "environs"),
    *("cryptography.fernet", "google.genai", "httpx2", "lxml.etree", "pdf2image", "PIL.Image"),
    *(
        "httpcore2",
        "psutil",
        "psycopg",
        "pydantic",
        "rapidfuzz.distance",
        "redis",
        "requests",
        "stdnum",
        "tzdata",
        "yaml",
    ),
)
# What the interpreter or the loader of programs reads at the start alone.
_READ_AT_START = ("LD_", "PYTHON", "COV")


class Forked:
    """A command that was started by fork, with what this project's tests use of a ``Popen``."""

    def __init__(self, told: IO[str]) -> None:
        self._told = told
        self.pid = int(told.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, negative for a signal, or None while it runs."""
        return self._ended_within(0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended. Raises TimeoutExpired after so many seconds."""
        code = self._ended_within(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def kill(self) -> None:
        """Kill it, if it runs."""
        self._send(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end, if it runs."""
        self._send(signal.SIGTERM)

    def _send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _ended_within(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._told], [], [], seconds)[0]:
            with self._told:
                self.returncode = int(self._told.readline())
        return self.returncode


Started = subprocess.Popen[bytes] | Forked


def fork(
    arguments: Sequence[str], environment: Mapping[str, str], stdout: IO[bytes], stderr: IO[bytes]
) -> Forked:
    """Start ``python FILE …`` or ``python -m MODULE …`` without an interpreter of its own.

    As ``execute`` does: in the project's folder, leading a session, with nothing on its stdin.
    """
    told, tell = os.pipe()
    try:
        asked = json.dumps([list(arguments), dict(environment)]).encode()
        _, asking = _server()
        socket.send_fds(asking, [asked], [stdout.fileno(), stderr.fileno(), tell])
    finally:
        os.close(tell)
    return Forked(os.fdopen(told))


def execute(
    arguments: Sequence[str], environment: Mapping[str, str], stdout: IO[bytes], stderr: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start ``python …`` as the supervisor does."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def can_fork(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether ``fork`` can start it: not code, nor what is to be told to an interpreter."""
    return arguments[0] != "-c" and _told_at_start(environment) == _told_at_start(os.environ)


def _told_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_READ_AT_START)}


@functools.cache
def _server() -> tuple[subprocess.Popen[bytes], socket.socket]:
    """The process that forks, and where it is asked; without us nobody asks, and it ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.preloaded", str(theirs.fileno())],
            cwd=ROOT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is not for it
        )
    return process, ours


def stop_server() -> None:
    """End the process that forks, if there is one; what it started runs on."""
    if _server.cache_info().currsize:
        process, asking = _server()
        asking.close()
        process.wait()
        _server.cache_clear()


def _load() -> None:
    # The settings' own, so that a package that asks for them fails here.
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    for name in _LOADED:
        importlib.import_module(name)
    if threading.active_count() > 1:
        raise RuntimeError("a process that forks is to have one thread")
    gc.collect()
    gc.freeze()


def _serve(asking: socket.socket) -> None:
    """Fork for each that asks. Returns in the children that are to run, too."""
    while True:
        asked, files, _, _ = socket.recv_fds(asking, 1 << 17, 3)
        _reap()
        if not asked:
            return
        if os.fork() == 0:
            asking.close()
            _keep(*json.loads(asked), *files)
            return
        for file in files:
            os.close(file)


def _reap() -> None:
    """Let those go that have nothing more to keep."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _keep(
    arguments: list[str], environment: dict[str, str], stdout: int, stderr: int, tell: int
) -> None:
    """Fork once more: the child runs the command, and the parent tells its number and end."""
    pid = os.fork()
    if pid == 0:
        os.close(tell)
        os.setsid()
        for number, file in enumerate((stdout, stderr), start=1):
            os.dup2(file, number)
            os.close(file)
        _run(arguments, environment)
        return
    os.close(stdout)
    os.close(stderr)
    try:
        os.write(tell, f"{pid}\n".encode())
        _, status = os.waitpid(pid, 0)
        os.write(tell, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    finally:
        os._exit(0)


def _run(arguments: list[str], environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        sys.path[0] = str(Path(arguments[0]).resolve().parent)
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    _load()
    _serve(socket.socket(fileno=int(sys.argv[1])))
