import errno
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import cast

import psutil
import pytest
from django.core.management import call_command

from extraction.checks import check_tools
from extraction.documents import forks, sandbox
from extraction.exceptions import DocumentRejected
from tests.running_site import eventually

pytestmark = pytest.mark.usefixtures("data_dir")
needs_prlimit = pytest.mark.skipif(
    shutil.which("prlimit") is None, reason="only Linux limits resources"
)
needs_poppler = pytest.mark.skipif(
    not sandbox.poppler_installed(), reason="poppler is not installed"
)


def python(
    code: str,
    *,
    wall: float = 10,
    cpu: int = 10,
    memory: int = sandbox.MEMORY,
    environment: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> subprocess.CompletedProcess[bytes]:
    command = (sys.executable, "-I", "-c", code)
    limits = sandbox.Limits(cpu, wall, memory)
    return sandbox.run(*command, limits=limits, environment=environment, stdin=stdin)


def test_run_returns_the_exit_code_and_both_outputs() -> None:
    done = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")

    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")


def test_run_passes_what_the_tool_is_to_read() -> None:
    assert python("print(input())", stdin=b"secret").stdout == b"secret\n"


def test_run_survives_a_tool_that_reads_nothing() -> None:
    closes = "import os; os.close(0); print('done')"

    assert python(closes, stdin=bytes(4096)).stdout == b"done\n"


def test_run_names_a_tool_that_is_not_installed() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-tool is not installed"):
        sandbox.run("no-such-tool", limits=sandbox.Limits(1, 1))


def test_run_passes_the_given_environment_and_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET_KEY", "secret")

    done = python(
        "import os; print('SECRET_KEY' in os.environ, os.environ['OMP_THREAD_LIMIT'])",
        environment={"OMP_THREAD_LIMIT": "1"},
    )

    assert done.stdout == b"False 1\n"


def test_run_kills_the_tool_and_its_children_on_time_out(tmp_path: Path) -> None:
    code = (
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\n"
        "time.sleep(60)"
    )

    with pytest.raises(sandbox.OutOfTime if shutil.which("prlimit") else sandbox.OutOfCpu):
        python(code, wall=1)

    gone(int((tmp_path / "pid").read_text()))


@needs_prlimit
def test_run_tells_used_up_cpu_time_from_a_missed_wall_clock() -> None:
    with pytest.raises(sandbox.OutOfCpu):
        python("while True: pass", cpu=1, wall=60)
    with pytest.raises(sandbox.OutOfTime):
        python("import time; time.sleep(60)", cpu=1, wall=0.5)


def test_the_wall_clock_stands_for_cpu_time_where_that_is_not_limited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda tool: None if tool == "prlimit" else which(tool))

    with pytest.raises(sandbox.OutOfCpu):
        python("import time; time.sleep(60)", wall=0.2)


def test_run_reads_no_more_output_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "OUTPUT_SIZE", 10)

    assert python("print('x' * 1000)").stdout == b"x" * 10


ANSWERING = "tests.extraction.documents.answering"
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows cannot fork")


