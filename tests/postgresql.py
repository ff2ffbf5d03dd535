"""A PostgreSQL server of the test run's own, and the address of whatever database tests run on.

``python -m tests.postgresql …`` runs pytest on such a server, with the same arguments.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from tests.running_site import ROOT, free_port

# Debian keeps the server's programs off the PATH, a folder for each version.
_DEBIAN = Path("/usr/lib/postgresql")


class PostgresqlMissing(Exception):
    """No server can be started here; the text says why."""


class Server:
    """A server that listens on 127.0.0.1; it can be taken away and come back with its data."""

    def __init__(self, pg_ctl: list[str], folder: Path, port: int) -> None:
        options = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        )
        self.url = f"postgres://ocrsite@127.0.0.1:{port}/postgres"
        self._start = [*pg_ctl, "-l", str(folder / "log"), "-o", options, "start"]
        self._stop = [*pg_ctl, "-m", "immediate", "stop"]
        self.start()

    def start(self) -> None:
        """Start it, after ``stop`` too, and return when it takes connections."""
        _run(self._start)
        self.running = True

    def stop(self) -> None:
        """End it as a crash does: no connection is told."""
        if self.running:
            _run(self._stop)
        self.running = False


@contextmanager
def running_postgresql() -> Iterator[Server]:
    """Start a server with a folder and a port of its own.

    Raises PostgresqlMissing where it is not installed.
    """
    versions = sorted(_DEBIAN.glob("*/bin"), key=lambda folder: int(folder.parent.name))
    path = os.pathsep.join([*map(str, reversed(versions)), os.environ.get("PATH", "")])
    initdb, pg_ctl = shutil.which("initdb", path=path), shutil.which("pg_ctl", path=path)
    if initdb is None or pg_ctl is None:
        raise PostgresqlMissing("no PostgreSQL server is installed; make test says how to get it")
    # PostgreSQL refuses to run as root. Not pytest's folder: only root may enter that one.
    become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="ocrsite-postgresql-"))
    try:
        if become:
            shutil.chown(folder, "postgres")
        data = folder / "data"
        _run([*become, initdb, "-D", str(data), "-U", "ocrsite", "-A", "trust", "-E", "UTF8"])
        server = Server([*become, pg_ctl, "-D", str(data), "-w"], folder, free_port())
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def database_url() -> str:
    """The DATABASE_URL under which other processes find the database of the running test."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    return "postgres://{USER}@{HOST}:{PORT}/{NAME}".format(**database)


def _run(command: list[str]) -> None:
    # Not captured: the server would inherit the pipe and keep it open.
    subprocess.run(
        command, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )


def main(arguments: list[str]) -> int:
    """Run pytest on a PostgreSQL server; return its exit code.

    Where no server is installed, say so and return 0, but 1 where ``$CI`` is set.
    """
    try:
        with running_postgresql() as server:
            return subprocess.run(
                [sys.executable, "-m", "pytest", *arguments],
                cwd=ROOT,
                env={**os.environ, "DATABASE_URL": server.url},
                check=False,
            ).returncode
    except PostgresqlMissing as missing:
        sys.stdout.write(f"SKIPPED on PostgreSQL: {missing}.\n")
        return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
