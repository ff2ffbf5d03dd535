import logging
import socket
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import (
    Error,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connection,
)
from django.db.utils import ConnectionHandler
from django.utils import timezone

from logs.models import ApplicationLog
from ocrsite.lib.database import (
    UtcNow,
    database_settings,
    drop_connections,
    is_unreachable,
    retry_while_unreachable,
)
from tests import pyodbc_errors
from tests.outages import database_away

pytestmark = pytest.mark.vendor

FOLDER = Path("/data")


def test_no_url_means_sqlite_in_the_data_folder() -> None:
    assert database_settings("", FOLDER) == {
        "ENGINE": "ocrsite.lib.sqlite",
        "NAME": "/data/db.sqlite3",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA secure_delete=ON;",
        },
        "TEST": {"NAME": "/data/test.sqlite3"},
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }


def test_sql_server_url_gets_the_options_that_production_needs() -> None:
    settings = database_settings("mssql://sa:p%40ss%2Fword@db.example:1433/ocr", FOLDER)

    assert settings["ENGINE"] == "ocrsite.lib.sqlserver"
    assert (settings["HOST"], settings["PORT"], settings["NAME"]) == ("db.example", 1433, "ocr")
    assert (settings["USER"], settings["PASSWORD"]) == ("sa", "p@ss/word")
    assert settings["OPTIONS"] == {
        "driver": "ODBC Driver 18 for SQL Server",
        "connection_timeout": 5,
        "connection_retries": 0,
        "query_timeout": 60,
        "extra_params": (
            "Encrypt=yes;TrustServerCertificate=no;MARS_Connection=no;ConnectRetryCount=0"
        ),
    }
    assert (settings["CONN_MAX_AGE"], settings["CONN_HEALTH_CHECKS"]) == (600, True)


@pytest.mark.parametrize(
    ("query", "option", "value"),
    [
        ("driver=FreeTDS", "driver", "FreeTDS"),
        ("driver=ODBC+Driver+17+for+SQL+Server", "driver", "ODBC Driver 17 for SQL Server"),
        ("connection_timeout=30", "connection_timeout", 30),
        ("query_timeout=0", "query_timeout", 0),
        (
            "extra_params=Encrypt%3Dyes%3BTrustServerCertificate%3Dyes",
            "extra_params",
            "Encrypt=yes;TrustServerCertificate=yes",
        ),
        ("host_is_server=true", "host_is_server", True),
    ],
)
def test_query_of_a_sql_server_url_overrides_one_option(
    query: str, option: str, value: object
) -> None:
    plain = database_settings("mssql://sa:pass@db/ocr", FOLDER)["OPTIONS"]

    options = database_settings(f"mssql://sa:pass@db/ocr?{query}", FOLDER)["OPTIONS"]

    assert options == {**plain, option: value}


def test_postgresql_url_keeps_its_own_options() -> None:
    settings = database_settings("postgres://ocr:pass@db/ocr?sslmode=require", FOLDER)

    assert settings["ENGINE"] == "django.db.backends.postgresql"
    assert settings["OPTIONS"] == {
        "connect_timeout": 5,
        "tcp_user_timeout": 20_000,
        "sslmode": "require",
    }


def test_postgresql_url_overrides_the_time_out() -> None:
    settings = database_settings("postgres://ocr:pass@db/ocr?connect_timeout=2", FOLDER)

    assert settings["OPTIONS"] == {"connect_timeout": 2, "tcp_user_timeout": 20_000}


@pytest.mark.django_db
def test_postgresql_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://ocr@127.0.0.1:{silent.getsockname()[1]}/ocr?connect_timeout=2"
        database = ConnectionHandler({"default": database_settings(url, FOLDER)})["default"]
        with pytest.raises(OperationalError, match="timeout"):
            database.ensure_connection()


@pytest.mark.django_db(transaction=True)
def test_whatever_fails_while_connecting_means_unreachable() -> None:
    with database_away(), pytest.raises(Error) as caught:
        ApplicationLog.objects.exists()

    assert is_unreachable(caught.value)


@pytest.mark.django_db(transaction=True)
def test_table_that_is_missing_does_not_mean_unreachable() -> None:
    with pytest.raises(Error) as caught, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nowhere")

    assert not is_unreachable(caught.value)


@pytest.mark.django_db(transaction=True)
def test_what_is_no_error_of_the_database_does_not_mean_unreachable() -> None:
    connection.close()

    assert not is_unreachable(ValueError())


@pytest.mark.parametrize(
    ("error", "unreachable"),
    [
        (OperationalError("lost"), True),
        (InterfaceError("closed"), True),
        (ProgrammingError("wrong"), False),
        (IntegrityError("twice"), False),
    ],
)
@pytest.mark.django_db
def test_connection_that_is_lost_means_unreachable(error: Error, unreachable: bool) -> None:
    ApplicationLog.objects.exists()  # connects

    assert is_unreachable(error) is unreachable


@pytest.mark.django_db(transaction=True)
def test_locked_file_of_sqlite_means_unreachable(tmp_path: Path) -> None:
    path = tmp_path / "locked.sqlite3"
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        database = ConnectionHandler(
            {
                "default": {
                    **database_settings(f"sqlite:///{path}", tmp_path),
                    "OPTIONS": {"timeout": 0},
                }
            }
        )["default"]
        with pytest.raises(OperationalError) as caught, database.cursor() as cursor:
            cursor.execute("CREATE TABLE t (i)")

    assert is_unreachable(caught.value)
    database.close()


@pytest.mark.parametrize(
    "url", ["oracle://u:p@h/n", "nonsense", "mongodb://u:p@h/n", "mssql://u:p@h:port/n"]
)
def test_url_that_names_no_database_of_ours_says_what_to_write(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="mssql://") as refusal:
        database_settings(url, FOLDER)

    assert ":p@" not in str(refusal.value)


@pytest.mark.django_db
def test_clock_of_the_database_compares_with_the_clock_of_python() -> None:
    before = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO "ApplicationLogs" ("LogLevel", "Logger", "Message")"""
            " VALUES ('INFO', 'by hand', 'plain INSERT')"
        )

    log = ApplicationLog.objects.get()
    # SQLite's clock counts milliseconds.
    assert before - timedelta(milliseconds=1) < log.timestamp <= timezone.now()
    assert ApplicationLog.objects.filter(timestamp__gte=log.timestamp).exists()


def test_clock_of_sql_server_is_utc_whatever_its_time_zone() -> None:
    compiler = ApplicationLog.objects.all().query.get_compiler("default")

    assert UtcNow().as_microsoft(compiler, connection) == ("SYSUTCDATETIME()", [])


@pytest.mark.django_db(transaction=True)
def test_connection_that_cannot_be_closed_is_dropped_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection.ensure_connection()
    raw = connection.connection

    def refuse() -> None:
        raise pyodbc_errors.LINK_LOST.raised()

    monkeypatch.setattr(connection, "_close", refuse)
    drop_connections()

    assert connection.connection is None
    raw.close()
    ApplicationLog.objects.exists()  # connects anew


def test_work_is_done_again_until_the_database_is_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ocrsite.lib.database.RECHECK_SECONDS", 0)
    outcomes = iter([OperationalError("away"), OperationalError("away"), None])

    def act() -> str:
        if error := next(outcomes):
            raise error
        return "done"

    assert retry_while_unreachable(act) == "done"
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


@pytest.mark.django_db
def test_a_wrong_query_is_not_waited_for() -> None:
    connection.ensure_connection()

    def act() -> None:
        raise ProgrammingError("no such column")

    with pytest.raises(ProgrammingError):
        retry_while_unreachable(act)
