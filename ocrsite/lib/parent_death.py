"""Processes that do not outlive their parent (Linux; elsewhere nothing can be asked of the kernel).

``python -m ocrsite.lib.parent_death PARENT_PID COMMAND…`` has the kernel send the command SIGTERM
when the parent dies, however it dies. A process of its own does this, because running Python
between fork and exec is unsafe in a parent that has threads.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # prctl(2)


def main(arguments: list[str]) -> None:
    """Become the command; the order to the kernel survives exec."""
    parent, command = int(arguments[0]), arguments[1:]
    # Not SIGINT: a Python that is still starting can swallow it.
    _order()(signal.SIGTERM)
    if os.getppid() != parent:  # it died before the kernel knew
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606  # no shell is wanted


def tie_forks() -> None:
    """Have all that this process forks from now on, and their forks, be killed with their parent.

    To the kernel the parent is the thread that forks: it must live as long as its process.
    """
    if sys.platform != "linux":
        return
    order = _order()  # loaded before the fork, so that the child only calls
    parent = os.getpid()

    def remember_parent() -> None:
        nonlocal parent
        parent = os.getpid()

    def tie() -> None:
        order(signal.SIGKILL)
        if os.getppid() != parent:  # it died before the kernel knew
            os._exit(1)

    os.register_at_fork(before=remember_parent, after_in_child=tie)


def _order() -> Callable[[signal.Signals], None]:
    """Return what asks the kernel for a signal at the parent's death. It raises OSError."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def order(number: signal.Signals) -> None:
        if prctl(_PR_SET_PDEATHSIG, number):
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")

    return order


if __name__ == "__main__":
    main(sys.argv[1:])
