import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ocrsite import supervisor
from ocrsite.supervisor import Child, Supervisor
from tests.running_site import eventually

STAY = [sys.executable, "-c", "import signal; signal.pause()"]
# Ignores the polite request, once it says so.
STUBBORN = [
    sys.executable,
    "-c",
    "import pathlib, signal, sys\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "pathlib.Path(sys.argv[1]).touch()\n"
    "signal.pause()",
]


@pytest.fixture(autouse=True)
def signal_handlers() -> Iterator[None]:
    """Put the test runner's own handlers back."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_DELAY_SECONDS", 0.0)


def children_of_this_process() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def send(number: signal.Signals) -> Callable[[], None]:
    return lambda: signal.raise_signal(number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_run_ends_every_child_when_a_signal_asks_it_to_stop(number: signal.Signals) -> None:
    told: list[str] = []
    running: list[int] = []

    def ready() -> None:
        running.append(len(children_of_this_process()))
        signal.raise_signal(number)

    Supervisor({"one": STAY, "two": STAY}, grace_seconds=20, announce=told.append).run(
        lambda: True, ready
    )

    assert (running, told, children_of_this_process()) == ([2], [], [])


def test_run_starts_a_child_again_that_died(tmp_path: Path) -> None:
    marker = tmp_path / "started-once"
    dies_once = [
        sys.executable,
        "-c",
        "import pathlib, signal, sys\n"
        "marker = pathlib.Path(sys.argv[1])\n"
        "if marker.exists(): marker.with_suffix('.twice').touch(); signal.pause()\n"
        "marker.touch(); sys.exit(3)",
        str(marker),
    ]
    told: list[str] = []

    Supervisor({"worker": dies_once}, grace_seconds=20, announce=told.append).run(
        marker.with_suffix(".twice").exists, send(signal.SIGTERM)
    )

    assert told == ["worker ended (code 3); it starts again in 0 s."]


def test_run_ends_children_at_once_when_they_outlive_the_grace(tmp_path: Path) -> None:
    deaf = tmp_path / "deaf"
    told: list[str] = []

    Supervisor({"web": [*STUBBORN, str(deaf)]}, grace_seconds=0, announce=told.append).run(
        deaf.exists, send(signal.SIGTERM)
    )

    assert told == ["Not everything had finished; ended it at once."]
    assert children_of_this_process() == []


def test_run_ends_children_at_once_at_a_second_signal(tmp_path: Path) -> None:
    deaf = tmp_path / "deaf"
    told: list[str] = []

    def interrupt_twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    Supervisor({"web": [*STUBBORN, str(deaf)]}, grace_seconds=3600, announce=told.append).run(
        deaf.exists, interrupt_twice
    )

    assert told == ["Not everything had finished; ended it at once."]


def test_a_stop_reaches_a_child_that_waits_for_its_restart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_DELAY_SECONDS", 3600.0)
    told: list[str] = []
    polls_after_death = iter([False, True])

    Supervisor({"web": [sys.executable, "-c", ""]}, grace_seconds=20, announce=told.append).run(
        lambda: bool(told) and next(polls_after_death), send(signal.SIGTERM)
    )

    assert told == ["web ended (code 0); it starts again in 3600 s."]


def test_a_child_that_keeps_dying_waits_longer_each_time_up_to_the_cap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_DELAY_SECONDS", 1.0)
    child = Child("web", [sys.executable, "-c", ""])

    assert [child.schedule_restart() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_a_child_that_lived_long_is_started_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_DELAY_SECONDS", 1.0)
    child = Child("web", [sys.executable, "-c", ""])
    delays = [child.schedule_restart(), child.schedule_restart()]
    child.started_at -= 61

    assert [*delays, child.schedule_restart()] == [1, 2, 1]


def test_a_dead_child_leaves_no_orphans_behind(tmp_path: Path) -> None:
    orphan = tmp_path / "orphan.pid"
    parent = (
        "import pathlib, subprocess, sys\n"
        "process = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
        "pathlib.Path(sys.argv[1]).write_text(str(process.pid))\n"
    )
    child = Child("worker", [sys.executable, "-c", parent, str(orphan)])
    child.process.wait()
    left_behind = psutil.Process(int(orphan.read_text()))

    child.schedule_restart()

    for _ in eventually(20):
        if not left_behind.is_running() or left_behind.status() == psutil.STATUS_ZOMBIE:
            break


@pytest.mark.crash
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of this")
def test_children_end_when_their_parent_is_killed() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from ocrsite.supervisor import Child\n"
            f"child = Child('web', {STAY!r})\n"
            "print(child.process.pid, flush=True)\n"
            "child.process.wait()",
        ],
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    for _ in eventually(20):  # it is tied to its parent once it has become the command
        if "signal.pause" in " ".join(child.cmdline()[:3]):
            break

    parent.kill()
    parent.wait()

    # The child holds the other end of this pipe: its end is the child's.
    assert parent.stdout.read() == b""
    parent.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of this")
def test_with_parent_does_not_start_the_command_of_a_parent_that_died_before() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "ocrsite.with_parent", str(os.getppid()), *STAY], check=False
    )

    assert finished.returncode == 1
