"""Does jobs in processes that are forked, so that none has to load Python and the parsers anew.

    python -I fork_server.py
    python -I fork_server.py SOCKET MODULE …

Each line on stdin is a job (``Job`` as JSON); each line on stdout is the exit code of the process
that did it, negative for the signal that killed it. One job runs at a time. Its process is limited,
and does what ``extraction.documents.child`` says; as long as jobs end well and leave nothing behind
it does the next ones too, since a fork with all parsers takes some 10 ms of CPU. This one only
loads modules of ours and never sees a document. It ends, with the job that runs, when stdin is
closed: then its parent is gone. Run by ``extraction.documents.forks``, without Django and without
secrets.

With a SOCKET (the number of an open file) it does no job: it loads the modules, and for each
message that brings two files it forks such a server with them as stdin and stdout, whose first line
is its process id. They end with it, and it ends when nobody has the other end of the socket.
"""

import contextlib
import gc
import importlib
import json
import math
import os
import resource
import select
import signal
import socket
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import NoReturn, TypedDict

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_NO_FILE_BELOW = 3
# A server has less than ten files open: the standard ones, the pipe of a job, a loaded archive.
_MOST_FILES = 64
# What a hostile document may have done to its process meets no more jobs than these.
_MOST_JOBS = 30
# By so much may jobs have made the most memory of their process grow, in the units of getrusage:
# 32 MiB. The limit of the next job counts what earlier ones keep.
_MOST_GROWTH = 32 * 1024 * (1024 if sys.platform == "darwin" else 1)
_GOES_ON = b"+"


class Job(TypedDict):
    """What to do: a module of ours with its arguments, and the files that its output goes to.

    ``limits``: what this job may use of each resource, by the names of Python's ``resource``.
    """

    arguments: list[str]
    output: str
    errors: str
    limits: dict[str, int]


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
    process = None
    for line in sys.stdin.buffer:
        module = json.loads(line)["arguments"][0]
        if module not in sys.modules:
            _load(module)
            process = None  # it would load the module for itself alone
        if process is None or process.has_ended():
            process = _Process()
        code, goes_on = process.do(line)
        if not goes_on:
            process = None
        os.write(_STDOUT, b"%d\n" % code)


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


class _Process:  # pragma: no cover  # as main
    """A process that does jobs, one after the other. It ends when nobody holds this."""

    def __init__(self) -> None:
        its_jobs, self._jobs = os.pipe()
        # It alone holds the end that is written to, as long as it lives.
        self._answers, its_answers = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            _work(its_jobs, its_answers)
        os.close(its_jobs)
        os.close(its_answers)

    def __del__(self) -> None:
        os.close(self._jobs)
        os.close(self._answers)

    def has_ended(self) -> bool:
        """Whether something killed it while it had no job."""
        return os.waitpid(self._pid, os.WNOHANG) != (0, 0)

    def do(self, line: bytes) -> tuple[int, bool]:
        """Return the exit code of a job, and whether the process does another one."""
        os.write(self._jobs, line)
        ready, _, _ = select.select([self._answers, _STDIN], [], [])
        if self._answers not in ready:
            # No job comes before the last one is done: stdin was closed.
            os.killpg(0, signal.SIGKILL)
        if os.read(self._answers, 1) == _GOES_ON:
            return 0, True
        _, status = os.waitpid(self._pid, 0)
        return os.waitstatus_to_exitcode(status), False


def _load(module: str) -> None:  # pragma: no cover  # as main
    """Load a module for all jobs to come; a job tells why one cannot be loaded."""
    if module not in sys.modules:
        with contextlib.suppress(Exception):
            loaded = importlib.import_module(module)
            getattr(loaded, "prepare", lambda: None)()
        gc.collect()
        gc.freeze()  # a collection in a job would copy all that it shares with this process


def _work(jobs: int, answers: int) -> NoReturn:  # pragma: no cover  # as main
    """Do jobs in this process, which was forked for them, and end."""
    code = 1
    try:
        for number in (_STDIN, _STDOUT, _STDERR):
            _open_as(os.devnull, os.O_RDWR, number)
        for first, next_ in pairwise(sorted((_STDERR, jobs, answers, _MOST_FILES))):
            os.closerange(first + 1, next_)
        at_first = _condition()
        with os.fdopen(jobs, "rb") as lines:
            for done, line in enumerate(lines, start=1):
                is_answered = _do(json.loads(line))
                if not is_answered or done == _MOST_JOBS or not _is_as_good(at_first):
                    break
                os.write(answers, _GOES_ON)
        code = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(code)


def _do(job: Job) -> bool:  # pragma: no cover  # as main
    """Do a job; return whether it was answered. Only then may the process do another one."""
    from extraction.documents import child

    _open_as(job["output"], os.O_WRONLY, _STDOUT)
    _open_as(job["errors"], os.O_WRONLY, _STDERR)
    for name, most in job["limits"].items():
        _limit(getattr(resource, name), most)
    said = child.main(job["arguments"])
    sys.stdout.write(json.dumps(said))
    sys.stdout.flush()
    for number in (_STDOUT, _STDERR):
        _open_as(os.devnull, os.O_WRONLY, number)  # the space of those on disk is wanted
    return "answer" in said


def _limit(resource_: int, most: int) -> None:  # pragma: no cover  # as main
    if resource_ == resource.RLIMIT_CPU:
        most += math.ceil(time.process_time())  # what earlier jobs took
    _, hard = resource.getrlimit(resource_)  # lowered, it could not be raised for the next job
    resource.setrlimit(resource_, (most, hard))


def _condition() -> tuple[int, int, int]:  # pragma: no cover  # as main
    """Return memory, number of open files and number of threads."""
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return memory, len(list(Path("/dev/fd").iterdir())), threading.active_count()


def _is_as_good(at_first: tuple[int, int, int]) -> bool:  # pragma: no cover  # as main
    """Whether jobs have left this process as it was when it began, but for some memory."""
    memory, *rest = _condition()
    return memory <= at_first[0] + _MOST_GROWTH and rest == list(at_first[1:])


def _open_as(path: str, flags: int, number: int) -> None:  # pragma: no cover  # as main
    file = os.open(path, flags)
    os.dup2(file, number)
    os.close(file)


if __name__ == "__main__":  # pragma: no cover  # as main
    main()
