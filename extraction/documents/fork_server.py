"""Forks a process for each job, so that none has to load Python and the parsers anew.

    python -I fork_server.py
    python -I fork_server.py SOCKET MODULE …

Each line on stdin is a job (``Job`` as JSON); each line on stdout is the exit code of the process
that did it, negative for the signal that killed it. One job runs at a time. The process of a job
is limited, and does what ``extraction.documents.child`` says. This one only loads modules of ours
and never sees a document. It ends, with the job that runs, when stdin is closed: then its parent
is gone. Run by ``extraction.documents.forks``, without Django and without secrets.

With a SOCKET (the number of an open file) it does no job: it loads the modules, and for each
message that brings two files it forks such a server with them as stdin and stdout, whose first line
is its process id. They end with it, and it ends when nobody has the other end of the socket.
"""

import contextlib
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn, TypedDict

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_NO_FILE_BELOW = 3
# A server has less than ten files open: the standard ones, the pipe of a job, a loaded archive.
_MOST_FILES = 64


class Job(TypedDict):
    """What to do: a module of ours with its arguments, and the files that its output goes to.

    ``limits``: the soft and the hard limit of each resource, by the names of Python's ``resource``.
    """

    arguments: list[str]
    output: str
    errors: str
    limits: dict[str, tuple[int, int]]


def main() -> None:  # pragma: no cover  # runs in a process of its own, unmeasured
    """Do the jobs of stdin until it is closed."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from ocrsite.lib.parent_death import tie_forks

    tie_forks()
    number, *modules = sys.argv[1:] or [""]
    for module in ("extraction.documents.child", "extraction.exceptions", *modules):
        _load(module)  # each job needs the first two
    if number:
        _fork_servers(socket.socket(fileno=int(number)))
    else:
        _serve()


def _serve() -> None:  # pragma: no cover  # as main
    for line in sys.stdin.buffer:
        os.write(_STDOUT, b"%d\n" % _done(json.loads(line)))


def _fork_servers(asked: socket.socket) -> None:  # pragma: no cover  # as main
    """Fork a server for who asks for one."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries them
    while True:
        message, files, _, _ = socket.recv_fds(asked, 1, 2)
        if not message:
            return
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()  # with its job a group, which it ends as a whole
            os.dup2(files[0], _STDIN)
            os.dup2(files[1], _STDOUT)
            os.closerange(_NO_FILE_BELOW, _MOST_FILES)
            os.write(_STDOUT, b"%d\n" % os.getpid())
            _serve()
            os._exit(0)
        for file in files:
            os.close(file)


def _done(job: Job) -> int:  # pragma: no cover  # as main
    """Do a job in a process of its own and return its exit code."""
    _load(job["arguments"][0])
    # Its process holds the one end as long as it lives.
    ended, alive = os.pipe()
    child = os.fork()
    if not child:
        _become(job, alive)
    os.close(alive)
    ready, _, _ = select.select([ended, _STDIN], [], [])
    if ended not in ready:
        os.killpg(0, signal.SIGKILL)  # no job comes before the last one is done: stdin was closed
    os.close(ended)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _load(module: str) -> None:  # pragma: no cover  # as main
    """Load a module for all jobs to come; a job tells why one cannot be loaded."""
    if module not in sys.modules:
        with contextlib.suppress(Exception):
            loaded = importlib.import_module(module)
            getattr(loaded, "prepare", lambda: None)()
        gc.collect()
        gc.freeze()  # a collection in a job would copy all that it shares with this process


def _become(job: Job, alive: int) -> NoReturn:  # pragma: no cover  # as main
    """Do a job in this process, which was forked for it, and end."""
    code = 1
    try:
        _open_as(os.devnull, os.O_RDONLY, _STDIN)
        _open_as(job["output"], os.O_WRONLY, _STDOUT)
        _open_as(job["errors"], os.O_WRONLY, _STDERR)
        os.closerange(_NO_FILE_BELOW, alive)
        os.closerange(alive + 1, _MOST_FILES)
        for name, limit in job["limits"].items():
            resource.setrlimit(getattr(resource, name), limit)
        from extraction.documents import child

        sys.stdout.write(json.dumps(child.main(job["arguments"])))
        sys.stdout.flush()
        code = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(code)


def _open_as(path: str, flags: int, number: int) -> None:  # pragma: no cover  # as main
    file = os.open(path, flags)
    os.dup2(file, number)
    os.close(file)


if __name__ == "__main__":  # pragma: no cover  # as main
    main()
