"""What is forked finds what a program finds in an interpreter of its own, and ends like that."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import preloaded
from tests.preloaded import Started
from tests.running_site import eventually

LOOKS = """
import json, os, signal, sys, threading
from django.conf import settings
print(json.dumps({
    "name": __name__,
    "arguments": sys.argv,
    "imports from": sys.path[0],
    "folder": os.getcwd(),
    "environment": {**os.environ},
    "files": [number for number in range(256) if os.path.exists(f"/proc/self/fd/{number}")],
    "input": sys.stdin.read(),
    "leads": os.getsid(0) == os.getpgid(0) == os.getpid(),
    "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
    "threads": threading.active_count(),
    "settings": settings.configured,
    "project": [name for name in sys.modules if name.startswith(("extraction", "ocrsite"))],
}))
print("said", file=sys.stderr)
sys.exit(3)
"""
WAITS = "import signal; print('waits', flush=True); signal.pause()"


def environment() -> dict[str, str]:
    """This process's of now: when modules are imported, coverage has its variable in it."""
    return {**os.environ, "OF_ITS_OWN": "yes"}


def started(
    how: Callable[..., Started], folder: Path, program: str, *arguments: str
) -> tuple[Started, Path, Path]:
    """The process, its output and its errors."""
    file, output, errors = (folder / name for name in ("program.py", "output", "errors"))
    file.write_text(program)
    with output.open("wb") as stdout, errors.open("wb") as stderr:
        return how([str(file), *arguments], environment(), stdout, stderr), output, errors


def test_program_finds_what_it_finds_in_an_interpreter_of_its_own(tmp_path: Path) -> None:
    found = []
    for how in (preloaded.execute, preloaded.fork):
        process, output, errors = started(how, tmp_path, LOOKS, "an argument")
        assert (process.wait(60), process.poll(), process.returncode) == (3, 3, 3)
        assert errors.read_text() == "said\n"
        found.append(json.loads(output.read_text()))

    assert found[1] == found[0]
    assert found[1]["environment"] == environment()
    assert (found[1]["settings"], found[1]["project"]) == (False, [])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_program_that_a_signal_ended_tells_which(tmp_path: Path, number: signal.Signals) -> None:
    process, output, _ = started(preloaded.fork, tmp_path, WAITS)
    for _ in eventually(30):
        if output.read_text() == "waits\n":
            break
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)

    process.kill() if number == signal.SIGKILL else process.terminate()

    assert process.wait(30) == -number
    process.kill()  # nobody, and no other process that has its number now


def test_program_that_fails_says_why(tmp_path: Path) -> None:
    process, _, errors = started(preloaded.fork, tmp_path, "raise ValueError('this')")

    assert process.wait(30) == 1
    assert errors.read_text().endswith("ValueError: this\n")


def test_what_an_interpreter_is_told_at_its_start_is_not_forked() -> None:
    assert preloaded.can_fork(["manage.py", "check"], environment())
    assert not preloaded.can_fork(["-c", "pass"], environment())
    assert not preloaded.can_fork(["manage.py"], {**environment(), "LD_PRELOAD": "clock.so"})
    assert not preloaded.can_fork(["manage.py"], {**environment(), "COVERAGE_PROCESS_CONFIG": "x"})
