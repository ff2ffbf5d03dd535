"""Runs a module of ours that parses hostile input, in a process of its own.

    python -I child.py MODULE ARGUMENT…

Writes one JSON object: ``answer``, what the module's ``answer`` function returned for the
arguments; or ``rejected``, the rejection that it raised; or ``errno`` of a fault of the machine.
Run by ``extraction.documents.sandbox`` under limits, without Django and without secrets.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any


def main(arguments: list[str]) -> dict[str, Any]:
    """Do what the command line says and return what to write."""
    from extraction.exceptions import DocumentRejected

    module, *rest = arguments
    try:
        return {"answer": importlib.import_module(module).answer(rest)}
    except DocumentRejected as error:
        told = {"code": error.code, "detail": error.detail, "http_status": error.http_status}
        return {"rejected": told}
    except OSError as error:
        if error.errno is None:
            raise
        return {"errno": error.errno}


if __name__ == "__main__":  # pragma: no cover  # runs in the child, unmeasured
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    sys.stdout.write(json.dumps(main(sys.argv[1:])))
