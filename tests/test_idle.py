"""A site that has nothing to do leaves the database server in peace."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.postgresql import PostgresqlMissing, Server, running_postgresql
from tests.running_site import eventually, running_site

pytestmark = pytest.mark.crash

# When nobody has logged in for so long, every process has made the connections that it keeps: the
# last 5 s after its start. Only that of django-q2's scheduler comes after 30 s.
QUIET_SECONDS = 6
# Whoever connected anew for each duty would log in at least twice: the rarest comes every 5 s.
IDLE_SECONDS = 12


@pytest.fixture
def server() -> Iterator[Server]:
    try:
        with running_postgresql() as running:
            yield running
    except PostgresqlMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def log_ins(server: Server) -> int:
    """How often anybody has logged in, this time included."""
    return look(server)[0]


def look(server: Server) -> tuple[int, bool]:
    """How often anybody has logged in, this time included, and whether a worker has begun."""
    with psycopg.connect(server.url) as connection:
        row = connection.execute(
            'SELECT sessions, EXISTS (SELECT 1 FROM "Installation") FROM pg_stat_database'
            " WHERE datname = current_database()"
        ).fetchone()
    assert row
    return int(row[0]), bool(row[1])


def quiet_log_ins(server: Server) -> int:
    """How often anybody has logged in, once the worker has begun and all is quiet."""
    before, since = 0, time.monotonic()
    for _ in eventually(120):
        count, has_begun = look(server)
        if count > before + 1 or not has_begun:  # somebody beside this look
            since = time.monotonic()
        before = count
        if time.monotonic() - since >= QUIET_SECONDS:
            break
    return before


def test_idle_site_does_not_log_in_again_and_again(tmp_path: Path, server: Server) -> None:
    """33 times in 20 s when each process connected anew to read the levels of loggers."""
    with running_site(tmp_path / "data", DATABASE_URL=server.url) as site:
        site.start_web()
        site.start_worker()
        # On a busy machine a process may begin after the quiet, but none begins again and again.
        for _ in eventually(120):
            before = quiet_log_ins(server)
            time.sleep(IDLE_SECONDS)
            if log_ins(server) - before - 1 <= 1:
                break
