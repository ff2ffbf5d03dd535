"""A PostgreSQL server of the test run's own, and the address of whatever database tests run on."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from tests.running_site import free_port

# Debian keeps the server's programs off the PATH, a folder for each version.
_DEBIAN = Path("/usr/lib/postgresql")


class PostgresqlMissing(Exception):
    """No server can be started here; the text says why."""


@contextmanager
def running_postgresql() -> Iterator[str]:
    """Start a server with a folder and a port of its own; yields its DATABASE_URL.

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
        data, port = folder / "data", free_port()
        options = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        )
        server = [*become, pg_ctl, "-D", str(data), "-w"]
        _run([*become, initdb, "-D", str(data), "-U", "ocrsite", "-A", "trust", "-E", "UTF8"])
        _run([*server, "-l", str(folder / "log"), "-o", options, "start"])
        try:
            yield f"postgres://ocrsite@127.0.0.1:{port}/postgres"
        finally:
            _run([*server, "-m", "immediate", "stop"])
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
