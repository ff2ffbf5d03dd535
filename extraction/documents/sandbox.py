"""External tools and parsers under limits: a hostile document may kill its tool, never the worker.

On Linux ``prlimit`` limits memory, CPU time, core dumps and written files. Elsewhere (macOS,
Windows) the wall clock is the only limit, and ``extraction.checks`` warns of it.
"""

import contextlib
import functools
import hashlib
import json
import os
import re
import selectors
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from extraction.documents import forks
from extraction.documents.temp_dirs import temp_dir, temp_root
from extraction.exceptions import DocumentRejected

if TYPE_CHECKING:
    from extraction.documents.fork_server import Job

# Of 344 ordinary PDFs 337 render within 1 GiB of address space and 20 s; bombs do not.
MEMORY = 1024**3
# The soft limit comes first: it ends a tool by SIGXCPU, which says why it ended.
CPU_MARGIN = 5
FILE_SIZE = 64 * 1024**2
# The most that is read of what a tool printed. The longest answer is the text of a document.
OUTPUT_SIZE = 4_000_000

# Windows cannot: there each child starts Python anew.
CAN_FORK = hasattr(os, "fork")

_PDF_CHILD = Path(__file__).with_name("pdf_child.py")
_CHILD = Path(__file__).with_name("child.py")

POPPLER_TOOLS = ("pdfinfo", "pdftoppm")

# Nothing else of the environment reaches a tool: it holds the secrets of the installation.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a tool may use: whole seconds of CPU time, seconds of wall clock, bytes of memory.

    ``cpu`` is what a document is judged by. ``wall`` is longer, since it also counts what the other
    processes of the machine do. Memory is address space.
    """

    cpu: int
    wall: float
    memory: int = MEMORY


_VERSION_LIMITS = Limits(cpu=10, wall=30)
_VERSION = re.compile(rb"[a-z]{1,20} version [0-9.]{1,20}")  # poppler tells it on stderr


class OutOfCpu(Exception):
    """The tool used up its CPU time: the document takes more than is allowed."""


class OutOfTime(Exception):
    """The tool did not get to its end, though within its limits: the fault of the machine."""


class ChildDied(Exception):
    """A parser of ours ended without an answer; the message is its exit code."""


def run(
    tool: str,
    *arguments: str,
    limits: Limits,
    environment: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> subprocess.CompletedProcess[bytes]:
    """Run an external tool to its end and return its exit code and output, whatever the code.

    The tool gets ``environment`` besides the variables PASSED_ON, and reads ``stdin``, at most
    4096 bytes, from a pipe: neither is ever in a file or among the arguments. Raises
    FileNotFoundError when the tool is not installed, OutOfCpu, and OutOfTime after killing it and
    its children. Where nothing limits CPU time, the wall clock stands for it: OutOfCpu. Raises
    OSError for a fault of the machine.
    """
    path = shutil.which(tool)
    if path is None:
        raise FileNotFoundError(f"{tool} is not installed")
    prefix = _limit_command(f"{limits.cpu}:{limits.cpu + CPU_MARGIN}", limits.memory)
    command = [*prefix, path, *arguments]
    # Files, not pipes: the limit on written files then holds for the output as well.
    root = temp_root()
    with tempfile.TemporaryFile(dir=root) as output, tempfile.TemporaryFile(dir=root) as errors:
        process = subprocess.Popen(  # noqa: S603  # an argument list, no shell
            command,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env={**_environment(), **(environment or {})},
            start_new_session=True,
        )
        try:
            if process.stdin is not None:
                with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
                    pipe.write(stdin)  # so few bytes that a pipe takes them at once
            returncode = _ended(process, limits.wall)
        except subprocess.TimeoutExpired as error:
            _kill(process)
            raise (OutOfTime if prefix else OutOfCpu)(tool) from error
        except BaseException:
            _kill(process)
            raise
        _raise_if_killed(returncode)
        output.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(
            command, returncode, output.read(OUTPUT_SIZE), errors.read(OUTPUT_SIZE)
        )


def _ended(process: subprocess.Popen[bytes], seconds: float) -> int:
    """Wait for a process and return its exit code. Raises TimeoutExpired.

    Where the kernel tells of the end, nobody looks for it again and again: ``wait`` does so, up to
    50 ms late.
    """
    if sys.platform == "linux" and process.poll() is None:
        try:
            file = os.pidfd_open(process.pid)
        except OSError:  # an old kernel has none, and some containers forbid it
            return process.wait(seconds)
        try:
            with selectors.PollSelector() as selector:
                selector.register(file, selectors.EVENT_READ)
                if not selector.select(seconds):
                    raise subprocess.TimeoutExpired(process.args, seconds)
        finally:
            os.close(file)
    return process.wait(seconds)


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}


def _raise_if_killed(returncode: int) -> None:
    raise_if_out_of_cpu(returncode)
    if sys.platform != "win32" and returncode == -signal.SIGKILL:
        raise OutOfTime  # nobody but a machine without memory kills it


def raise_if_out_of_cpu(returncode: int) -> None:
    """Raise OutOfCpu when an exit code, a shell's included, says that the CPU time was used up."""
    if sys.platform != "win32" and returncode in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
        raise OutOfCpu


