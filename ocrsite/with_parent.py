"""Run a command that does not outlive its parent (Linux).

``python -m ocrsite.with_parent PARENT_PID COMMAND…`` has the kernel send the command SIGTERM
when the parent dies, however it dies. A process of its own does this, because running Python
between fork and exec is unsafe in a parent that has threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)


def main(arguments: list[str]) -> None:
    """Become the command; the order to the kernel survives exec."""
    parent, command = int(arguments[0]), arguments[1:]
    # Not SIGINT: a Python that is still starting can swallow it.
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died before the kernel knew
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
