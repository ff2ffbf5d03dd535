import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ocrsite import supervisor
from ocrsite.lib import parent_death
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


Children = Callable[[], set[psutil.Process]]


@pytest.fixture
def children() -> Children:
    """What runs below this process since the test began; servers of other tests may, too."""
    this = psutil.Process()
    before = set(this.children(recursive=True))
    return lambda: set(this.children(recursive=True)) - before


def send(number: signal.Signals) -> Callable[[], None]:
    return lambda: signal.raise_signal(number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_run_ends_every_child_when_a_signal_asks_it_to_stop(
    number: signal.Signals, children: Children
) -> None:
    told: list[str] = []
    running: list[int] = []

    def ready() -> None:
        running.append(len(children()))
        signal.raise_signal(number)

    Supervisor({"one": STAY, "two": STAY}, grace_seconds=20, announce=told.append).run(
        lambda: True, ready
    )

    assert (running, told, children()) == ([2], [], set())


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


def test_run_ends_children_at_once_when_they_outlive_the_grace(
    tmp_path: Path, children: Children
) -> None:
    deaf = tmp_path / "deaf"
    told: list[str] = []

    Supervisor({"web": [*STUBBORN, str(deaf)]}, grace_seconds=0, announce=told.append).run(
        deaf.exists, send(signal.SIGTERM)
    )

    assert told == ["Not everything had finished; ended it at once."]
    assert children() == set()


def interrupt(times: int) -> Callable[[], None]:
    def send_all() -> None:
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)

    return send_all


def test_second_signal_asks_children_again(tmp_path: Path, children: Children) -> None:
    deaf = tmp_path / "deaf"
    hurries = [
        sys.executable,
        "-c",
        "import pathlib, signal, sys\n"
        "asked = lambda *_: signal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
        "signal.signal(signal.SIGTERM, asked)\n"
        "pathlib.Path(sys.argv[1]).touch()\n"
        "while True: signal.pause()",
        str(deaf),
    ]
    told: list[str] = []

    Supervisor({"worker": hurries}, grace_seconds=3600, announce=told.append).run(
        deaf.exists, interrupt(2)
    )

    assert told == []
    assert children() == set()


@pytest.mark.parametrize(("signals", "seconds"), [(2, 0.0), (3, 3600.0)])
def test_run_ends_children_that_are_still_there_after_a_second_signal_or_at_a_third(
    signals: int, seconds: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_SECOND_SIGNAL_SECONDS", seconds)
    deaf = tmp_path / "deaf"
    told: list[str] = []

    Supervisor({"web": [*STUBBORN, str(deaf)]}, grace_seconds=3600, announce=told.append).run(
        deaf.exists, interrupt(signals)
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
        [sys.executable, "-m", "ocrsite.lib.parent_death", str(os.getppid()), *STAY], check=False
    )

    assert finished.returncode == 1


@pytest.mark.crash
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of this")
def test_forks_of_forks_die_with_the_process_between() -> None:
    grandparent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, signal\n"
            "from ocrsite.lib.parent_death import tie_forks\n"
            "tie_forks()\n"
            "if child := os.fork():\n"
            # At once: two processes write here, and a buffer may pass a line on in two pieces.
            "    os.write(1, b'%d\\n' % child)\n"
            "    os.close(1)\n"
            "    signal.pause()\n"
            "elif os.fork() == 0:\n"
            "    os.write(1, b'grandchild\\n')\n"
            "signal.pause()",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert grandparent.stdout is not None
    child, _ = sorted([grandparent.stdout.readline(), grandparent.stdout.readline()])

    os.kill(int(child), signal.SIGKILL)

    # The child and its fork hold the other end of this pipe: its end is theirs.
    assert grandparent.stdout.read() == ""
    grandparent.kill()
    grandparent.wait()
    grandparent.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of this")
def test_fork_of_a_process_that_died_before_the_kernel_knew_ends_at_once() -> None:
    finished = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os\n"
            "from ocrsite.lib import parent_death\n"
            "parent_death.tie_forks()\n"
            "os.getppid = lambda: 1\n"
            "child = os.fork()\n"
            "if child == 0: os._exit(0)\n"
            "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert finished.stdout == "1\n"


def test_forks_are_left_alone_where_the_kernel_cannot_be_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delattr(os, "register_at_fork")

    parent_death.tie_forks()
