"""Children that are kept for one document after the other.

Their start would cost a hundred times what they do for a document. That is for modules which read
with Python's own means alone: a parser in C, which a document may corrupt, must not see the next
one, and gets a process for each from ``sandbox``.
"""

import atexit
import contextlib
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

from extraction.documents import sandbox

_CHILD = Path(__file__).with_name("kept_child.py")
# A child is ended after so many documents, in case it has kept something of each.
_MOST_DOCUMENTS = 1000
# How long to wait for one of the children where all are at work.
_FREE_WITHIN = 0.2


class KeptChildren:
    """At most ``most`` children in which one module answers, begun when they are needed."""

    def __init__(self, module: str, *, cpu: int, wall: float, memory: int, most: int = 2) -> None:
        """``cpu`` and ``wall``: seconds for each document; ``memory``: bytes of address space."""
        self._limits = {
            "RLIMIT_AS": memory,
            "RLIMIT_CORE": 0,
            "RLIMIT_CPU": cpu,
            "RLIMIT_FSIZE": 0,
        }
        self._module, self._wall, self._most = module, wall, most
        self._idle: list[_Child] = []
        self.leave()
        atexit.register(self.close)
        if sys.platform != "win32":
            os.register_at_fork(after_in_child=self.leave)

    def ask(self, *arguments: str) -> Any:
        """Return what the module answers; None where it does not, whatever the reason.

        It rejects, dies or is killed at a limit; all children are at work; or this is not Linux,
        which alone can limit them.
        """
        if sys.platform != "linux" or not self._places.acquire(timeout=_FREE_WITHIN):
            return None
        try:
            return self._answer(json.dumps(arguments).encode())
        except (OSError, ValueError):  # no process is to be had; half a line
            return None
        finally:
            self._places.release()

    def close(self) -> None:
        """End the children."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.kill()

    def leave(self) -> None:
        """Begin children of its own in a process that was forked."""
        # A thread that is no longer there may have held one of them.
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(self._most)
        idle, self._idle = self._idle, []
        for child in idle:
            child.leave()

    def _answer(self, question: bytes) -> Any:
        with self._lock:
            child = self._idle.pop() if self._idle else None
        if child is None:
            child = _Child(self._module, self._limits)
        try:
            line = child.ask(question, self._wall)
        except BaseException:
            child.kill()
            raise
        if not line.endswith(b"\n") or child.asked >= _MOST_DOCUMENTS:
            child.kill()
        else:
            with self._lock:
                self._idle.append(child)
        return json.loads(line).get("answer")


class _Child:
    """A process that answers one question at a time."""

    def __init__(self, module: str, limits: Mapping[str, int]) -> None:
        self.asked = 0
        # -I: neither the current folder nor PYTHONPATH adds modules.
        self._process = subprocess.Popen(  # noqa: S603  # an argument list, no shell
            [sys.executable, "-I", str(_CHILD), module, json.dumps(limits)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=sandbox.passed_on(),
            start_new_session=True,
        )
        self._questions = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)

    def ask(self, question: bytes, wall: float) -> bytes:
        """Return the line that answers; none of it where that takes too long, or it dies."""
        self.asked += 1
        self._questions.write(question + b"\n")
        self._questions.flush()
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        return self._answers.readline() if poll.poll(wall * 1000) else b""

    def kill(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._close()

    def leave(self) -> None:
        """Close this process' ends of the pipes of a child of another one."""
        self._process.returncode = 0  # what waits for it is the other one
        self._close()

    def _close(self) -> None:
        self._answers.close()
        with contextlib.suppress(BrokenPipeError):  # a question may be left in the buffer
            self._questions.close()
