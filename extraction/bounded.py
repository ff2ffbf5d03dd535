"""Run an outside tool so that no document can hold a worker: time and memory are limited."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping

CPU_SECONDS = 20
MEMORY_BYTES = 1 << 30
FILE_BYTES = 64 << 20


def run(
    tool: str,
    *arguments: str,
    timeout: float,
    memory: int = MEMORY_BYTES,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a tool to its end and return what it printed, whatever its exit code.

    ``timeout`` is in seconds, ``memory`` in bytes. Raises FileNotFoundError when the tool is not
    installed and TimeoutExpired after killing it with everything that it started.
    """
    path = shutil.which(tool)
    if path is None:
        raise FileNotFoundError(tool)
    command = [path, *arguments]
    prlimit = shutil.which("prlimit")
    if prlimit is not None:
        limits = [f"--as={memory}", f"--cpu={CPU_SECONDS}", "--core=0", f"--fsize={FILE_BYTES}"]
        command = [prlimit, *limits, "--", *command]
    with subprocess.Popen(  # noqa: S603 - no shell, and the tool's full path
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
