"""``python -m tests.databases``: what ``make test`` runs, on both databases at the same time.

On SQLite every test, with coverage; on PostgreSQL those that are marked ``vendor``. Each of them
waits now and then, for processes or for the other side of a lock, and the other one goes on.
"""

import subprocess
import sys
import tempfile
import time

from tests.running_site import ROOT

_WORKERS = ["-n2", "--dist=loadfile", "--no-loadscope-reorder"]
_SQLITE = ["-m", "pytest", *_WORKERS, "--durations=10", "--cov"]
# One process: with one worker, another would only load the tests' packages and look on.
_POSTGRESQL = ["-m", "tests.postgresql", "--durations=10", "-m", "vendor and not chaos"]


def main(arguments: list[str]) -> int:
    """Pass the arguments on to both runs of pytest; return 0 when both succeeded.

    What the run on PostgreSQL says follows that of the other one.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        postgresql = subprocess.Popen(
            [sys.executable, *_POSTGRESQL, *arguments],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            sqlite = subprocess.run([sys.executable, *_SQLITE, *arguments], cwd=ROOT, check=False)
        finally:
            failed = postgresql.wait() != 0
            output.seek(0)
            sys.stdout.write(f"\nOn PostgreSQL:\n{output.read()}")
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    sys.stdout.write(f"\nBoth runs took {minutes} min {seconds} s.\n")
    return int(failed or sqlite.returncode != 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
