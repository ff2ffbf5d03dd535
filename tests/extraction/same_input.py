"""The sandbox's answers to inputs that this process of tests has sent it before."""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import CompletedProcess

from extraction.documents.sandbox import Limits

Run = Callable[..., CompletedProcess[bytes]]
_answers: dict[object, CompletedProcess[bytes]] = {}


def remembering(run: Run) -> Run:
    """Return ``sandbox.run`` so that a tool is started once for each input, the contents of files.

    For tests that process the same documents many times. A command that is given a folder is
    always run: it writes there. So are one that gets a password, and one that failed. The time that
    is left for a tool differs each time; what it says in time does not depend on it.
    """

    def run_once(
        tool: str,
        *arguments: str,
        limits: Limits,
        environment: Mapping[str, str] | None = None,
        stdin: bytes = b"",
    ) -> CompletedProcess[bytes]:
        if stdin:  # a password, for a document that is to be written without it
            return run(tool, *arguments, limits=limits, environment=environment, stdin=stdin)
        names = [Path(argument) for argument in arguments]
        passed = frozenset((environment or {}).items())
        key = (shutil.which(tool), *map(_content, names), limits.memory, passed)
        if key in _answers:
            return _answers[key]
        answer = run(tool, *arguments, limits=limits, environment=environment)
        if answer.returncode == 0 and not any(name.is_dir() for name in names):
            _answers[key] = answer
        return answer

    return run_once


def _content(name: Path) -> str:
    return hashlib.sha256(name.read_bytes()).hexdigest() if name.is_file() else str(name)
