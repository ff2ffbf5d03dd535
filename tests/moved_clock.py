"""A Python program on a host whose clock is elsewhere, for tests.

``python -m tests.moved_clock 2026-11-30T22:00+00:00 -m MODULE …``, or ``… -c CODE``: its clock, and
that of the processes it forks, begins there and goes on from there.
"""

import runpy
import sys
from datetime import datetime

import time_machine


def main(begin: str, kind: str, what: str, *arguments: str) -> None:
    """Run a module, or code, as the interpreter does."""
    with time_machine.travel(datetime.fromisoformat(begin), tick=True):
        sys.argv = [what, *arguments]
        if kind == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            exec(what, {"__name__": "__main__"})  # a test's own


if __name__ == "__main__":
    main(*sys.argv[1:])
