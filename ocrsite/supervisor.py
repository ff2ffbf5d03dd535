"""The parent process of web and worker: starts both, restarts one that ended, stops both."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType

_POLL_SECONDS = 0.1
# A child that ended is restarted after 1, 2, 4 … seconds, at most 30; the delays begin anew for
# one that had run for a minute.
_FIRST_DELAY_SECONDS = 1.0
_LONGEST_DELAY_SECONDS = 30.0
_STABLE_AFTER_SECONDS = 60.0
# How long children may take to stop after a second signal.
_SECOND_SIGNAL_SECONDS = 5.0


class Child:
    """A process that should be running, in a process group of its own.

    A group of its own, because Ctrl-C in a terminal goes to the whole foreground group, and
    django-q2 can hang when its worker processes are signalled beside its main process.
    """

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self.command = list(command)
        self.restart_at: float | None = None
        self._delay = _FIRST_DELAY_SECONDS
        self.start()

    def start(self) -> None:
        """Start the process."""
        command = self.command
        if sys.platform == "linux":
            tie = [sys.executable, "-m", "ocrsite.lib.parent_death", str(os.getpid())]
            command = [*tie, *command]
        self.process = subprocess.Popen(  # noqa: S603  # our own command lines
            command, stdin=subprocess.DEVNULL, start_new_session=True
        )
        self.started_at = time.monotonic()
        self.restart_at = None

    def schedule_restart(self) -> float:
        """Remove what the dead process left behind; return the seconds until its restart."""
        self.kill_group()
        if time.monotonic() - self.started_at > _STABLE_AFTER_SECONDS:
            self._delay = _FIRST_DELAY_SECONDS
        delay = self._delay
        self._delay = min(delay * 2, _LONGEST_DELAY_SECONDS)
        self.restart_at = time.monotonic() + delay
        return delay

    def is_running(self) -> bool:
        """Whether the main process lives."""
        return self.process.poll() is None

    def terminate(self) -> None:
        """Ask the main process, and it alone, to finish what it does and end."""
        if self.is_running():
            self.process.terminate()

    def kill_group(self) -> None:
        """End the main process and everything it started, at once."""
        if sys.platform == "win32":
            # Windows has no process groups to kill.
            taskkill = ["taskkill", "/T", "/F", "/PID", str(self.process.pid)]
            subprocess.run(taskkill, capture_output=True, check=False)  # noqa: S603  # no input
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Supervisor:
    """Keeps children running until SIGINT, SIGTERM or SIGHUP.

    ``announce`` tells people what went wrong. Stopping gives the children ``grace_seconds`` to
    finish; after a second signal they have five seconds, and a third one kills them.
    """

    def __init__(
        self,
        commands: dict[str, Sequence[str]],
        *,
        grace_seconds: float,
        announce: Callable[[str], None],
    ) -> None:
        self._commands = commands
        self._grace_seconds = grace_seconds
        self._announce = announce
        self._signals = 0

    def run(self, is_ready: Callable[[], bool], on_ready: Callable[[], None]) -> None:
        """Run until a signal; ``on_ready`` is called once, as soon as ``is_ready`` says so."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):  # Windows has no SIGHUP
                signal.signal(getattr(signal, name), self._count_signal)
        children = [Child(name, command) for name, command in self._commands.items()]
        ready = False
        while not self._signals:
            for child in children:
                self._keep_running(child)
            if not ready and is_ready():
                ready = True
                on_ready()
            time.sleep(_POLL_SECONDS)
        self._stop(children)

    def _count_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1

    def _keep_running(self, child: Child) -> None:
        if child.restart_at is not None:
            if time.monotonic() >= child.restart_at:
                child.start()
        elif not child.is_running():
            code = child.process.returncode
            delay = child.schedule_restart()
            self._announce(f"{child.name} ended (code {code}); it starts again in {delay:.0f} s.")

    def _stop(self, children: list[Child]) -> None:
        for child in children:
            child.terminate()
        give_up_at = time.monotonic() + self._grace_seconds
        stop_by: float | None = None
        while any(child.is_running() for child in children):
            if self._signals > 1:
                if stop_by is None:
                    stop_by = time.monotonic() + _SECOND_SIGNAL_SECONDS
                    give_up_at = min(give_up_at, stop_by)
                # Again and again: a signal that follows at once is lost in the one before.
                for child in children:
                    child.terminate()
            if self._signals > 2 or time.monotonic() >= give_up_at:
                self._announce("Not everything had finished; ended it at once.")
                break
            time.sleep(_POLL_SECONDS)
        for child in children:
            child.kill_group()
