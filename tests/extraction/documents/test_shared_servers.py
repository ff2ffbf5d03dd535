"""The processes of one worker have their servers forked by one, which has the parsers loaded."""

import errno
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import cast

import psutil
import pytest

from extraction.documents import forks, sandbox
from extraction.documents.sandbox import ChildDied, Limits, OutOfTime
from tests.extraction.documents.test_sandbox import ANSWERING, gone
from tests.running_site import eventually

pytestmark = [
    pytest.mark.usefixtures("data_dir"),
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux can wait for another's child"),
]


@pytest.fixture
def parent() -> Iterator[int]:
    """The process that forks the servers inside the test."""
    forks._servers.close()
    before = {child.pid for child in psutil.Process().children()}
    with sandbox.loaded_once("extraction.documents.words_child"):
        [process] = {child.pid for child in psutil.Process().children()} - before
        yield process
    forks._servers.close()
    gone(process)


def run_child(*arguments: str, wall: float = 30) -> list[str]:
    limits = Limits(cpu=10, wall=wall)
    return cast("list[str]", sandbox.run_child(ANSWERING, *arguments, limits=limits))


def server() -> int:
    return int(run_child("processes")[1])


def test_each_process_has_a_server_of_its_own_from_the_same_parent(parent: int) -> None:
    ours = server()
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        theirs = pool.submit(server).result()
        assert theirs != ours
        assert psutil.Process(theirs).ppid() == psutil.Process(ours).ppid() == parent
    gone(theirs)  # with the process that asked for it

    assert server() == ours


def test_a_process_without_a_job_ends_with_its_server(parent: int) -> None:
    process, server_ = map(int, run_child("processes"))
    assert psutil.Process(server_).ppid() == parent
    forks._servers.close()

    gone(server_)
    gone(process)


def test_jobs_end_as_in_a_server_of_their_own(parent: int, tmp_path: Path) -> None:
    assert run_child("repeat", "a") == ["a"]
    with pytest.raises(ChildDied):
        run_child("die")
    with pytest.raises(OutOfTime):
        run_child("kill the server")
    slept = tmp_path / "slept"
    with pytest.raises(OutOfTime):
        run_child("sleep", str(slept), wall=3)
    for process in slept.read_text().split():
        gone(int(process))

    assert psutil.Process(server()).ppid() == parent


def test_no_secret_and_no_open_file_is_passed_on(
    parent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "secret")

    assert "SECRET_KEY" not in run_child("environment")
    assert len(run_child("files")) <= 5
    assert run_child("read stdin") == [""]


def test_process_starts_its_own_server_when_the_parent_is_gone(parent: int) -> None:
    forked = server()
    os.kill(parent, signal.SIGKILL)
    gone(forked)

    assert psutil.Process(server()).ppid() == os.getpid()


def test_process_starts_its_own_server_when_the_parent_does_not_fork(
    parent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forks, "_FORKED_WITHIN", 0.1)
    os.kill(parent, signal.SIGSTOP)

    assert psutil.Process(server()).ppid() == os.getpid()


def test_want_of_file_handles_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []

    def pipe() -> tuple[int, int]:
        if opened:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        opened.extend(real_pipe())
        return opened[0], opened[1]

    real_pipe = os.pipe
    ours, theirs = socket.socketpair()
    with ours, theirs, monkeypatch.context() as patch:
        patch.setattr(os, "pipe", pipe)
        with pytest.raises(OSError, match="Too many open files"):
            forks._forked_server(ours)

    for each in opened:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(each)


def test_parent_and_servers_end_with_the_processes_that_use_them(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        "import os, sys\n"
        f"sys.path.insert(0, {str(Path.cwd())!r})\n"
        "from extraction.documents import forks\n"
        f"job = dict(arguments=[{ANSWERING!r}, 'sleep', {str(pids)!r}], output=os.devnull,\n"
        "           errors=os.devnull, limits={})\n"
        "with forks.shared_by_forks(os.environ):\n"
        "    forks.run_job(job, 60, os.environ)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    for _ in eventually(30):
        if pids.exists() and len(pids.read_text().split()) == 2:
            break
    job, forked = map(int, pids.read_text().split())
    parent = psutil.Process(forked).ppid()
    assert parent != process.pid
    process.kill()
    process.wait()

    for each in (job, forked, parent):
        gone(each)
        assert not psutil.pid_exists(each) or psutil.Process(each).status() == "zombie"
