#!/usr/bin/env python3
"""Set up ocrsite from nothing but Python: ``python3 bootstrap.py run|dev|test``.

Makes ``.venv``, installs the locked packages into it, and the system programs and libraries that
the profile uses. Does again only what changed since, so that calling it before every command
costs nothing.
Uses the standard library alone: nothing of ours is installed yet when it runs.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Callable

OLDEST_PYTHON = (3, 11)
LOCKS = {"run": "requirements.txt", "dev": "requirements-dev.txt", "test": "requirements-dev.txt"}
# Program or shared library → Debian package. `make run` renders pages with pypdfium2 where poppler
# is missing, and reads no scan without tesseract. Of the tests, T-SQL is made with pyodbc, whose
# wheel lacks unixODBC, and Playwright's wheel lacks a library that minimal systems have not. The
# texts of the pages are found with gettext; their translations are kept compiled.
POPPLER = ("pdftoppm", "poppler-utils")
# Counts pages as poppler's tools do, without starting one.
POPPLER_LIBRARY = ("libpoppler-glib.so.8", "libpoppler-glib8")
TESSERACT = ("tesseract", "tesseract-ocr")
CHROMIUM = ("chromium-headless-shell", "chromium-headless-shell")
UNIX_ODBC = ("libodbc.so.2", "libodbc2")
ATOMIC = ("libatomic.so.1", "libatomic1")
# Debian keeps the server's own programs off the PATH; this one belongs to every version of it.
POSTGRESQL = ("pg_ctlcluster", "postgresql")
REDIS = ("redis-server", "redis-server")
# Sets the clock of processes: tests of what then becomes of leases.
FAKETIME = ("faketime", "faketime")
GETTEXT = ("msgfmt", "gettext")
NEEDED = {
    "run": [POPPLER, POPPLER_LIBRARY, TESSERACT],
    "dev": [],
    "test": [
        *(POPPLER, POPPLER_LIBRARY, TESSERACT, CHROMIUM, POSTGRESQL, REDIS, GETTEXT),
        *(UNIX_ODBC, ATOMIC, FAKETIME),
    ],
}


class SetupError(Exception):
    """Set-up cannot go on; the text says why and what to do."""


def set_up(root: Path, profile: str) -> None:
    """Make ``root/.venv`` and the system programs ready for a profile of ``LOCKS``.

    Raises SetupError when the packages cannot be installed. A missing system program is only
    reported: the command that needs it says what it does without.
    """
    lock = root / LOCKS[profile]
    stamp = root / ".venv" / f"{lock.name}.installed"
    # The Python version belongs to it: an upgraded system Python leaves .venv without packages.
    wanted = f"{sys.version_info[0]}.{sys.version_info[1]} {_digest(lock)}\n"
    if not stamp.exists() or stamp.read_text() != wanted:
        python = venv_python(root / ".venv")
        if not _runs(str(python), "import pip"):
            _make_venv(root / ".venv")
        _install_packages(python, lock)
        stamp.write_text(wanted)
    for name, package in NEEDED[profile]:
        if not _is_here(name):
            _install(name, package)


def venv_python(venv: Path) -> Path:
    """Return the interpreter of a virtual environment, on Windows too."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _is_here(name: str) -> bool:
    if ".so." not in name:
        return shutil.which(name) is not None
    if not sys.platform.startswith("linux"):
        return True  # elsewhere libraries have other names, and come with the wheels
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def _runs(python: str, statement: str) -> bool:
    command = [python, "-c", statement]
    try:
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:  # there is no such Python, or no longer
        return False


def _make_venv(venv: Path) -> None:
    _tell(f"Setting up {venv.name} …")
    if not _runs(sys.executable, "import ensurepip"):
        # Debian ships Python without what `python3 -m venv` needs.
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        if not _apt_install(package):
            raise SetupError(
                f"Python lacks its venv module. Install it, then run this again:\n"
                f"    sudo apt-get install -y {package}"
            )
    # --clear: what stands there is half-made, or belongs to a Python that is gone.
    if not _stream([sys.executable, "-m", "venv", "--clear", str(venv)]):
        raise SetupError(f"{venv} could not be made. Remove it and run this again.")