def run_pdf_child(
    command: str, document: Path, *arguments: str, limits: Limits, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a command of ``pdf_child`` on a PDF; the rest is as for ``run``."""
    # -I: neither the current folder nor PYTHONPATH adds modules.
    command_line = ("-I", str(_PDF_CHILD), command, str(document), *arguments)
    return run(sys.executable, *command_line, limits=limits, stdin=stdin)


def run_child(module: str, *arguments: str, limits: Limits) -> Any:
    """Return what ``answer`` of a module of ours returns for the arguments, from a child process.

    The module may import nothing that needs Django. It is loaded once for many calls, so importing
    it must change nothing but modules. Raises what the child does of DocumentRejected and OSError;
    ChildDied when it ends in any other way; and what ``run`` raises.
    """
    if CAN_FORK:
        done = _run_forked([module, *arguments], limits)
    else:
        done = run(sys.executable, "-I", str(_CHILD), module, *arguments, limits=limits)
    try:
        said = json.loads(done.stdout)
    except ValueError:
        raise ChildDied(done.returncode, done.stderr[-500:]) from None
    if rejected := said.get("rejected"):
        raise DocumentRejected(**rejected)
    if errno := said.get("errno"):
        raise OSError(errno, os.strerror(errno))
    return said["answer"]


def loaded_once(*modules: str) -> AbstractContextManager[None]:
    """Have the processes that are forked inside the block share these modules for ``run_child``."""
    return forks.shared_by_forks(_environment(), *modules)


def _run_forked(arguments: list[str], limits: Limits) -> subprocess.CompletedProcess[bytes]:
    """Have a forked process do what ``child`` does with the arguments; the rest is as for ``run``.

    It gets the same limits as a tool.
    """
    is_limited = shutil.which("prlimit") is not None
    root = temp_root()
    with (
        tempfile.NamedTemporaryFile(dir=root) as output,
        tempfile.NamedTemporaryFile(dir=root) as errors,
    ):
        job: Job = {
            "arguments": arguments,
            "output": output.name,
            "errors": errors.name,
            "limits": _limits_of_job(limits) if is_limited else {},
        }
        code = forks.run_job(job, limits.wall, _environment())
        if code is None:
            raise (OutOfTime if is_limited else OutOfCpu)(arguments[0])
        _raise_if_killed(code)
        return subprocess.CompletedProcess(
            arguments, code, output.read(OUTPUT_SIZE), errors.read(OUTPUT_SIZE)
        )


def _limits_of_job(limits: Limits) -> dict[str, int]:
    return {
        "RLIMIT_AS": limits.memory,
        "RLIMIT_CPU": limits.cpu,
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": FILE_SIZE,
    }


def _limit_command(cpu: str, memory: int) -> list[str]:
    """Return what limits the command that follows; ``cpu`` is its soft and its hard limit."""
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        return []
    return [
        prlimit,
        f"--as={memory}",
        f"--cpu={cpu}",
        "--core=0",
        f"--fsize={FILE_SIZE}",
        "--",
    ]


def _kill(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":  # pragma: no cover  # no process groups there
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def poppler_installed() -> bool:
    """Whether poppler's tools are found on PATH."""
    return all(shutil.which(tool) for tool in POPPLER_TOOLS)


def poppler_path() -> Path | None:
    """Return a folder of wrappers that run poppler under limits, for pdf2image.

    None where limits cannot be set (no prlimit): pdf2image then finds poppler on PATH. The wrappers
    are called through a symbolic link to this folder, whose name ends with a hyphen and the seconds
    of CPU time. Beside the link go pdftoppm's stderr (``<link>.errors``) and the last exit code
    (``<link>.exit``), because pdf2image drops both. It also asks for the version and the number of
    pages; both are known, and starting poppler for them would take a fifth of a page's CPU time:
    the number stands in ``<link>.pages``.
    """
    setpriv, pdftoppm = shutil.which("setpriv"), shutil.which("pdftoppm")
    if shutil.which("prlimit") is None or setpriv is None or pdftoppm is None:
        return None
    scripts = {
        "pdfinfo": '#!/bin/sh\nread -r pages <"${0%/*}.pages" && echo "Pages: $pages"\n',
        "pdftoppm": _wrapper(setpriv, pdftoppm),
    }
    version = hashlib.sha256("".join(scripts.values()).encode()).hexdigest()[:12]
    folder = Path(settings.DATA_DIR) / "poppler" / version
    if not folder.is_dir():
        _install(scripts, folder)
    return folder


def _wrapper(setpriv: str, path: str) -> str:
    environment = " ".join(f'${{{name}+"{name}=${name}"}}' for name in PASSED_ON)
    version = _version(path)
    tell = f"echo {shlex.quote(version)} >&2; exit" if version else f"exec {shlex.quote(path)} -v"
    # The shell sets the limits, as prlimit would, which would be one more program to start. Its
    # units are KiB of memory and half a KiB of files; both limits of CPU time, then the soft one.
    limits = (
        f"ulimit -c 0 && ulimit -f {FILE_SIZE // 512} && ulimit -v {MEMORY // 1024} && "
        f"ulimit -t $((cpu + {CPU_MARGIN})) && ulimit -S -t $cpu"
    )
    # pdf2image kills this shell when time is up; the tool then ends with it.
    return (
        f'#!/bin/sh\n[ "$1" = -v ] && {{ {tell}; }}\n'
        'link=${0%/*}\ncpu=${link##*-}\nexec 2>>"$link.errors"\n'
        f"({limits} && exec env -i {environment} {shlex.quote(setpriv)} --pdeathsig KILL "
        f'{shlex.quote(path)} "$@")\ncode=$?\necho $code >"$link.exit"\nexit $code\n'
    )


@functools.cache
def _version(path: str) -> str:
    """What a tool says of its version; "" where that is not known, as on a full disk."""
    said = _VERSION.match(run(path, "-v", limits=_VERSION_LIMITS).stderr)
    return said[0].decode() if said else ""


def _install(scripts: Mapping[str, str], folder: Path) -> None:
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with temp_dir() as new:
        for tool, script in scripts.items():
            (new / tool).write_text(script, encoding="utf-8")
            (new / tool).chmod(0o700)
        try:
            new.rename(folder)
        except OSError:
            # Another process was first; its wrappers are the same.
            if not folder.is_dir():
                raise
