"""Does what ``child`` does for one document after the other, in one process.

    python -I kept_child.py MODULE LIMITS

LIMITS is JSON: the limit of each resource by the names of Python's ``resource``; that of CPU time,
in seconds, holds for each document. Each line on stdin is a JSON list of arguments, each line on
stdout what ``child.main`` returns for them. It ends when stdin is closed. Run by
``extraction.documents.kept_children``, without Django and without secrets.
"""

import gc
import json
import os
import resource
import sys
from pathlib import Path

_STDOUT = 1


def main(module: str, limits: dict[str, int]) -> None:  # pragma: no cover  # in the child
    """Answer every line of stdin."""
    from extraction.documents import child

    cpu = limits.pop("RLIMIT_CPU")
    for name, limit in limits.items():
        resource.setrlimit(getattr(resource, name), (limit, limit))
    gc.freeze()  # what is loaded stays
    for line in sys.stdin.buffer:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        # The limit is of a process: what it has used, a second that has begun, and what it may.
        used = int(usage.ru_utime + usage.ru_stime) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (used + cpu, resource.RLIM_INFINITY))
        told = json.dumps(child.main([module, *json.loads(line)]))
        os.write(_STDOUT, told.encode() + b"\n")


if __name__ == "__main__":  # pragma: no cover  # in the child
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main(sys.argv[1], json.loads(sys.argv[2]))