@pytest.fixture(params=["forked", "started anew"])
def child(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test in a forked child, and in one as Windows needs it."""
    if request.param == "started anew":
        monkeypatch.setattr(sandbox, "CAN_FORK", False)
    elif not sandbox.CAN_FORK:
        pytest.skip("this system cannot fork")


def run_child(
    *arguments: str, cpu: int = 10, wall: float = 30, memory: int = sandbox.MEMORY
) -> object:
    return sandbox.run_child(ANSWERING, *arguments, limits=sandbox.Limits(cpu, wall, memory))


@pytest.mark.usefixtures("child")
def test_run_child_returns_the_answer_of_a_module() -> None:
    assert run_child("repeat", "ä\n", "b") == ["ä\n", "b"]


@pytest.mark.usefixtures("child")
def test_run_child_raises_what_the_module_rejects() -> None:
    with pytest.raises(DocumentRejected) as rejected:
        run_child("reject")

    error = rejected.value
    assert (error.code, error.detail, error.http_status) == ("no_pages", "It has none.", 415)


@pytest.mark.usefixtures("child")
def test_run_child_raises_the_faults_of_the_machine_by_their_number() -> None:
    with pytest.raises(OSError, match="No space left") as raised:
        run_child("fill the disk")

    assert raised.value.errno == errno.ENOSPC


@pytest.mark.usefixtures("child")
@pytest.mark.parametrize("way", ["die", "raise", "raise without number"])
def test_run_child_tells_when_the_module_dies(way: str) -> None:
    with pytest.raises(sandbox.ChildDied):
        run_child(way)


def test_run_child_tells_when_there_is_no_such_module() -> None:
    with pytest.raises(sandbox.ChildDied, match="ModuleNotFoundError"):
        sandbox.run_child("extraction.no_such_module", limits=sandbox.Limits(10, 30))


@needs_prlimit
@pytest.mark.usefixtures("child")
def test_run_child_ends_a_module_that_uses_up_its_cpu_time() -> None:
    with pytest.raises(sandbox.OutOfCpu):
        run_child("spin", cpu=1)


@needs_prlimit
@pytest.mark.usefixtures("child")
def test_run_child_denies_more_memory_than_allowed() -> None:
    with pytest.raises(sandbox.ChildDied, match="MemoryError"):
        run_child("allocate", memory=250_000_000)


@needs_prlimit
@pytest.mark.usefixtures("child")
def test_run_child_bounds_what_a_module_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "FILE_SIZE", 1000)

    with pytest.raises(sandbox.ChildDied):
        run_child("write")


@pytest.mark.usefixtures("child")
def test_run_child_kills_a_module_that_does_not_end_in_time(tmp_path: Path) -> None:
    with pytest.raises(sandbox.OutOfTime if shutil.which("prlimit") else sandbox.OutOfCpu):
        run_child("sleep", str(tmp_path / "pids"), wall=3)

    gone(int((tmp_path / "pids").read_text().split()[0]))


def gone(process: int) -> None:
    """Wait until a killed process has ended, which takes a moment."""
    for _ in eventually(10):
        if not psutil.pid_exists(process) or psutil.Process(process).status() == "zombie":
            break


@pytest.mark.usefixtures("child")
def test_run_child_passes_no_secret_and_no_open_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "secret")

    assert "SECRET_KEY" not in cast("list[str]", run_child("environment"))
    # Besides the standard ones, the ends of the two pipes between it and the server.
    assert len(cast("list[str]", run_child("files"))) <= 5
    assert run_child("read stdin") == [""]


def job_process() -> str:
    """The process that does a job now."""
    return cast("list[str]", run_child("processes"))[0]


@needs_fork
def test_one_process_does_job_after_job_and_not_for_ever() -> None:
    forks._servers.close()
    processes, servers = zip(*(run_child("processes") for _ in range(31)), strict=True)

    assert len(set(servers)) == 1
    assert len(set(processes[:30])) == 1
    assert processes[30] != processes[0]


@needs_fork
@pytest.mark.parametrize("way", ["reject", "fill the disk", "raise"])
def test_a_job_without_an_answer_is_the_last_of_its_process(way: str) -> None:
    before = job_process()
    assert job_process() == before
    with pytest.raises((DocumentRejected, OSError, sandbox.ChildDied)):
        run_child(way)

    assert job_process() != before


@needs_fork
@pytest.mark.parametrize("way", ["keep memory", "keep a file", "keep a thread"])
def test_a_job_that_leaves_something_behind_is_the_last_of_its_process(way: str) -> None:
    before = job_process()
    assert job_process() == before

    assert run_child(way) == []
    assert job_process() != before


@needs_fork
def test_a_module_that_comes_later_is_loaded_for_all_jobs_to_come() -> None:
    forks._servers.close()
    before = job_process()
    assert job_process() == before
    sandbox.run_child("tests.extraction.documents.answering_too", limits=sandbox.Limits(10, 30))

    assert job_process() != before


@needs_fork
def test_a_process_that_was_killed_between_two_jobs_is_replaced() -> None:
    before = job_process()
    os.kill(int(before), signal.SIGKILL)
    gone(int(before))

    assert job_process() != before


@needs_fork
def test_a_process_without_a_job_ends_with_its_server() -> None:
    process, server = cast("list[str]", run_child("processes"))
    os.kill(int(server), signal.SIGKILL)

    gone(int(process))


@needs_prlimit
@needs_fork
def test_each_job_has_the_limits_of_its_own() -> None:
    """What earlier jobs took does not count, and a narrow limit holds for its job alone."""
    before = job_process()
    for _ in range(3):
        assert run_child("spin for", "0.6", cpu=1) == []
    for cpu, memory in ((7, 900_000_000), (9, sandbox.MEMORY)):
        found, seconds = cast("list[str]", run_child("limits", cpu=cpu, memory=memory))
        assert int(found) == memory
        assert cpu - 0.5 < float(seconds) <= cpu + 1  # limits are whole seconds

    assert job_process() == before
    with pytest.raises(sandbox.OutOfCpu):
        run_child("spin", cpu=1)


@needs_fork
def test_a_server_that_is_gone_is_replaced() -> None:
    before = cast("list[str]", run_child("processes"))[1]
    os.kill(int(before), signal.SIGKILL)
    gone(int(before))

    assert cast("list[str]", run_child("processes"))[1] != before


@needs_fork
def test_a_job_whose_server_dies_ends_with_it_and_may_be_tried_again() -> None:
    with pytest.raises(sandbox.OutOfTime):
        run_child("kill the server")

    assert run_child("repeat", "a") == ["a"]


@needs_fork
def test_a_server_that_answers_no_more_is_replaced_before_it_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = tmp_path / "dying.py"
    dying.write_text("import os, time\ninput()\nos.close(1)\ntime.sleep(60)\n")
    forks._servers.close()
    with monkeypatch.context() as patched:
        patched.setattr(forks, "_SERVER", dying)
        with pytest.raises(sandbox.OutOfTime):
            run_child("repeat", "a")

    assert run_child("repeat", "a") == ["a"]


@needs_fork
def test_jobs_at_one_time_have_servers_of_their_own_of_which_one_is_kept() -> None:
    with ThreadPoolExecutor(2) as threads:
        barrier = threading.Barrier(2)

        def job(_: int) -> list[str]:
            barrier.wait()
            return cast("list[str]", run_child("processes"))

        servers = {int(found[1]) for found in threads.map(job, range(2))}

    kept = int(cast("list[str]", run_child("processes"))[1])
    assert kept in servers
    for server in servers - {kept}:
        gone(server)


@needs_fork
def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        "import os, sys\n"
        f"sys.path.insert(0, {str(Path.cwd())!r})\n"
        "from extraction.documents import forks\n"
        f"job = dict(arguments=[{ANSWERING!r}, 'sleep', {str(pids)!r}], output=os.devnull,\n"
        "           errors=os.devnull, limits={})\n"
        "forks.run_job(job, 60, os.environ)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    for _ in eventually(30):
        if pids.exists() and len(pids.read_text().split()) == 2:
            break
    parent.kill()
    parent.wait()

    for process in pids.read_text().split():
        gone(int(process))


@needs_fork
def test_a_forked_process_starts_a_server_of_its_own() -> None:
    before = cast("list[str]", run_child("processes"))[1]
    ours = forks._servers
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        theirs = pool.submit(run_child, "processes").result()

    assert cast("list[str]", theirs)[1] != before
    assert cast("list[str]", run_child("processes"))[1] == before
    assert forks._servers is ours


@needs_prlimit
def test_run_denies_more_memory_than_allowed() -> None:
    done = python("bytes(300_000_000)", memory=200_000_000)

    assert done.returncode == 1
    assert b"MemoryError" in done.stderr


@needs_prlimit
def test_run_bounds_what_a_tool_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "FILE_SIZE", 1000)

    done = python("import sys; sys.stdout.write('x' * 2000)")

    assert done.returncode != 0
    assert len(done.stdout) == 1000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has pidfds")
def test_run_works_where_a_process_has_no_file_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_pid: int) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "pidfd_open", forbidden)

    assert python("print(1)").stdout == b"1\n"


def test_run_works_without_prlimit(monkeypatch: pytest.MonkeyPatch) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda tool: None if tool == "prlimit" else which(tool))

    assert python("print(1)").stdout == b"1\n"
    assert sandbox.poppler_path() is None


@needs_prlimit
@needs_poppler
def test_poppler_path_holds_private_wrappers_that_set_limits(data_dir: Path) -> None:
    folder = sandbox.poppler_path()

    assert folder is not None
    assert folder.is_relative_to(data_dir)
    assert sorted(wrapper.name for wrapper in folder.iterdir()) == ["pdfinfo", "pdftoppm"]
    assert {wrapper.stat().st_mode & 0o777 for wrapper in folder.iterdir()} == {0o700}
    assert sandbox.poppler_path() == folder


@needs_prlimit
@needs_poppler
def test_wrapper_sets_the_limits_that_its_link_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "pdftoppm"
    tool.write_text("#!/bin/sh\ncat /proc/self/limits\n")
    tool.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    folder = sandbox.poppler_path()
    assert folder is not None
    link = tmp_path / "poppler-20"
    link.symlink_to(folder)

    done = subprocess.run([link / "pdftoppm"], stdout=subprocess.PIPE, text=True, check=True)

    limits = {line[:26].strip(): line[26:].split()[:2] for line in done.stdout.splitlines()}
    assert limits["Max cpu time"] == ["20", "25"]
    assert limits["Max address space"] == ["1073741824"] * 2
    assert limits["Max file size"] == ["67108864"] * 2
    assert limits["Max core file size"] == ["0"] * 2
    assert "prlimit" not in (folder / "pdftoppm").read_text()


@needs_prlimit
@needs_poppler
def test_poppler_path_keeps_the_wrappers_of_the_process_that_was_first() -> None:
    folder = sandbox.poppler_path()
    assert folder is not None
    before = (folder / "pdfinfo").stat().st_ino

    sandbox._install({"pdfinfo": "another"}, folder)

    assert (folder / "pdfinfo").stat().st_ino == before


def test_poppler_path_raises_when_its_folder_cannot_be_made(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, target: Path) -> Path:
        raise PermissionError

    monkeypatch.setattr(Path, "rename", fail)

    with pytest.raises(PermissionError):
        sandbox._install({"pdfinfo": "script"}, data_dir / "poppler" / "version")


@needs_poppler
@needs_prlimit
def test_check_is_silent_where_everything_is_installed() -> None:
    assert check_tools() == []


def test_check_warns_of_missing_tools_without_failing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: None)

    assert [message.id for message in check_tools()] == ["extraction.W001", "extraction.W002"]
    call_command("check", tags=["extraction"])


@needs_poppler
@pytest.mark.parametrize("missing", ["prlimit", "setpriv"])
def test_check_warns_of_each_tool_without_which_poppler_has_no_limits(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda tool: None if tool == missing else which(tool))

    [message] = check_tools()
    assert (message.id, f"no {missing};" in message.msg) == ("extraction.W002", True)