def _install_packages(python: Path, lock: Path) -> None:
    total = len(re.findall(r"^[A-Za-z0-9].*==", lock.read_text(), flags=re.MULTILINE))
    collected = ignored = 0

    def describe(line: str) -> str | None:
        nonlocal collected, ignored
        if line.startswith("Ignoring "):  # for another platform
            ignored += 1
        elif line.startswith(("Collecting ", "Processing ")):  # from an index, from a folder
            collected += 1
            return f"[{collected}/{total - ignored}] {line.split()[1].rpartition('/')[2]}"
        elif line.startswith("Installing collected packages"):
            return "unpacking …"
        return None

    _tell(f"Installing packages from {lock.name} …")
    # fmt: off
    command = [
        str(python), "-m", "pip", "install",
        "--disable-pip-version-check", "--no-input", "--progress-bar", "off",
        "--require-hashes", "--no-deps", "-r", str(lock),
    ]
    # fmt: on
    if not _stream(command, describe, PIP_USER="0"):
        raise SetupError(
            "The packages could not be installed; pip's last lines are above.\n"
            "Check the network connection and run this again."
        )


def _install(name: str, package: str) -> None:
    if not _apt_install(package):
        _tell(
            f"{name} is not installed; ocrsite works better with it:\n"
            f"    sudo apt-get install -y {package}"
        )


def _apt_install(package: str) -> bool:
    """Install a Debian package, or return False where we cannot: not root, or no apt-get."""
    if os.name == "nt" or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    _tell(f"Installing Debian's {package} …")
    # fmt: off
    install = [
        "apt-get", "install", "-y", "--no-install-recommends",
        "-o", "DPkg::Lock::Timeout=120", package,
    ]
    # fmt: on
    if _stream(install, _describe_apt, quiet=True):
        return True
    # A fresh machine has no package lists, an old one outdated lists.
    return _stream(["apt-get", "update"], _describe_apt) and _stream(install, _describe_apt)


def _describe_apt(line: str) -> str | None:
    words = line.split()
    if line.startswith("Get:") and len(words) > 4:
        return f"fetching {words[4]}"
    if line.startswith("Setting up ") and len(words) > 2:
        return f"{words[2]} is installed"
    return None


def _say_nothing(_line: str) -> None:
    return None


def _stream(
    command: list[str],
    describe: Callable[[str], str | None] = _say_nothing,
    *,
    quiet: bool = False,
    **environment: str,
) -> bool:
    """Run a command, show what ``describe`` makes of its lines, and say whether it succeeded.

    A failed command's last lines are shown, unless ``quiet``.
    """
    last_lines: deque[str] = deque(maxlen=15)
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", **environment},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            last_lines.append(line.rstrip())
            shown = describe(line.strip())
            if shown is not None:
                _tell(f"  {shown}")
    if process.returncode == 0:
        return True
    if not quiet:
        _tell("\n".join(last_lines))
    return False


def _tell(text: str) -> None:
    print(text, flush=True)


def main(arguments: list[str]) -> int:
    """Run from the command line; returns the exit code."""
    if sys.version_info[:2] < OLDEST_PYTHON:
        _tell(
            f"ocrsite needs Python {'.'.join(map(str, OLDEST_PYTHON))} or newer; this is "
            f"{sys.version.split()[0]}.\nName another one: make PYTHON=python3.11 …"
        )
        return 1
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        _tell(f"usage: python3 bootstrap.py {'|'.join(LOCKS)}")
        return 2
    try:
        set_up(Path(__file__).resolve().parent, arguments[0])
    except SetupError as error:
        _tell(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
