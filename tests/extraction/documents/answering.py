"""A module for the sandbox's child: answers, rejects, and dies in every way."""

import errno
import os
import signal
import sys
import threading
import time
from pathlib import Path

from extraction.exceptions import DocumentRejected

_kept: list[bytearray] = []


def answer(arguments: list[str]) -> list[str]:
    """Do what the first argument says, for tests of ``sandbox.run_child``."""
    way, *rest = arguments
    match way:
        case "reject":
            raise DocumentRejected("no_pages", "It has none.", 415)
        case "fill the disk":
            raise OSError(errno.ENOSPC, "full")
        case "die":
            os.abort()
        case "raise":
            raise ValueError("anything")
        case "raise without number":
            raise OSError("truncated")
        case "spin":
            while True:
                pass
        case "spin for":
            end = time.process_time() + float(rest.pop())
            while time.process_time() < end:
                pass
        case "limits":
            return _limits()
        case "keep memory":
            _kept.append(bytearray(os.urandom(1)) * 50_000_000)
        case "keep a file":
            os.open(os.devnull, os.O_RDONLY)
        case "keep a thread":
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        case "sleep":
            Path(rest[0]).write_text(f"{os.getpid()} {os.getppid()}")
            time.sleep(60)
        case "allocate":
            bytes(300_000_000)
        case "write":
            sys.stdout.write("x" * 2000)
        case "kill the server":
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        case "processes":
            return [str(os.getpid()), str(os.getppid())]
        case "environment":
            return sorted(os.environ)
        case "files":
            open_files = (Path(f"/dev/fd/{number}") for number in range(20))
            return [str(path) for path in open_files if path.exists()]
        case "read stdin":
            return [os.read(0, 100).decode()]
    return rest


def _limits() -> list[str]:
    """The bytes of memory that this job may use, and the seconds of CPU time left to it."""
    import resource  # not on Windows

    memory, _ = resource.getrlimit(resource.RLIMIT_AS)
    seconds, _ = resource.getrlimit(resource.RLIMIT_CPU)
    return [str(memory), str(seconds - time.process_time())]
