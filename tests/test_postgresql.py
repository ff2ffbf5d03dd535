"""What moves money and state, on PostgreSQL as on SQLite: the same tests, once more there.

SQLite lets one process write at a time; PostgreSQL's READ COMMITTED does not, and so shows what
holds only by luck. Migrations, views and the database's own defaults are proved on the way.
"""

import os
import subprocess
import sys

import pytest

from tests.postgresql import PostgresqlMissing, running_postgresql
from tests.running_site import ROOT

PROOFS = [
    "tests/tokens",
    "tests/logs/admin/test_csv_export.py",
    "tests/logs/admin/test_log_records.py",
    "tests/logs/handler/test_error_grouping.py",
    "tests/logs/admin/test_pagination.py",
    "tests/logs/test_retention.py",
    "tests/logs/handler/test_spool.py",
    "tests/logs/test_views.py",
    "tests/ocrsite/lib/test_database.py",
    "tests/extraction/test_fairness.py",
    "tests/extraction/test_models.py",
    "tests/extraction/test_pipeline.py",
    "tests/extraction/test_kill.py",
    "tests/extraction/test_spending.py",
    "tests/test_secrecy.py",
]


def test_books_and_states_hold_on_postgresql() -> None:
    try:
        with running_postgresql() as server:
            session = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "pytest",
                    "-q",
                    "--tb=short",
                    "-p",
                    "no:cacheprovider",
                    *PROOFS,
                ],
                cwd=ROOT,
                env={**os.environ, "DATABASE_URL": server.url},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
    except PostgresqlMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    assert session.returncode == 0, session.stdout[-6000:]
