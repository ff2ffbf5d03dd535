"""A site that has nothing to do leaves the database server in peace."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.postgresql import PostgresqlMissing, Server, running_postgresql
from tests.running_site import running_site

pytestmark = pytest.mark.crash

# By then every process has made the connections that it keeps, except that of django-q2's
# scheduler, which it makes 30 s after the start.
STARTED_SECONDS = 12
IDLE_SECONDS = 20


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
    with psycopg.connect(server.url) as connection:
        row = connection.execute(
            "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    assert row
    return int(row[0])


def test_idle_site_does_not_log_in_again_and_again(tmp_path: Path, server: Server) -> None:
    """33 times in 20 s when each process connected anew to read the levels of loggers."""
    with running_site(tmp_path / "data", DATABASE_URL=server.url) as site:
        site.start_web()
        site.start_worker()
        time.sleep(STARTED_SECONDS)
        before = log_ins(server)
        time.sleep(IDLE_SECONDS)

        assert log_ins(server) - before - 1 <= 1
