"""What the processes of a run of tests share: made by the first that asks, found by the others."""

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from django.core.files import locks

_ROOT = Path(__file__).resolve().parent.parent


@functools.cache
def _shared_folder() -> Path:
    shared = os.environ.get("TESTS_SHARED_FOLDER")  # tests/environment.py sets it
    if shared is None:
        shared = tempfile.mkdtemp(prefix="ocrsite-shared-")
        atexit.register(shutil.rmtree, shared, ignore_errors=True)
    return Path(shared)


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """The folder of this name; ``make`` fills it where nobody has, and the others wait for that."""
    made, draft = _shared_folder() / name, _shared_folder() / f"{name}-draft"
    with Path(f"{made}.lock").open("w") as lock:  # pytest-xdist's workers ask at the same time
        locks.lock(lock, locks.LOCK_EX)
        if not made.exists():
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(mode=0o700)
            make(draft)
            draft.rename(made)
    return made


def migrated_database() -> Path:
    """An SQLite database as ``migrate`` makes it, to be copied: to migrate takes ten seconds."""
    return made_once("migrated", migrate) / "db.sqlite3"


# A fifth of the time would go to garbage collections, which find next to nothing.
_MIGRATE = """
import gc
import sys
import django
from django.core.management import call_command
gc.set_threshold(10_000, 10, 10)
django.setup()
call_command("migrate", *sys.argv[1:], verbosity=0)
"""


def migrate(data_dir: Path, *target: str) -> None:
    """Migrate the SQLite database of this DATA_DIR in a process of its own."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "DATABASE_URL" and not name.startswith("COV")
    }
    subprocess.run(
        [sys.executable, "-c", _MIGRATE, *target],
        cwd=_ROOT,
        env={
            **environment,
            "DATA_DIR": str(data_dir),
            "DJANGO_SETTINGS_MODULE": "ocrsite.settings",
        },
        check=True,
    )
