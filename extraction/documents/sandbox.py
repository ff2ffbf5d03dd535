"""External tools under limits: a hostile document may kill its tool, never the worker.

On Linux ``prlimit`` limits memory, CPU time, core dumps and written files. Elsewhere (macOS,
Windows) the time-out is the only limit, and ``extraction.checks`` warns of it.
"""

import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from extraction.documents.temp_dirs import temp_dir

# Of 344 ordinary PDFs 337 render within 1 GiB of address space and 20 s; bombs do not.
MEMORY = 1024**3
CPU_SECONDS = 20
FILE_SIZE = 64 * 1024**2

_PDF_CHILD = Path(__file__).with_name("pdf_child.py")

POPPLER_TOOLS = ("pdfinfo", "pdftoppm")

# Nothing else of the environment reaches a tool: it holds the secrets of the installation.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT")


def run(
    tool: str,
    *arguments: str,
    timeout: float,
    memory: int = MEMORY,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run an external tool to its end and return its exit code and output, whatever the code.

    ``timeout`` is in seconds of wall clock, ``memory`` in bytes of address space. The tool gets
    ``environment`` besides the variables PASSED_ON. Raises FileNotFoundError when the tool is not
    installed, and subprocess.TimeoutExpired after killing it and its children.
    """
    path = shutil.which(tool)
    if path is None:
        raise FileNotFoundError(f"{tool} is not installed")
    command = [*_limits(memory), path, *arguments]
    minimal = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    # Files, not pipes: the limit on written files then holds for the output as well.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603  # an argument list, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env={**minimal, **(environment or {})},
            start_new_session=True,
        )
        try:
            returncode = process.wait(timeout)
        except BaseException:
            _kill(process)
            raise
        output.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(command, returncode, output.read(), errors.read())


def run_pdf_child(
    command: str, document: Path, *arguments: str, timeout: float
) -> subprocess.CompletedProcess[bytes]:
    """Run a command of ``pdf_child`` on a PDF; the rest is as for ``run``."""
    # -I: neither the current folder nor PYTHONPATH adds modules.
    return run(
        sys.executable, "-I", str(_PDF_CHILD), command, str(document), *arguments, timeout=timeout
    )


def _limits(memory: int) -> list[str]:
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        return []
    return [
        prlimit,
        f"--as={memory}",
        f"--cpu={CPU_SECONDS}",
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

    None where limits cannot be set (no prlimit): pdf2image then finds poppler on PATH. Called
    through a symbolic link to this folder, pdftoppm's stderr goes to a file beside the link
    (``<link>.errors``), because pdf2image drops it together with the exit code.
    """
    limits = _limits(MEMORY)
    if not limits:
        return None
    installed = {tool: path for tool in POPPLER_TOOLS if (path := shutil.which(tool))}
    scripts = {tool: _wrapper(limits, path) for tool, path in installed.items()}
    version = hashlib.sha256("".join(scripts.values()).encode()).hexdigest()[:12]
    folder = Path(settings.DATA_DIR) / "poppler" / version
    if not folder.is_dir():
        _install(scripts, folder)
    return folder


def _wrapper(limits: list[str], path: str) -> str:
    environment = " ".join(f'${{{name}+"{name}=${name}"}}' for name in PASSED_ON)
    # Not with "-v": pdf2image reads poppler's version from stderr. Not for pdfinfo: its stderr
    # tells that a document is locked.
    redirect = '[ "$1" = -v ] || exec 2>>"${0%/*}.errors"\n' if path.endswith("pdftoppm") else ""
    return (
        f"#!/bin/sh\n{redirect}"
        f'exec env -i {environment} {shlex.join(limits)} {shlex.quote(path)} "$@"\n'
    )


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
